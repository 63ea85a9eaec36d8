// Namespaces and policies: what is accepted and what it means, and each refusal with its place. What is right and wrong is what
// Kubernetes' API says of networking.k8s.io/v1.
#include <gtest/gtest.h>

#include "control/documents/documents.hpp"
#include "datapath/wire/headers.hpp"

namespace biplane {
namespace {

const std::string network_head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p, namespace: shop }\n";
const std::string biplane_head = "apiVersion: biplane.dev/v1alpha1\nkind: BiplanePolicy\nmetadata: { name: p }\n";

// Line 4 is `spec: { ... }`; its first key stands in column 9.
std::string network_policy(const std::string& spec) { return network_head + "spec: { " + spec + " }\n"; }
std::string biplane_policy(const std::string& spec) { return biplane_head + "spec: { " + spec + " }\n"; }

template <typename Value>
Value read(const std::string& text) {
    const auto documents = parse_documents(text, "f.yaml");
    EXPECT_TRUE(documents) << documents.error().message;
    return documents ? std::get<Value>(documents->at(0).value) : Value{};
}

std::string refusal(const std::string& text) {
    const auto documents = parse_documents(text, "f.yaml");
    return documents ? "accepted" : documents.error().message;
}

struct Refusal {
    std::string text;
    std::string message;
};
void expect_refusals(const std::vector<Refusal>& refusals) {
    for (const auto& [text, message] : refusals) EXPECT_EQ(refusal(text), "f.yaml:" + message) << text;
}

using Operator = LabelRequirement::Operator;

TEST(NetworkPolicies, EveryKeyIsRead) {
    const auto policy = read<NetworkPolicy>(R"(apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: db.access
  namespace: shop
  labels: { team: a }
spec:
  podSelector:
    matchLabels: { app: db }
    matchExpressions:
      - { key: tier, operator: In, values: [back, "1"] }
      - { key: tier, operator: NotIn, values: [front] }
      - { key: app, operator: Exists }
      - { key: example.com/old, operator: DoesNotExist, values: [] }
  policyTypes: [Egress, Ingress]
  ingress:
    - from:
        - podSelector: { matchLabels: { app: web } }
        - namespaceSelector: {}
        - podSelector: {}
          namespaceSelector: { matchLabels: { env: prod } }
        - ipBlock: { cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.3.4/32] }
        - ipBlock: { cidr: "2001:db8::/32", except: ["2001:db8:1::/48"] }
      ports:
        - { port: 5432 }
        - { protocol: UDP, port: dns }
        - { protocol: SCTP, port: 1000, endPort: 2000 }
        - { protocol: UDP }
        - {}
    - {}
  egress:
    - to: [{ podSelector: {} }]
)");
    EXPECT_EQ(policy.key(), "shop/db.access");
    EXPECT_EQ(policy.labels, (Labels{{"team", "a"}}));
    EXPECT_TRUE(policy.isolates_ingress && policy.isolates_egress);
    EXPECT_EQ(policy.workloads, (LabelSelector{{{"app", "db"}},
                                               {{"tier", Operator::in, {"back", "1"}},
                                                {"tier", Operator::not_in, {"front"}},
                                                {"app", Operator::exists, {}},
                                                {"example.com/old", Operator::does_not_exist, {}}}}));
    ASSERT_EQ(policy.ingress.size(), 2u);
    const auto prefix = [](const char* text) { return parse_prefix(text).value(); };
    const LabelSelector everything;
    EXPECT_EQ(policy.ingress[0].peers,
              (std::vector<PolicyPeer>{
                  {.workloads = LabelSelector{{{"app", "web"}}, {}}, .namespaces = {}, .block = {}},
                  {.workloads = {}, .namespaces = everything, .block = {}},
                  {.workloads = everything, .namespaces = LabelSelector{{{"env", "prod"}}, {}}, .block = {}},
                  {.workloads = {},
                   .namespaces = {},
                   .block = AddressBlock{prefix("10.0.0.0/8"), {prefix("10.1.0.0/16"), prefix("10.2.3.4/32")}}},
                  {.workloads = {}, .namespaces = {}, .block = AddressBlock{prefix("2001:db8::/32"), {prefix("2001:db8:1::/48")}}},
              }));
    EXPECT_EQ(policy.ingress[0].ports, (std::vector<PolicyPort>{{protocol::tcp, PortRange{5432, 5432}},
                                                                {protocol::udp, PortName{"dns"}},
                                                                {protocol::sctp, PortRange{1000, 2000}},
                                                                {protocol::udp, PortRange{0, 65535}},
                                                                {protocol::tcp, PortRange{0, 65535}}}));
    EXPECT_EQ(policy.ingress[1], PolicyMatch{});
    EXPECT_EQ(policy.egress, (std::vector<PolicyMatch>{{{{.workloads = everything, .namespaces = {}, .block = {}}}, {}}}));
}

