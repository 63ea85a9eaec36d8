// The form of documents: what is accepted, and each refusal with its place.
#include "control/documents/documents.hpp"

#include <gtest/gtest.h>

#include "datapath/wire/headers.hpp"

namespace biplane {
namespace {

std::string refusal(const std::string& text) {
    const auto documents = parse_documents(text, "f.yaml");
    return documents ? "accepted" : documents.error().message;
}

const std::string head = "apiVersion: biplane.dev/v1alpha1\n";

// Line 4 of each is `spec: { ... }`; its first key stands in column 9.
std::string network_with(const std::string& spec) {
    return head + "kind: VirtualNetwork\nmetadata: { name: red }\nspec: { " + spec + " }\n";
}
std::string node_with(const std::string& spec) { return head + "kind: Node\nmetadata: { name: node-a }\nspec: { " + spec + " }\n"; }
std::string workload_with(const std::string& spec) {
    return head + "kind: Workload\nmetadata: { name: web }\nspec: { network: red, node: a, " + spec + " }\n";
}
std::string route_with(const std::string& spec) {
    return head + "kind: Route\nmetadata: { name: out }\nspec: { network: red, " + spec + " }\n";
}

const char complete_stream[] = R"(# Everything that can be said.
apiVersion: biplane.dev/v1alpha1
kind: VirtualNetwork
metadata: { name: red, labels: { tenant: red } }
spec: { vni: 100, subnets: [10.0.0.0/24, "fd00:a::/64"], plane: user, whenUserPlaneDown: kernel,
        timeouts: { tcpOpening: 1, tcpEstablished: 2160000, tcpClosing: 3, tcpClosed: 4, udpSingle: 5, udpStream: 6, icmp: 7, other: 8 },
        limits: { flows: 1000, newFlowsPerSecond: 1 } }
---
apiVersion: biplane.dev/v1alpha1
kind: Node
metadata: { name: node-a }
spec: { addresses: [192.0.2.1, "2001:db8::1"] }
---
apiVersion: biplane.dev/v1alpha1
kind: Workload
metadata: { name: web, namespace: shop, labels: { app: web, example.com/tier: "" } }
spec: { network: red, node: node-a, addresses: [10.0.0.10, "fd00:a::10"], netns: web, interface: eth1, hook: xdp, mac: "02:00:00:00:00:01",
        ports: [{ name: dns, port: 53, protocol: UDP }, { name: dns, port: 53 }] }
---
apiVersion: biplane.dev/v1alpha1
kind: Route
metadata: { name: out }
spec: { network: red, destination: 0.0.0.0/0, nextHop: { workload: shop/web } }
)";

TEST(Documents, EveryKeyOfEveryKindIsRead) {
    const auto documents = parse_documents(complete_stream, "f.yaml").value();
    ASSERT_EQ(documents.size(), 4u);

    const auto& network = std::get<VirtualNetwork>(documents[0].value);
    EXPECT_EQ(network.name, "red");
    EXPECT_EQ(network.vni, 100u);
    ASSERT_EQ(network.subnets.size(), 2u);
    EXPECT_EQ(to_string(network.subnets[1]), "fd00:a::/64");
    EXPECT_EQ(network.plane, Plane::user);
    EXPECT_TRUE(network.fallback_to_kernel);
    EXPECT_EQ(network.labels.at("tenant"), "red");
    EXPECT_EQ(network.timeouts, (NetworkTimeouts{1, 2160000, 3, 4, 5, 6, 7, 8}));
    EXPECT_EQ(network.limits, (FlowLimits{1000, 1}));

    EXPECT_EQ(std::get<Node>(documents[1].value).addresses.size(), 2u);

    const auto& workload = std::get<Workload>(documents[2].value);
    EXPECT_EQ(documents[2].name, "shop/web");
    EXPECT_EQ(documents[2].line, 14);
    EXPECT_EQ(documents[2].column, 1);
    EXPECT_EQ(workload.labels.at("example.com/tier"), "");
    EXPECT_EQ(workload.netns, "web");
    EXPECT_EQ(workload.interface, "eth1");
    EXPECT_EQ(workload.hook, WorkloadHook::xdp);
    EXPECT_EQ(to_string(workload.mac.value()), "02:00:00:00:00:01");
    EXPECT_EQ(workload.ports, (std::vector<NamedPort>{{"dns", protocol::udp, 53}, {"dns", protocol::tcp, 53}}));

    const auto& route = std::get<Route>(documents[3].value);
    EXPECT_EQ(to_string(route.destination), "0.0.0.0/0");
    EXPECT_EQ(std::get<ToWorkload>(route.target).key, "shop/web");
}

TEST(Documents, WhatIsNotSaidHasItsDefault) {
    const auto network = parse_documents(network_with("vni: 1, subnets: [10.0.0.0/24]"), "f").value();
    EXPECT_EQ(std::get<VirtualNetwork>(network[0].value).plane, Plane::kernel);
    EXPECT_FALSE(std::get<VirtualNetwork>(network[0].value).fallback_to_kernel);
    EXPECT_EQ(std::get<VirtualNetwork>(network[0].value).timeouts, NetworkTimeouts{});
    EXPECT_EQ(std::get<VirtualNetwork>(network[0].value).limits, FlowLimits{});
    const auto workload = parse_documents(workload_with("addresses: [10.0.0.10]"), "f").value();
    EXPECT_EQ(workload[0].name, "default/web");
    EXPECT_EQ(std::get<Workload>(workload[0].value).netns, "");
    EXPECT_EQ(std::get<Workload>(workload[0].value).interface, "eth0");
    EXPECT_FALSE(std::get<Workload>(workload[0].value).mac);
}

TEST(Documents, NextHopsHaveAShortAndALongForm) {
    const auto target = [](const std::string& next_hop) {
        return std::get<Route>(parse_documents(route_with("destination: 10.9.0.0/16, nextHop: " + next_hop), "f").value()[0].value)
            .target;
    };
    EXPECT_EQ(target("host"), RouteTarget{ToHost{}});
    EXPECT_EQ(target("{host: true}"), RouteTarget{ToHost{}});
    EXPECT_EQ(target("discard"), RouteTarget{ToDiscard{}});
    EXPECT_EQ(target("{discard: true}"), RouteTarget{ToDiscard{}});
    EXPECT_EQ(target("{node: node-b}"), RouteTarget{ToNode{"node-b"}});
    EXPECT_EQ(target("{workload: web}"), RouteTarget{ToWorkload{"default/web"}});
}

TEST(Documents, CanonicalTextIsInFixedOrderAndReadsBackToItself) {
    const auto documents = parse_documents(complete_stream, "f.yaml").value();
    EXPECT_EQ(text_of(documents[2]),
              "apiVersion: biplane.dev/v1alpha1\n"
              "kind: Workload\n"
              "metadata:\n"
              "  name: web\n"
              "  namespace: shop\n"
              "  labels:\n"
              "    app: web\n"
              "    example.com/tier: \"\"\n"
              "spec:\n"
              "  network: red\n"
              "  node: node-a\n"
              "  addresses: [10.0.0.10, \"fd00:a::10\"]\n"
              "  netns: web\n"
              "  interface: eth1\n"
              "  hook: xdp\n"
              "  ports:\n"
              "    - name: dns\n"
              "      port: 53\n"
              "      protocol: UDP\n"
              "    - name: dns\n"
              "      port: 53\n"
              "      protocol: TCP\n"
              "  mac: \"02:00:00:00:00:01\"\n");
    for (const Document& document : documents) {
        const auto again = parse_documents(text_of(document), "again.yaml");
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_TRUE(again->at(0).value == document.value);
        EXPECT_EQ(text_of(again->at(0)), text_of(document));
    }
}

TEST(Documents, NamesThatYamlWouldTakeForSomethingElseAreQuoted) {
    for (const std::string name : {"null", "true", "no", "123", "1e5", "0x10"}) {
        const auto documents =
            parse_documents(head + "kind: Node\nmetadata: { name: \"" + name + "\" }\nspec: { address: 192.0.2.1 }\n", "f");
        ASSERT_TRUE(documents) << documents.error().message;
        EXPECT_NE(text_of(documents->at(0)).find("name: \"" + name + "\"\n"), std::string::npos) << text_of(documents->at(0));
        EXPECT_EQ(parse_documents(text_of(documents->at(0)), "f").value()[0].name, name);
    }
    const auto odd = parse_documents(workload_with("addresses: [10.0.0.1], netns: '/run/my\"odd\\{ns}'"), "f").value();
    EXPECT_EQ(std::get<Workload>(parse_documents(text_of(odd[0]), "f").value()[0].value).netns, "/run/my\"odd\\{ns}");
}

TEST(Documents, StateBecomesDocumentsAndDocumentsStateAgain) {
    const auto state = put_documents({}, parse_documents(complete_stream, "f").value()).value();
    std::string text;
    for (const Document& document : to_documents(state)) text += "---\n" + text_of(document);
    EXPECT_EQ(put_documents({}, parse_documents(text, "g").value()).value(), state);
}

struct Refusal {
    std::string text;
    std::string message;
};

void expect_refusals(const std::vector<Refusal>& refusals) {
    for (const auto& [text, message] : refusals) EXPECT_EQ(refusal(text), message) << text;
}

TEST(Documents, TheHeadOfADocumentIsChecked) {
    expect_refusals({
        {"5\n", "f.yaml:1:1: found the number 5, expected a document with apiVersion, kind, metadata and spec"},
        {"[[]]\n", "f.yaml:1:2: [0]: found a list, expected a document with apiVersion, kind, metadata and spec"},
        {"kind: Node\n", "f.yaml:1:1: apiVersion: missing, expected biplane.dev/v1alpha1, networking.k8s.io/v1 or v1"},
        {"apiVersion: v1\nkind: Node\n", "f.yaml:1:13: apiVersion: found \"v1\", expected biplane.dev/v1alpha1 for a Node"},
        {head, "f.yaml:1:1: kind: missing, expected VirtualNetwork, Node, Workload, Route or BiplanePolicy"},
        {head + "kind: Pod\n", "f.yaml:2:7: kind: found \"Pod\", expected VirtualNetwork, Node, Workload, Route or BiplanePolicy"},
        {head + "kind: [Node]\n",
         "f.yaml:2:7: kind: found a list, expected VirtualNetwork, Node, Workload, Route or BiplanePolicy"},
        {head + "kind: Node\nspec: {}\n", "f.yaml:1:1: metadata: missing, expected a map with at least a name"},
        {head + "kind: Node\nmetadata: { name: a }\n", "f.yaml:1:1: spec: missing, expected a map with what the Node is to be"},
        {head + "kind: Node\nmetadata: { name: a }\nspec:\n",
         "f.yaml:4:1: spec: found nothing, expected a map with what the Node is to be"},
        {node_with("address: 192.0.2.1") + "status: {}\n",
         "f.yaml:5:1: unknown key \"status\", expected apiVersion, kind, metadata or spec"},
    });
}

TEST(Documents, MetadataIsChecked) {
    const auto with = [](const std::string& metadata) {
        return head + "kind: Workload\nmetadata: " + metadata + "\nspec: { network: red, node: a, addresses: [10.0.0.1] }\n";
    };
    const std::string label_expected = "expected 1 to 63 of a-z, 0-9 and '-', not starting or ending with '-'";
    const std::string name_expected =
        "expected a DNS name: up to 253 of a-z, 0-9, '-' and '.', each part of 1 to 63 starting and ending with a letter or digit";
    expect_refusals({
        {with("web"), "f.yaml:3:11: metadata: found \"web\", expected a map with at least a name"},
        {with("{ namespace: shop }"), "f.yaml:3:1: metadata.name: missing, expected a name"},
        {with("{ name: Web }"), "f.yaml:3:19: metadata.name: found \"Web\", " + name_expected},
        {with("{ name: -web }"), "f.yaml:3:19: metadata.name: found \"-web\", " + name_expected},
        {with("{ name: " + std::string(64, 'a') + " }"),
         "f.yaml:3:19: metadata.name: found \"" + std::string(60, 'a') + "...\", " + name_expected},
        {with("{ name: }"), "f.yaml:3:13: metadata.name: found nothing, expected a name"},
        {with("{ name: web, namespace: a/b }"), "f.yaml:3:35: metadata.namespace: found \"a/b\", " + label_expected},
        {with("{ name: web, namespace: a.b }"), "f.yaml:3:35: metadata.namespace: found \"a.b\", " + label_expected},
        {with("{ name: 123 }"),
         "f.yaml:3:19: metadata.name: found the number 123, expected a name; as a text it is written \"123\""},
        {with("{ name: web, labels: { app: 1 } }"),
         "f.yaml:3:39: metadata.labels.app: found the number 1, expected a text; as a text it is written \"1\""},
        {with("{ name: web, labels: { app: on } }"),
         "f.yaml:3:39: metadata.labels.app: found the boolean on, expected a text; as a text it is written \"on\""},
        {with("{ name: web, uid: 7 }"), "f.yaml:3:24: metadata: unknown key \"uid\", expected name, namespace or labels"},
        {with("{ name: web, labels: [a] }"), "f.yaml:3:32: metadata.labels: found a list, expected a map of labels"},
        {with("{ name: web, labels: { \"a b\": c } }"),
         "f.yaml:3:34: metadata.labels: found \"a b\", expected a label key like app or example.com/app"},
        {with("{ name: web, labels: { app: [] } }"), "f.yaml:3:39: metadata.labels.app: found a list, expected a text"},
        {with("{ name: web, labels: { app: 'a b' } }"),
         "f.yaml:3:39: metadata.labels.app: found \"a b\", expected a label value: up to 63 of A-Z, a-z, 0-9, '-', '_' and '.', "
         "first and last "
         "alphanumeric"},
        {head + "kind: Node\nmetadata: { name: a, namespace: b }\nspec: { address: 192.0.2.1 }\n",
         "f.yaml:3:22: metadata: unknown key \"namespace\", expected name or labels"},
    });
}

TEST(Documents, VirtualNetworksAreChecked) {
    const std::string subnets = "subnets: [10.0.0.0/24]";
    const std::string vni_expected = "expected a number from 1 to 16777215";
    expect_refusals({
        {network_with(subnets), "f.yaml:4:1: spec.vni: missing, " + vni_expected},
        {network_with("vni: 0, " + subnets), "f.yaml:4:14: spec.vni: found 0, " + vni_expected},
        {network_with("vni: 16777216, " + subnets), "f.yaml:4:14: spec.vni: found 16777216, " + vni_expected},
        {network_with("vni: -1, " + subnets), "f.yaml:4:14: spec.vni: found -1, " + vni_expected},
        {network_with("vni: 1.5, " + subnets), "f.yaml:4:14: spec.vni: found 1.5, " + vni_expected},
        {network_with("vni: '010', " + subnets), "f.yaml:4:14: spec.vni: found \"010\" in quotes, " + vni_expected},
        {network_with("vni: many, " + subnets), "f.yaml:4:14: spec.vni: found \"many\", " + vni_expected},
        {network_with("vni: 99999999999999999999, " + subnets),
         "f.yaml:4:14: spec.vni: found 99999999999999999999, " + vni_expected},
        {network_with("vni: \"100\", " + subnets), "f.yaml:4:14: spec.vni: found \"100\" in quotes, " + vni_expected},
        {network_with("vni: [1], " + subnets), "f.yaml:4:14: spec.vni: found a list, " + vni_expected},
        {network_with("vni: 1"), "f.yaml:4:1: spec.subnets: missing, expected a list of subnets like [10.0.0.0/24]"},
        {network_with("vni: 1, subnets: []"),
         "f.yaml:4:26: spec.subnets: found an empty list, expected a list of subnets like [10.0.0.0/24]"},
        {network_with("vni: 1, subnets: 10.0.0.0/24"),
         "f.yaml:4:26: spec.subnets: found \"10.0.0.0/24\", expected a list of subnets like [10.0.0.0/24]"},
        {network_with("vni: 1, subnets: [{}]"), "f.yaml:4:27: spec.subnets[0]: found a map, expected a subnet like 10.0.0.0/24"},
        {network_with("vni: 1, " + subnets + ", plane: both"), "f.yaml:4:48: spec.plane: found \"both\", expected kernel or user"},
        {network_with("vni: 1, " + subnets + ", whenUserPlaneDown: pass"),
         "f.yaml:4:60: spec.whenUserPlaneDown: found \"pass\", expected drop or kernel"},
        {network_with("vni: 1, " + subnets + ", mtu: 1500"),
         "f.yaml:4:41: spec: unknown key \"mtu\", expected vni, subnets, plane, whenUserPlaneDown, tcpPickup, timeouts or limits"},
        {network_with("vni: 1, " + subnets + ", timeouts: { icmp: 0 }"),
         "f.yaml:4:59: spec.timeouts.icmp: found 0, expected a number from 1 to 2160000"},
        {network_with("vni: 1, " + subnets + ", timeouts: { other: 2160001 }"),
         "f.yaml:4:60: spec.timeouts.other: found 2160001, expected a number from 1 to 2160000"},
        {network_with("vni: 1, " + subnets + ", timeouts: { udp: 1 }"),
         "f.yaml:4:53: spec.timeouts: unknown key \"udp\", expected tcpOpening, tcpEstablished, tcpClosing, tcpClosed, udpSingle, "
         "udpStream, icmp or other"},
        {network_with("vni: 1, " + subnets + ", limits: { flows: 0 }"),
         "f.yaml:4:58: spec.limits.flows: found 0, expected a number from 1 to 4294967295"},
        {network_with("vni: 1, vni: 2, " + subnets), "f.yaml:4:17: duplicate key \"vni\" (first in line 4)"},
    });
}

TEST(Documents, SubnetsAreChecked) {
    const auto with = [](const std::string& subnets) { return network_with("vni: 1, subnets: [" + subnets + "]"); };
    const std::string expected = ", expected a subnet of unicast addresses";
    expect_refusals({
        {with("10.0.0.1/24"), "f.yaml:4:27: spec.subnets[0]: found \"10.0.0.1/24\" with host bits set, expected 10.0.0.0/24"},
        {with("'fd00::1/64'"), "f.yaml:4:27: spec.subnets[0]: found \"fd00::1/64\" with host bits set, expected fd00::/64"},
        {with("10.0.0.0/33"), "f.yaml:4:27: spec.subnets[0]: found \"10.0.0.0/33\", expected a prefix length from 0 to 32"},
        {with("10.0.0.0/24, x"), "f.yaml:4:40: spec.subnets[1]: found \"x\", expected an IPv4 or IPv6 address"},
        {with("10.0.0.0/24, 10.0.0.128/25"),
         "f.yaml:4:40: spec.subnets[1]: 10.0.0.128/25 overlaps 10.0.0.0/24 of the same network"},
        {with("224.0.1.0/24"),
         "f.yaml:4:27: spec.subnets[0]: found \"224.0.1.0/24\", which overlaps 224.0.0.0/4 (multicast)" + expected},
        {with("127.0.0.0/8"),
         "f.yaml:4:27: spec.subnets[0]: found \"127.0.0.0/8\", which overlaps 127.0.0.0/8 (loopback)" + expected},
        {with("169.254.0.0/16"),
         "f.yaml:4:27: spec.subnets[0]: found \"169.254.0.0/16\", which overlaps 169.254.0.0/16 (link-local)" + expected},
        {with("0.0.0.0/0"), "f.yaml:4:27: spec.subnets[0]: found \"0.0.0.0/0\", which overlaps 0.0.0.0/8 (unspecified)" + expected},
        {with("240.0.0.0/24"),
         "f.yaml:4:27: spec.subnets[0]: found \"240.0.0.0/24\", which overlaps 240.0.0.0/4 (reserved)" + expected},
        {with("'::/64'"), "f.yaml:4:27: spec.subnets[0]: found \"::/64\", which overlaps ::/128 (unspecified)" + expected},
        {with("'fe80::/64'"),
         "f.yaml:4:27: spec.subnets[0]: found \"fe80::/64\", which overlaps fe80::/10 (link-local)" + expected},
        {with("'ff02::/64'"), "f.yaml:4:27: spec.subnets[0]: found \"ff02::/64\", which overlaps ff00::/8 (multicast)" + expected},
    });
}

TEST(Documents, NodesAreChecked) {
    expect_refusals({
        {node_with(""), "f.yaml:4:1: spec.addresses: missing, expected the node's address, or a list with one per family"},
        {node_with("address: 192.0.2.1, addresses: [192.0.2.1]"),
         "f.yaml:4:29: spec.addresses: found beside spec.address, expected only one of the two"},
        {node_with("address: [192.0.2.1]"), "f.yaml:4:18: spec.address: found a list, expected an address"},
        {node_with("address: 127.0.0.1"),
         "f.yaml:4:18: spec.address: found \"127.0.0.1\", which lies in 127.0.0.0/8 (loopback), expected a unicast address"},
        {node_with("addresses: [192.0.2.1, 192.0.2.2]"),
         "f.yaml:4:32: spec.addresses[1]: 192.0.2.2 is a second IPv4 address after 192.0.2.1, expected at most one per family"},
        {node_with("address: 192.0.2.1, port: 1"), "f.yaml:4:29: spec: unknown key \"port\", expected address or addresses"},
    });
}

TEST(Documents, WorkloadsAreChecked) {
    const std::string addresses = "addresses: [10.0.0.1]";
    const std::string interface_expected =
        "expected an interface name: 1 to 15 printable characters, no '/', ':' or white space, not \".\" or \"..\"";
    expect_refusals({
        {head + "kind: Workload\nmetadata: { name: web }\nspec: { node: a, addresses: [10.0.0.1] }\n",
         "f.yaml:4:1: spec.network: missing, expected the name of a VirtualNetwork"},
        {head + "kind: Workload\nmetadata: { name: web }\nspec: { network: red, addresses: [10.0.0.1] }\n",
         "f.yaml:4:1: spec.node: missing, expected the name of a Node"},
        {workload_with("netns: x"), "f.yaml:4:1: spec.addresses: missing, expected a list of addresses like [10.0.0.10]"},
        {workload_with("addresses: [169.254.1.1]"),
         "f.yaml:4:44: spec.addresses[0]: found \"169.254.1.1\", which lies in 169.254.0.0/16 (link-local), expected a unicast "
         "address"},
        {workload_with("addresses: ['fe80::1']"),
         "f.yaml:4:44: spec.addresses[0]: found \"fe80::1\", which lies in fe80::/10 (link-local), expected a unicast address"},
        {workload_with("addresses: ['::ffff:10.0.0.1']"),
         "f.yaml:4:44: spec.addresses[0]: found \"::ffff:10.0.0.1\", an IPv4-mapped IPv6 address; write it as 10.0.0.1"},
        {workload_with("addresses: [10.0.0.1, 10.0.0.1]"), "f.yaml:4:54: spec.addresses[1]: 10.0.0.1 is listed twice"},
        {workload_with("addresses: [10.0.0.1/24]"),
         "f.yaml:4:44: spec.addresses[0]: found \"10.0.0.1/24\", expected an IPv4 or IPv6 address"},
        {workload_with(addresses + ", interface: a-name-with-16-b"),
         "f.yaml:4:66: spec.interface: found \"a-name-with-16-b\", " + interface_expected},
        {workload_with(addresses + ", interface: a/b"), "f.yaml:4:66: spec.interface: found \"a/b\", " + interface_expected},
        {workload_with(addresses + ", interface: '..'"), "f.yaml:4:66: spec.interface: found \"..\", " + interface_expected},
        {workload_with(addresses + ", interface: 'a b'"), "f.yaml:4:66: spec.interface: found \"a b\", " + interface_expected},
        {workload_with(addresses + ", interface: ''"), "f.yaml:4:66: spec.interface: found \"\", " + interface_expected},
        {workload_with(addresses + ", netns: a/b"),
         "f.yaml:4:62: spec.netns: found \"a/b\", expected the name of a network namespace, an absolute path to one, or a process "
         "id"},
        {workload_with(addresses + ", mac: '01:00:00:00:00:01'"),
         "f.yaml:4:60: spec.mac: found \"01:00:00:00:00:01\", expected the MAC address of one interface, not a group and not all "
         "zero"},
        {workload_with(addresses + ", ports: [{ name: http }]"),
         "f.yaml:4:63: spec.ports[0].port: missing, expected a number from 1 to 65535"},
        {workload_with(addresses + ", ports: [{ name: http, containerPort: 80 }]"),
         "f.yaml:4:63: spec.ports[0].port: missing, expected a number from 1 to 65535"},
        {workload_with(addresses + ", ports: [{ port: 80 }]"),
         "f.yaml:4:63: spec.ports[0].name: missing, expected the name of a port"},
        {workload_with(addresses + ", ports: [{ name: a, port: 80 }, { name: a, port: 81 }]"),
         "f.yaml:4:86: spec.ports[1]: \"a\" of TCP is listed twice"},
        {workload_with(addresses + ", ports: [{ name: a, port: 80, protocol: ICMP }]"),
         "f.yaml:4:94: spec.ports[0].protocol: found \"ICMP\", expected TCP, UDP or SCTP"},
        {workload_with(addresses + ", mac: 5"),
         "f.yaml:4:60: spec.mac: found the number 5, expected a MAC address; as a text it is written \"5\""},
    });
}

TEST(Documents, RoutesAreChecked) {
    const std::string next_hop_expected = "expected host, discard, {workload: NAMESPACE/NAME} or {node: NAME}";
    const auto with = [](const std::string& next_hop) { return route_with("destination: 10.1.0.0/16, nextHop: " + next_hop); };
    expect_refusals({
        {route_with("nextHop: host"), "f.yaml:4:1: spec.destination: missing, expected a destination like 10.1.0.0/16"},
        {route_with("destination: 10.1.0.1/16, nextHop: host"),
         "f.yaml:4:36: spec.destination: found \"10.1.0.1/16\" with host bits set, expected 10.1.0.0/16"},
        {route_with("destination: 224.0.0.0/8, nextHop: host"),
         "f.yaml:4:36: spec.destination: found \"224.0.0.0/8\", which lies in 224.0.0.0/4 (multicast), expected unicast "
         "destinations"},
        {route_with("destination: 0.0.0.0/0, nextHop: host"), "accepted"},
        {route_with("destination: '::/0', nextHop: host"), "accepted"},
        {route_with("destination: 10.1.0.0/16"), "f.yaml:4:1: spec.nextHop: missing, " + next_hop_expected},
        {with("away"), "f.yaml:4:58: spec.nextHop: found \"away\", " + next_hop_expected},
        {with("[host]"), "f.yaml:4:58: spec.nextHop: found a list, " + next_hop_expected},
        {with("{}"), "f.yaml:4:58: spec.nextHop: found an empty map, " + next_hop_expected},
        {with("{ node: a, host: true }"), "f.yaml:4:58: spec.nextHop: found a map with other keys, " + next_hop_expected},
        {with("{ host: false }"), "f.yaml:4:66: spec.nextHop.host: found the boolean false, expected true"},
        {with("{ workload: a/b/c }"), "f.yaml:4:70: spec.nextHop.workload: found \"a/b/c\", expected a workload as NAMESPACE/NAME"},
    });
}

TEST(Documents, OfSeveralFaultsTheFirstInTheFileIsReported) {
    EXPECT_EQ(refusal(network_with("plane: x, vni: 0, subnets: [y]")),
              "f.yaml:4:16: spec.plane: found \"x\", expected kernel or user");
}

TEST(Documents, TheSameDocumentTwiceInAStreamIsRefused) {
    const std::string one = workload_with("addresses: [10.0.0.1]");
    EXPECT_EQ(refusal(one + "---\n" + one), "f.yaml:6:1: Workload default/web is here twice (first at f.yaml:1:1)");
    EXPECT_EQ(refusal(one + "---\n" + node_with("address: 192.0.2.1")), "accepted");
}

TEST(Documents, SeveralFilesAreOneStream) {
    const std::string one = workload_with("addresses: [10.0.0.1]"), other = node_with("address: 192.0.2.1");
    const auto refused = [](const std::vector<DocumentText>& texts) {
        const auto documents = parse_documents(texts);
        return documents ? "accepted" : documents.error().message;
    };
    EXPECT_EQ(refused({{"a.yaml", one}, {"b.yaml", "# nothing\n"}, {"c.yaml", other}}), "accepted");
    EXPECT_EQ(refused({{"a.yaml", one}, {"b.yaml", other + "---\n" + one}}),
              "b.yaml:6:1: Workload default/web is here twice (first at a.yaml:1:1)");
    EXPECT_EQ(refused({{"a.yaml", "# nothing\n"}}), "a.yaml: there is no document in it");
    EXPECT_EQ(refused({{"a.yaml", ""}, {"b.yaml", "[]"}}), "there is no document in any of 2 files");
}

TEST(Documents, AProcessIdMayStandWithoutQuotes) {
    const auto netns = [](const std::string& written) {
        return std::get<Workload>(parse_documents(workload_with("addresses: [10.0.0.1], netns: " + written), "f").value()[0].value)
            .netns;
    };
    EXPECT_EQ(netns("4711"), "4711");
    EXPECT_EQ(netns("'4711'"), "4711");
    EXPECT_EQ(refusal(workload_with("addresses: [10.0.0.1], netns: 0x10")),
              "f.yaml:4:62: spec.netns: found the number 0x10, expected a network namespace; as a text it is written \"0x10\"");
}

TEST(Documents, NodesAndWorkloadsMayHaveDnsNames) {
    const std::string text = head + "kind: Node\nmetadata: { name: a.example.com }\nspec: { address: 192.0.2.1 }\n---\n" +
                             network_with("vni: 1, subnets: [10.0.0.0/24]") + "---\n" + head +
                             "kind: Workload\nmetadata: { name: web-0.web, namespace: shop }\n"
                             "spec: { network: red, node: a.example.com, addresses: [10.0.0.1] }\n---\n" +
                             route_with("destination: 10.1.0.0/16, nextHop: { workload: shop/web-0.web }") + "---\n" + head +
                             "kind: Route\nmetadata: { name: there }\nspec: { network: red, destination: 10.2.0.0/16, "
                             "nextHop: { node: a.example.com } }\n";
    const auto state = put_documents({}, parse_documents(text, "f").value());
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_TRUE(has_document(*state, {"Workload", "shop/web-0.web"}));
    EXPECT_EQ(std::get<ToNode>(state->routes.at("there").target).name, "a.example.com");
    EXPECT_EQ(remove_documents(*state, {{"Node", "a.example.com"}}).error().message,
              "Node a.example.com is still referred to by Workload shop/web-0.web (spec.node), Route there (spec.nextHop)");
}

TEST(Documents, OneFaultRefusesTheWholeStream) {
    EXPECT_FALSE(parse_documents(
        network_with("vni: 1, subnets: [10.0.0.0/24]") + "---\n" + network_with("vni: x, subnets: [10.0.0.0/24]"), "f"));
}

}  // namespace
}  // namespace biplane