TEST(NetworkPolicies, WithoutTypesThereIsIngressAndEgressIfItHasRules) {
    struct Case {
        const char* spec;
        bool ingress, egress;
        size_t ingress_rules, egress_rules;
    };
    for (const Case& c : std::vector<Case>{
             {"podSelector: {}", true, false, 0, 0},
             {"podSelector: {}, policyTypes: []", true, false, 0, 0},
             {"podSelector: {}, policyTypes: null, egress: null", true, false, 0, 0},
             {"podSelector: {}, ingress: []", true, false, 0, 0},
             {"podSelector: {}, egress: []", true, false, 0, 0},
             {"podSelector: {}, egress: [{}]", true, true, 0, 1},
             {"podSelector: {}, policyTypes: [Egress]", false, true, 0, 0},
             {"podSelector: {}, policyTypes: [Ingress], egress: [{}]", true, false, 0, 1},
             {"podSelector: {}, policyTypes: [Egress], ingress: [{}, {}]", false, true, 2, 0},
             {"podSelector: {}, policyTypes: [Ingress, Ingress]", true, false, 0, 0},
         }) {
        const auto policy = read<NetworkPolicy>(network_policy(c.spec));
        EXPECT_EQ(policy.isolates_ingress, c.ingress) << c.spec;
        EXPECT_EQ(policy.isolates_egress, c.egress) << c.spec;
        EXPECT_EQ(policy.ingress.size(), c.ingress_rules) << c.spec;
        EXPECT_EQ(policy.egress.size(), c.egress_rules) << c.spec;
    }
}

TEST(NetworkPolicies, WhatIsNullOrMissingMeansWhatItMeansInKubernetes) {
    const NetworkPolicy everything{.name = "p", .space = "shop"};
    for (const char* spec :
         {"", "podSelector: null", "podSelector: {}", "podSelector: { matchLabels: null, matchExpressions: null }", "ingress: null",
          "podSelector: { matchLabels: {}, matchExpressions: [] }"})
        EXPECT_EQ(read<NetworkPolicy>(network_policy(spec)), everything) << spec;
    EXPECT_EQ(read<NetworkPolicy>(network_head), everything);
    EXPECT_EQ(read<NetworkPolicy>(network_head + "spec:\n"), everything);
    EXPECT_EQ(read<NetworkPolicy>(
                  "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p, namespace: ~, labels: ~ }\n")
                  .key(),
              "default/p");

    for (const char* rule : {"{}", "null", "{ from: null }", "{ from: [], ports: [] }", "{ ports: null }"}) {
        const auto policy = read<NetworkPolicy>(network_policy("ingress: [" + std::string(rule) + "]"));
        ASSERT_EQ(policy.ingress.size(), 1u) << rule;
        EXPECT_EQ(policy.ingress[0], PolicyMatch{}) << rule;
    }
    for (const char* port : {"{}", "null", "{ protocol: null, port: null, endPort: null }", "{ protocol: TCP }"})
        EXPECT_EQ(read<NetworkPolicy>(network_policy("ingress: [{ ports: [" + std::string(port) + "] }]")).ingress[0].ports,
                  (std::vector<PolicyPort>{{protocol::tcp, PortRange{0, 65535}}}))
            << port;
    const auto peer =
        read<NetworkPolicy>(network_policy("ingress: [{ from: [{ podSelector: {}, namespaceSelector: null, ipBlock: }] }]"));
    EXPECT_TRUE(peer.ingress[0].peers[0].workloads && !peer.ingress[0].peers[0].namespaces);
}

TEST(NetworkPolicies, BlocksAreTakenWithoutTheirHostBits) {
    const auto policy =
        read<NetworkPolicy>(network_policy("ingress: [{ from: [{ ipBlock: { cidr: 10.1.2.3/8, except: [10.9.9.9/16] } }] }]"));
    EXPECT_EQ(to_string(policy.ingress[0].peers[0].block->cidr), "10.0.0.0/8");
    EXPECT_EQ(to_string(policy.ingress[0].peers[0].block->excepts[0]), "10.9.0.0/16");
    EXPECT_EQ(
        refusal(network_policy("egress: [{ to: [{ ipBlock: { cidr: 0.0.0.0/0, except: [169.254.169.254/32, 127.0.0.0/8] } }] }]")),
        "accepted");
    EXPECT_EQ(refusal(network_policy("egress: [{ to: [{ ipBlock: { cidr: '::/0' } }] }]")), "accepted");
}

TEST(NetworkPolicies, SelectorsAreChecked) {
    const auto with = [](const std::string& expression) {
        return network_policy("podSelector: { matchExpressions: [" + expression + "] }");
    };
    const std::string path = "spec.podSelector.matchExpressions[0]";
    const std::string operators = "expected In, NotIn, Exists or DoesNotExist";
    expect_refusals({
        {network_policy("podSelector: []"),
         "4:22: spec.podSelector: found a list, expected a selector: {} for all, or matchLabels and matchExpressions"},
        {network_policy("podSelector: { app: web }"),
         "4:24: spec.podSelector: unknown key \"app\", expected matchLabels or matchExpressions"},
        {network_policy("podSelector: { matchLabels: [app] }"),
         "4:37: spec.podSelector.matchLabels: found a list, expected a map of labels"},
        {network_policy("podSelector: { matchLabels: { 'a b': c } }"),
         "4:39: spec.podSelector.matchLabels: found \"a b\", expected a label key like app or example.com/app"},
        {network_policy("podSelector: { matchExpressions: { key: a } }"),
         "4:42: spec.podSelector.matchExpressions: found a map, expected a list of expressions"},
        {with("{ operator: Exists }"), "4:43: " + path + ".key: missing, expected a label key"},
        {with("{ key: a }"), "4:43: " + path + ".operator: missing, " + operators},
        {with("{ key: a, operator: exists }"), "4:63: " + path + ".operator: found \"exists\", " + operators},
        {with("{ key: a, operator: in, values: [b] }"), "4:63: " + path + ".operator: found \"in\", " + operators},
        {with("{ key: a, operator: In }"), "4:43: " + path + ".values: found none, expected at least one value for In"},
        {with("{ key: a, operator: NotIn, values: [] }"),
         "4:78: " + path + ".values: found none, expected at least one value for NotIn"},
        {with("{ key: a, operator: Exists, values: [b] }"), "4:79: " + path + ".values: expected no values for Exists"},
        {with("{ key: a, operator: DoesNotExist, values: [b] }"), "4:85: " + path + ".values: expected no values for DoesNotExist"},
        {with("{ key: a, operator: In, values: b }"), "4:75: " + path + ".values: found \"b\", expected a list of label values"},
        {with("{ key: a, operator: In, values: [-b] }"),
         "4:76: " + path +
             ".values[0]: found \"-b\", expected a label value: up to 63 of A-Z, a-z, 0-9, '-', '_' and '.', first and last "
             "alphanumeric"},
        {with("{ key: a, operator: In, value: [b] }"),
         "4:67: " + path + ": unknown key \"value\", expected key, operator or values"},
    });
}

TEST(NetworkPolicies, PeersAreChecked) {
    const auto with = [](const std::string& peer) { return network_policy("ingress: [{ from: [" + peer + "] }]"); };
    const std::string path = "spec.ingress[0].from[0]", block = path + ".ipBlock";
    const std::string peers = "expected podSelector, namespaceSelector or ipBlock";
    const std::string outside = ", expected a longer prefix inside it";
    expect_refusals({
        {with("{}"), "4:28: " + path + ": found none of its keys, " + peers},
        {with("null"), "4:28: " + path + ": found nothing, expected a peer: podSelector, namespaceSelector or ipBlock"},
        {with("{ podSelector: null }"), "4:28: " + path + ": found none of its keys, " + peers},
        {with("{ podSelecter: {} }"), "4:30: " + path + ": unknown key \"podSelecter\", " + peers},
        {with("{ podSelector: {}, ipBlock: { cidr: 10.0.0.0/8 } }"),
         "4:47: " + block + ": found beside a selector, expected a peer of its own"},
        {with("{ ipBlock: { cidr: 10.0.0.0/8 }, namespaceSelector: {} }"),
         "4:30: " + block + ": found beside a selector, expected a peer of its own"},
        {with("{ ipBlock: {} }"), "4:30: " + block + ".cidr: missing, expected a prefix like 10.0.0.0/8"},
        {with("{ ipBlock: { cidr: 10.0.0.1 } }"),
         "4:47: " + block + ".cidr: found \"10.0.0.1\", expected a prefix with its length, like 10.0.0.1/32"},
        {with("{ ipBlock: { cidr: 10.0.0.0/33 } }"),
         "4:47: " + block + ".cidr: found \"10.0.0.0/33\", expected a prefix length from 0 to 32"},
        {with("{ ipBlock: { cidr: 10.0.0.0/8, except: [10.0.0.0/8] } }"),
         "4:68: " + block + ".except[0]: 10.0.0.0/8 is no part of 10.0.0.0/8" + outside},
        {with("{ ipBlock: { cidr: 10.0.0.0/8, except: [10.0.0.0/7] } }"),
         "4:68: " + block + ".except[0]: 10.0.0.0/7 is no part of 10.0.0.0/8" + outside},
        {with("{ ipBlock: { cidr: 10.0.0.0/8, except: [10.0.0.0/9, 11.0.0.0/9] } }"),
         "4:80: " + block + ".except[1]: 11.0.0.0/9 is no part of 10.0.0.0/8" + outside},
        {with("{ ipBlock: { cidr: '::/0', except: [10.0.0.0/9] } }"),
         "4:64: " + block + ".except[0]: 10.0.0.0/9 is no part of ::/0" + outside},
        {with("{ ipBlock: { cidr: 10.0.0.0/8, excepts: [] } }"),
         "4:59: " + block + ": unknown key \"excepts\", expected cidr or except"},
        {network_policy("ingress: [{ to: [] }]"), "4:21: spec.ingress[0]: unknown key \"to\", expected from or ports"},
        {network_policy("egress: [{ from: [] }]"), "4:20: spec.egress[0]: unknown key \"from\", expected to or ports"},
        {network_policy("ingress: {}"), "4:18: spec.ingress: found a map, expected a list of rules"},
    });
}

TEST(NetworkPolicies, PortsAreChecked) {
    const auto with = [](const std::string& port) { return network_policy("egress: [{ ports: [{ " + port + " }] }]"); };
    const std::string path = "spec.egress[0].ports[0]";
    const std::string name =
        "expected a port's number, or its name: 1 to 15 of a-z, 0-9 and single '-', with a letter, not starting or ending with '-'";
    for (const char* good : {"port: 1", "port: 65535", "port: a", "port: a-b-c", "port: 1a", "port: fifteen-letters",
                             "port: 80, endPort: 80", "port: 1, endPort: 65535"})
        EXPECT_EQ(refusal(with(good)), "accepted") << good;
    expect_refusals({
        {with("port: 0"), "4:36: " + path + ".port: found 0, expected a port from 1 to 65535"},
        {with("port: 65536"), "4:36: " + path + ".port: found 65536, expected a port from 1 to 65535"},
        {with("port: -1"), "4:36: " + path + ".port: found -1, expected a port from 1 to 65535"},
        {with("port: 80.5"), "4:36: " + path + ".port: found 80.5, expected a port from 1 to 65535"},
        {with("port: yes"),
         "4:36: " + path + ".port: found the boolean yes, expected a port's number or name; as a text it is written \"yes\""},
        {with("port: '80'"), "4:36: " + path + ".port: found \"80\", " + name},
        {with("port: '080'"), "4:36: " + path + ".port: found \"080\", " + name},
        {with("port: sixteen-letters-"), "4:36: " + path + ".port: found \"sixteen-letters-\", " + name},
        {with("port: sixteen-letterss"), "4:36: " + path + ".port: found \"sixteen-letterss\", " + name},
        {with("port: a--b"), "4:36: " + path + ".port: found \"a--b\", " + name},
        {with("port: -ab"), "4:36: " + path + ".port: found \"-ab\", " + name},
        {with("port: HTTP"), "4:36: " + path + ".port: found \"HTTP\", " + name},
        {with("port: ''"), "4:36: " + path + ".port: found \"\", " + name},
        {with("port: 80, endPort: 79"), "4:49: " + path + ".endPort: found 79, expected a number from 80 to 65535"},
        {with("port: 80, endPort: 65536"), "4:49: " + path + ".endPort: found 65536, expected a number from 80 to 65535"},
        {with("port: 80, endPort: '90'"), "4:49: " + path + ".endPort: found \"90\" in quotes, expected a number from 80 to 65535"},
        {with("port: http, endPort: 90"), "4:42: " + path + ".endPort: found beside a port's name, expected a number as port"},
        {with("endPort: 90"), "4:30: " + path + ".endPort: found without port, expected both"},
        {with("protocol: tcp"), "4:40: " + path + ".protocol: found \"tcp\", expected TCP, UDP or SCTP"},
        {with("protocol: ICMP"), "4:40: " + path + ".protocol: found \"ICMP\", expected TCP, UDP or SCTP"},
        {with("protocol: ''"), "4:40: " + path + ".protocol: found \"\", expected TCP, UDP or SCTP"},
        {with("type: 8"), "4:30: " + path + ": unknown key \"type\", expected protocol, port or endPort"},
    });
}

TEST(NetworkPolicies, NamesAndTypesAreChecked) {
    const auto named = [](const std::string& name) {
        return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: " + name + " }\n";
    };
    const std::string expected =
        "expected a DNS name: up to 253 of a-z, 0-9, '-' and '.', each part of 1 to 63 starting and ending with a letter or digit";
    EXPECT_EQ(refusal(named("a.b-c.1")), "accepted");
    expect_refusals({
        {named("A"), "3:19: metadata.name: found \"A\", " + expected},
        {named("a..b"), "3:19: metadata.name: found \"a..b\", " + expected},
        {named("a_b"), "3:19: metadata.name: found \"a_b\", " + expected},
        {named("a, namespace: a.b"),
         "3:33: metadata.namespace: found \"a.b\", expected 1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'"},
        {named("a, annotation: {}"), "3:22: metadata: unknown key \"annotation\", expected name, namespace or labels"},
        {network_policy("policyTypes: [ingress]"), "4:23: spec.policyTypes[0]: found \"ingress\", expected Ingress or Egress"},
        {network_policy("policyTypes: [Ingress, Egress, Egress]"),
         "4:40: spec.policyTypes[2]: found a third type, expected at most two"},
        {network_policy("policyType: [Ingress]"),
         "4:9: spec: unknown key \"policyType\", expected podSelector, ingress, egress or policyTypes"},
        {network_policy("podSelector: {}") + "stat: {}\n",
         "5:1: unknown key \"stat\", expected apiVersion, kind, metadata or spec"},
        {"apiVersion: biplane.dev/v1alpha1\nkind: NetworkPolicy\n",
         "1:13: apiVersion: found \"biplane.dev/v1alpha1\", expected networking.k8s.io/v1 for a NetworkPolicy"},
        {"apiVersion: extensions/v1beta1\nkind: NetworkPolicy\n",
         "1:13: apiVersion: found \"extensions/v1beta1\", expected biplane.dev/v1alpha1, networking.k8s.io/v1 or v1"},
        {"apiVersion: networking.k8s.io/v1\nkind: Ingress\n",
         "2:7: kind: found \"Ingress\", expected NetworkPolicy or NetworkPolicyList"},
        {"apiVersion: v1\nkind: Pod\n", "2:7: kind: found \"Pod\", expected Namespace, NamespaceList or List"},
    });
}

// As `kubectl get networkpolicy,namespace -o yaml` prints them.
const char from_kubectl[] = R"(apiVersion: v1
items:
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata:
    annotations:
      kubectl.kubernetes.io/last-applied-configuration: |
        {"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy"}
    creationTimestamp: "2001-01-01T00:00:00Z"
    generation: 1
    managedFields:
    - apiVersion: networking.k8s.io/v1
      fieldsV1: { "f:spec": { "f:policyTypes": {} } }
      manager: kubectl
    name: deny
    namespace: shop
    ownerReferences: []
    resourceVersion: "17"
    uid: 0b8a3c0e-0000-0000-0000-000000000000
  spec:
    podSelector: {}
    policyTypes:
    - Ingress
  status: {}
- apiVersion: v1
  kind: Namespace
  metadata:
    creationTimestamp: null
    labels:
      env: prod
      kubernetes.io/metadata.name: shop
    name: shop
  spec:
    finalizers:
    - kubernetes
  status:
    phase: Active
kind: List
metadata:
  resourceVersion: ""
)";

TEST(Lists, WhatKubectlPrintsIsTakenAsItIs) {
    const auto documents = parse_documents(from_kubectl, "f.yaml");
    ASSERT_TRUE(documents) << documents.error().message;
    ASSERT_EQ(documents->size(), 2u);
    EXPECT_EQ(std::get<NetworkPolicy>(documents->at(0).value), (NetworkPolicy{.name = "deny", .space = "shop"}));
    EXPECT_EQ(documents->at(0).line, 3);
    EXPECT_EQ(documents->at(0).column, 3);
    EXPECT_EQ(std::get<Namespace>(documents->at(1).value), (Namespace{"shop", {{"env", "prod"}}}));
}

TEST(Lists, OfOneKindAndPlainOnesAreTakenToo) {
    const std::string policy = "{ apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: { name: p } }";
    const std::string space = "{ apiVersion: v1, kind: Namespace, metadata: { name: a } }";
    const std::string policies = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicyList\nmetadata: { resourceVersion: '1' }\n";
    EXPECT_EQ(parse_documents(policies + "items: [" + policy + "]\n", "f")->size(), 1u);
    EXPECT_EQ(parse_documents("apiVersion: v1\nkind: NamespaceList\nitems: [" + space + "]\n", "f")->size(), 1u);
    EXPECT_EQ(parse_documents("[" + policy + ", " + space + "]\n", "f")->size(), 2u);
    expect_refusals({
        {policies + "items: [" + space + "]\n", "4:9: items[0]: found \"Namespace\", expected a NetworkPolicy"},
        {"apiVersion: v1\nkind: NetworkPolicyList\n", "1:13: apiVersion: found \"v1\", expected networking.k8s.io/v1"},
        {"[5]\n", "1:2: [0]: found the number 5, expected a document with apiVersion, kind, metadata and spec"},
        {"[{ apiVersion: v1, kind: NamespaceList }]\n", "1:2: [0]: found a NamespaceList in a list, expected a document"},
        {"apiVersion: biplane.dev/v1alpha1\nkind: RouteList\n",
         "2:7: kind: found \"RouteList\", expected VirtualNetwork, Node, Workload, Route or BiplanePolicy"},
    });
}

TEST(Lists, AreChecked) {
    const std::string list = "apiVersion: v1\nkind: List\n";
    EXPECT_EQ(parse_documents(list, "f")->size(), 0u);
    EXPECT_EQ(parse_documents(list + "items: []\n", "f")->size(), 0u);
    const std::string space = "{ apiVersion: v1, kind: Namespace, metadata: { name: a } }";
    expect_refusals({
        {list + "items: {}\n", "3:8: items: found a map, expected a list of documents"},
        {list + "item: []\n", "3:1: unknown key \"item\", expected apiVersion, kind or items"},
        {"apiVersion: networking.k8s.io/v1\nkind: List\n", "1:13: apiVersion: found \"networking.k8s.io/v1\", expected v1"},
        {list + "items: [{ apiVersion: v1, kind: List }]\n", "3:9: items[0]: found a List in a list, expected a document"},
        {list + "items: [5]\n", "3:9: items[0]: found the number 5, expected a document with apiVersion, kind, metadata and spec"},
        {list + "items:\n- " + space + "\n- { apiVersion: v1, kind: Namespace, metadata: { name: B } }\n",
         "5:56: items[1].metadata.name: found \"B\", expected 1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'"},
        {list + "items:\n- " + space + "\n- " + space + "\n", "5:3: Namespace a is here twice (first at f.yaml:4:3)"},
    });
}

TEST(Namespaces, NeedNoMoreThanAName) {
    const std::string head = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n";
    for (const char* rest : {"", "spec: {}\n", "spec:\n", "spec: { finalizers: [kubernetes] }\nstatus: { phase: Active }\n"})
        EXPECT_EQ(read<Namespace>(head + rest), (Namespace{"shop", {}})) << rest;
    expect_refusals({
        {"apiVersion: v1\nkind: Namespace\nmetadata: { name: a.b }\n",
         "3:19: metadata.name: found \"a.b\", expected 1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'"},
        {"apiVersion: v1\nkind: Namespace\nmetadata: { name: a, namespace: b }\n",
         "3:22: metadata: unknown key \"namespace\", expected name or labels"},
        {"apiVersion: v1\nkind: Namespace\n", "1:1: metadata: missing, expected a map with at least a name"},
    });
}

TEST(BiplanePolicies, EveryKeyIsRead) {
    const auto policy = read<BiplanePolicy>(R"(apiVersion: biplane.dev/v1alpha1
kind: BiplanePolicy
metadata: { name: guard, labels: { team: a } }
spec:
  order: 7
  subject:
    namespaceSelector: { matchLabels: { env: prod } }
    podSelector: { matchExpressions: [{ key: app, operator: Exists }] }
  ingress:
    - name: ping
      action: allow
      log: true
      from: [{ ipBlock: { cidr: 0.0.0.0/0 } }]
      ports: [{ protocol: ICMP, type: 8 }, { protocol: ICMP, type: 3, code: 4 }, { protocol: ICMPv6 }]
    - action: pass
  egress:
    - { action: deny, to: [{ namespaceSelector: {} }], ports: [{ protocol: UDP, port: dns }] }
  limits:
    perWorkload: { flows: 1000, newFlowsPerSecond: 100 }
    perNetwork: { flows: 4294967295 }
)");
    EXPECT_EQ(policy.order, 7u);
    EXPECT_EQ(policy.labels, (Labels{{"team", "a"}}));
    EXPECT_EQ(policy.namespaces, (LabelSelector{{{"env", "prod"}}, {}}));
    EXPECT_EQ(policy.workloads, (LabelSelector{{}, {{"app", Operator::exists, {}}}}));
    ASSERT_EQ(policy.ingress.size(), 2u);
    EXPECT_EQ(policy.ingress[0].name, "ping");
    EXPECT_EQ(policy.ingress[0].action, PolicyAction::allow);
    EXPECT_TRUE(policy.ingress[0].log);
    EXPECT_EQ(to_string(policy.ingress[0].match.peers[0].block->cidr), "0.0.0.0/0");
    EXPECT_EQ(policy.ingress[0].match.ports, (std::vector<PolicyPort>{{protocol::icmp, PortRange{0x800, 0x8ff}},
                                                                      {protocol::icmp, PortRange{0x304, 0x304}},
                                                                      {protocol::icmpv6, PortRange{0, 65535}}}));
    EXPECT_EQ(policy.ingress[1], (BiplaneRule{.name = "", .action = PolicyAction::pass}));
    EXPECT_EQ(policy.egress[0].action, PolicyAction::deny);
    EXPECT_EQ(policy.egress[0].match.ports, (std::vector<PolicyPort>{{protocol::udp, PortName{"dns"}}}));
    EXPECT_EQ(policy.workload_limits, (FlowLimits{1000, 100}));
    EXPECT_EQ(policy.network_limits, (FlowLimits{4294967295, 0}));
}

TEST(BiplanePolicies, WithoutASubjectItIsAboutEveryWorkload) {
    const BiplanePolicy everything{.name = "p"};
    for (const char* spec : {"", "subject: {}", "order: 100, subject: { podSelector: {}, namespaceSelector: null }, limits: {}"})
        EXPECT_EQ(read<BiplanePolicy>(biplane_policy(spec)), everything) << spec;
}

TEST(BiplanePolicies, AreChecked) {
    const auto with_port = [](const std::string& port) {
        return biplane_policy("ingress: [{ action: deny, ports: [{ " + port + " }] }]");
    };
    const std::string port = "spec.ingress[0].ports[0]";
    for (const char* good : {"protocol: ICMP, type: 0, code: 0", "protocol: ICMPv6, type: 255, code: 255"})
        EXPECT_EQ(refusal(with_port(good)), "accepted") << good;
    expect_refusals({
        {biplane_head, "1:1: spec: missing, expected a map with what the BiplanePolicy is to be"},
        {biplane_policy("order: 65536"), "4:16: spec.order: found 65536, expected a number from 0 to 65535"},
        {biplane_policy("policyTypes: []"),
         "4:9: spec: unknown key \"policyTypes\", expected order, subject, ingress, egress or limits"},
        {biplane_policy("subject: { ipBlock: {} }"),
         "4:20: spec.subject: unknown key \"ipBlock\", expected namespaceSelector or podSelector"},
        {biplane_policy("ingress: [{}]"), "4:19: spec.ingress[0].action: missing, expected allow, deny or pass"},
        {biplane_policy("ingress: [null]"), "4:19: spec.ingress[0]: found nothing, expected a rule with action, from and ports"},
        {biplane_policy("ingress: [{ action: Allow }]"),
         "4:29: spec.ingress[0].action: found \"Allow\", expected allow, deny or pass"},
        {biplane_policy("ingress: [{ action: allow, log: 'yes' }]"),
         "4:41: spec.ingress[0].log: found \"yes\" in quotes, expected true or false"},
        {biplane_policy("ingress: [{ action: allow, log: 1 }]"), "4:41: spec.ingress[0].log: found 1, expected true or false"},
        {biplane_policy("egress: [{ action: allow, from: [] }]"),
         "4:35: spec.egress[0]: unknown key \"from\", expected name, action, log, to or ports"},
        {with_port("protocol: ICMP, code: 1"), "4:61: " + port + ".code: found without a type, expected both or only the type"},
        {with_port("protocol: ICMP, type: 256"), "4:67: " + port + ".type: found 256, expected a number from 0 to 255"},
        {with_port("protocol: ICMP, port: 8"), "4:61: " + port + ": unknown key \"port\", expected protocol, type or code"},
        {with_port("protocol: UDP, type: 8"), "4:60: " + port + ": unknown key \"type\", expected protocol, port or endPort"},
        {with_port("protocol: GRE"), "4:55: " + port + ".protocol: found \"GRE\", expected TCP, UDP, SCTP, ICMP or ICMPv6"},
        {biplane_policy("limits: { perWorkload: { flows: 0 } }"),
         "4:41: spec.limits.perWorkload.flows: found 0, expected a number from 1 to 4294967295"},
        {biplane_policy("limits: { perPod: {} }"), "4:19: spec.limits: unknown key \"perPod\", expected perWorkload or perNetwork"},
        {"apiVersion: biplane.dev/v1alpha1\nkind: BiplanePolicy\nmetadata: { name: p, namespace: a }\nspec: {}\n",
         "3:22: metadata: unknown key \"namespace\", expected name or labels"},
        {"apiVersion: biplane.dev/v1alpha1\nkind: BiplanePolicy\nmetadata: { name: p, uid: a }\nspec: {}\n",
         "3:22: metadata: unknown key \"uid\", expected name or labels"},
    });
}

}  // namespace
}  // namespace biplane
