// What must hold between documents, and what changes from one state to the next.
#include <gtest/gtest.h>

#include "control/documents/documents.hpp"

namespace biplane {
namespace {

const std::string head = "apiVersion: biplane.dev/v1alpha1\n";

// Each is five lines with its separator; spec is the fourth, its first key in column 9.
std::string document(const std::string& kind, const std::string& name, const std::string& spec) {
    return head + "kind: " + kind + "\nmetadata: { name: " + name + " }\nspec: { " + spec + " }\n---\n";
}
std::string network(const std::string& name, const std::string& spec) { return document("VirtualNetwork", name, spec); }
std::string workload(const std::string& name, const std::string& spec) { return document("Workload", name, spec); }
std::string route(const std::string& name, const std::string& spec) { return document("Route", name, spec); }

DesiredState state_of(const std::string& text) {
    const auto documents = parse_documents(text, "base.yaml");
    EXPECT_TRUE(documents) << documents.error().message;
    const auto state = put_documents({}, *documents);
    EXPECT_TRUE(state) << state.error().message;
    return *state;
}

DesiredState base() {
    return state_of(network("red", "vni: 100, subnets: [10.0.0.0/24, 'fd00:a::/64']") +
                    network("blue", "vni: 200, subnets: [10.0.0.0/24]") + document("Node", "node-a", "address: 192.0.2.1") +
                    document("Node", "node-b", "addresses: ['2001:db8::2', 192.0.2.2]") +
                    workload("web", "network: red, node: node-a, addresses: [10.0.0.10], netns: web"));
}

std::string refusal(const std::string& text) {
    const auto documents = parse_documents(text, "f.yaml");
    if (!documents) return documents.error().message;
    const auto state = put_documents(base(), *documents);
    return state ? "accepted" : state.error().message;
}

TEST(DocumentChecks, EqualAddressesInTwoNetworksAreWhatTenancyIsFor) {
    EXPECT_EQ(refusal(workload("twin", "network: blue, node: node-a, addresses: [10.0.0.10], netns: twin")), "accepted");
}

TEST(DocumentChecks, VnisAreUnique) {
    EXPECT_EQ(refusal(network("green", "vni: 100, subnets: [10.0.0.0/24]")),
              "f.yaml:4:14: VirtualNetwork green: spec.vni: VNI 100 is already used by VirtualNetwork red");
    EXPECT_EQ(refusal(network("green", "vni: 300, subnets: [10.0.0.0/24]") + network("amber", "vni: 300, subnets: [10.0.0.0/24]")),
              "f.yaml:9:14: VirtualNetwork amber: spec.vni: VNI 300 is already used by VirtualNetwork green (f.yaml:4:14)");
}

TEST(DocumentChecks, ADocumentReplacesTheOneOfItsName) {
    EXPECT_EQ(refusal(network("red", "vni: 101, subnets: [10.0.0.0/16]")), "accepted");
    EXPECT_EQ(refusal(network("blue", "vni: 100, subnets: [10.0.0.0/24]") + network("red", "vni: 200, subnets: [10.0.0.0/24]")),
              "accepted");
}

TEST(DocumentChecks, ReferencesMustLeadSomewhere) {
    EXPECT_EQ(refusal(workload("x", "network: green, node: node-a, addresses: [10.0.0.1]")),
              "f.yaml:4:18: Workload default/x: spec.network: there is no VirtualNetwork \"green\"");
    EXPECT_EQ(refusal(workload("x", "network: red, node: node-c, addresses: [10.0.0.1]")),
              "f.yaml:4:29: Workload default/x: spec.node: there is no Node \"node-c\"");
    EXPECT_EQ(refusal(route("r", "network: green, destination: 10.1.0.0/16, nextHop: host")),
              "f.yaml:4:18: Route r: spec.network: there is no VirtualNetwork \"green\"");
    EXPECT_EQ(refusal(route("r", "network: red, destination: 10.1.0.0/16, nextHop: { node: node-c }")),
              "f.yaml:4:66: Route r: spec.nextHop.node: there is no Node \"node-c\"");
    EXPECT_EQ(refusal(route("r", "network: red, destination: 10.1.0.0/16, nextHop: { workload: db }")),
              "f.yaml:4:70: Route r: spec.nextHop.workload: there is no Workload \"default/db\"");
}

TEST(DocumentChecks, AddressesLieInTheirSubnets) {
    EXPECT_EQ(refusal(workload("x", "network: red, node: node-a, addresses: ['fd00:a::1', 10.0.1.1]")),
              "f.yaml:4:62: Workload default/x: spec.addresses[1]: 10.0.1.1 lies outside the subnets of network \"red\" "
              "(10.0.0.0/24, fd00:a::/64)");
    EXPECT_EQ(refusal(workload("x", "network: red, node: node-a, addresses: [10.0.0.0]")),
              "f.yaml:4:49: Workload default/x: spec.addresses[0]: 10.0.0.0 is the network address of 10.0.0.0/24");
    EXPECT_EQ(refusal(workload("x", "network: red, node: node-a, addresses: [10.0.0.255]")),
              "f.yaml:4:49: Workload default/x: spec.addresses[0]: 10.0.0.255 is the broadcast address of 10.0.0.0/24");
    const std::string small = network("green", "vni: 300, subnets: [10.0.0.0/31, 10.0.0.9/32]");
    EXPECT_EQ(refusal(small + workload("x", "network: green, node: node-a, addresses: [10.0.0.0, 10.0.0.1, 10.0.0.9]")),
              "accepted");
}

TEST(DocumentChecks, ANetworkIsBlamedForLeavingOutAnAddressThatWasThereBefore) {
    EXPECT_EQ(refusal(network("red", "vni: 100, subnets: [10.9.0.0/24]")),
              "f.yaml:4:28: VirtualNetwork red: spec.subnets: Workload default/web: 10.0.0.10 lies outside the subnets of network "
              "\"red\" "
              "(10.9.0.0/24)");
}

TEST(DocumentChecks, AnAddressIsUsedOnceInANetwork) {
    EXPECT_EQ(
        refusal(workload("x", "network: red, node: node-b, addresses: [10.0.0.10]")),
        "f.yaml:4:49: Workload default/x: spec.addresses[0]: 10.0.0.10 is already used in network \"red\" by Workload default/web");
    EXPECT_EQ(
        refusal(workload("a", "network: red, node: node-b, addresses: [10.0.0.10]")),
        "f.yaml:4:49: Workload default/a: spec.addresses[0]: 10.0.0.10 is already used in network \"red\" by Workload default/web");
    EXPECT_EQ(refusal(workload("b", "network: red, node: node-b, addresses: [10.0.0.7]") +
                      workload("a", "network: red, node: node-b, addresses: [10.0.0.7]")),
              "f.yaml:9:49: Workload default/a: spec.addresses[0]: 10.0.0.7 is already used in network \"red\" by Workload "
              "default/b (f.yaml:4:49)");
}

TEST(DocumentChecks, AnInterfaceInANamespaceIsMadeOnce) {
    EXPECT_EQ(refusal(workload("x", "network: blue, node: node-a, addresses: [10.0.0.11], netns: web, interface: eth0")),
              "f.yaml:4:85: Workload default/x: spec.interface: interface \"eth0\" in \"web\" on node \"node-a\" is already used "
              "by Workload "
              "default/web");
    EXPECT_EQ(refusal(workload("x", "network: blue, node: node-a, addresses: [10.0.0.11], netns: web, interface: eth1")),
              "accepted");
    EXPECT_EQ(refusal(workload("x", "network: blue, node: node-b, addresses: [10.0.0.11], netns: web, interface: eth0")),
              "accepted");
}

TEST(DocumentChecks, AKeyThatIsNotWrittenOutIsBlamedAtItsParent) {
    EXPECT_EQ(refusal(workload("x", "network: blue, node: node-a, addresses: [10.0.0.11], netns: web")),
              "f.yaml:4:7: Workload default/x: spec.interface: interface \"eth0\" in \"web\" on node \"node-a\" is already used by "
              "Workload "
              "default/web");
}

TEST(DocumentChecks, UnderlayAddressesAreUnique) {
    EXPECT_EQ(refusal(document("Node", "node-c", "address: 192.0.2.2")),
              "f.yaml:4:18: Node node-c: spec.address: 192.0.2.2 is already used by Node node-b");
    EXPECT_EQ(refusal(document("Node", "node-c", "addresses: [192.0.2.3, '2001:db8::2']")),
              "f.yaml:4:32: Node node-c: spec.addresses[1]: 2001:db8::2 is already used by Node node-b");
}

TEST(DocumentChecks, ADestinationHasOneRoute) {
    const std::string one = route("one", "network: red, destination: 10.1.0.0/16, nextHop: host");
    EXPECT_EQ(
        refusal(one + route("two", "network: red, destination: 10.1.0.0/16, nextHop: discard")),
        "f.yaml:9:36: Route two: spec.destination: 10.1.0.0/16 is already used in network \"red\" by Route one (f.yaml:4:36)");
    EXPECT_EQ(refusal(one + route("two", "network: blue, destination: 10.1.0.0/16, nextHop: discard")), "accepted");
    EXPECT_EQ(refusal(route("one", "network: red, destination: 10.0.0.10/32, nextHop: host")),
              "f.yaml:4:36: Route one: spec.destination: 10.0.0.10 is already used in network \"red\" by Workload default/web");
}

TEST(DocumentChecks, ARouteStaysInItsNetwork) {
    EXPECT_EQ(refusal(route("r", "network: blue, destination: 10.1.0.0/16, nextHop: { workload: default/web }")),
              "f.yaml:4:71: Route r: spec.nextHop.workload: Route r of network \"blue\" leads to Workload default/web of network "
              "\"red\"");
}

TEST(DocumentChecks, AWorkloadIsBlamedForLeavingTheNetworkOfARouteToIt) {
    auto state = put_documents(
        base(), parse_documents(route("r", "network: red, destination: 10.1.0.0/16, nextHop: { workload: web }"), "r").value());
    const auto moved =
        parse_documents(workload("web", "network: blue, node: node-a, addresses: [10.0.0.10], netns: web"), "f.yaml").value();
    EXPECT_EQ(put_documents(*state, moved).error().message,
              "f.yaml:4:18: Workload default/web: spec.network: Route r of network \"red\" leads to Workload default/web of "
              "network \"blue\"");
}

TEST(Removal, IsRefusedWhileSomethingRefersToTheDocument) {
    const auto state = base();
    EXPECT_EQ(remove_document(state, "VirtualNetwork", "red").error().message,
              "VirtualNetwork red is still referred to by Workload default/web (spec.network)");
    EXPECT_EQ(remove_document(state, "Node", "node-a").error().message,
              "Node node-a is still referred to by Workload default/web (spec.node)");
    const auto with_route =
        put_documents(
            state, parse_documents(route("r", "network: red, destination: 10.1.0.0/16, nextHop: { workload: web }"), "r").value())
            .value();
    EXPECT_EQ(remove_document(with_route, "Workload", "web").error().message,
              "Workload default/web is still referred to by Route r (spec.nextHop)");
}

TEST(Removal, NamesAFewOfManyThatRefer) {
    std::string many;
    for (const char* name : {"a", "b", "c", "d"})
        many += workload(
            name, std::string("network: red, node: node-b, addresses: [10.0.0.") + std::to_string(100 + name[0] - 'a') + "]");
    const auto state = put_documents(base(), parse_documents(many, "f").value()).value();
    EXPECT_EQ(
        remove_document(state, "VirtualNetwork", "red").error().message,
        "VirtualNetwork red is still referred to by Workload default/a (spec.network), Workload default/b (spec.network), Workload "
        "default/c (spec.network) and 2 more");
}

TEST(Removal, OfWhatIsNotThereIsRefused) {
    EXPECT_EQ(remove_document(base(), "Workload", "db").error().message, "there is no Workload \"default/db\"");
    EXPECT_EQ(
        remove_document(base(), "Pod", "db").error().message,
        "unknown kind \"Pod\", expected one of VirtualNetwork, Node, Namespace, Workload, Route, NetworkPolicy, BiplanePolicy");
}

TEST(Removal, OfSeveralAtOnceMayTakeWhatRefersToEachOther) {
    const auto state = remove_documents(base(), {{"VirtualNetwork", "red"}, {"Workload", "web"}, {"Node", "node-a"}});
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_TRUE(state->workloads.empty());
    EXPECT_EQ(state->networks.size(), 1u);
}

std::string changes(const DesiredState& before, const DesiredState& after) {
    std::string text;
    for (const Change& change : changes_between(before, after)) {
        const char* const actions[] = {"create", "update", "remove"};
        text += std::string(actions[static_cast<int>(change.action)]) + " " + change.kind + " " + change.name +
                (change.detail.empty() ? "" : " (" + change.detail + ")") + "\n";
    }
    return text;
}

TEST(Changes, AreNamedWithTheKeysThatDiffer) {
    const auto before = base();
    const auto changed =
        parse_documents(network("red", "vni: 101, subnets: [10.0.0.0/24, 'fd00:a::/64'], plane: user") +
                            network("green", "vni: 300, subnets: [10.0.0.0/24]") +
                            workload("web", "network: red, node: node-b, addresses: [10.0.0.10], mac: '02:00:00:00:00:01'"),
                        "f")
            .value();
    const auto after = remove_document(put_documents(before, changed).value(), "VirtualNetwork", "blue").value();
    EXPECT_EQ(changes(before, after),
              "remove VirtualNetwork blue\n"
              "create VirtualNetwork green\n"
              "update VirtualNetwork red (spec.vni: 100 -> 101, spec.plane: kernel -> user)\n"
              "update Workload default/web (spec.node: node-a -> node-b, spec.netns: web -> (none), spec.mac: (none) -> "
              "\"02:00:00:00:00:01\")\n");
    EXPECT_EQ(changes(before, before), "");
}

TEST(Changes, OfPoliciesAreNamedDownToThePort) {
    const auto state_with = [](const std::string& rules) {
        return state_of("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p }\nspec: { ingress: [" + rules +
                        "] }\n");
    };
    const std::string web = "{ ports: [{ port: 443 }, { port: 80 }] }", web_moved = "{ ports: [{ port: 443 }, { port: 81 }] }";
    const std::string dns = "{ ports: [{ port: dns, protocol: UDP }] }";
    const std::string update = "update NetworkPolicy default/p ";
    EXPECT_EQ(changes(state_with(web), state_with(web_moved)), update + "(spec.ingress[0].ports[1].port: 80 -> 81)\n");
    EXPECT_EQ(changes(state_with(web), state_with(dns + ", " + web)),
              update + "(spec.ingress[0]: (none) -> {ports: [{protocol: UDP, port: dns}]})\n");
    EXPECT_EQ(changes(state_with(web + ", " + dns), state_with(web)),
              update + "(spec.ingress[1]: {ports: [{protocol: UDP, port: dns}]} -> (none))\n");
    EXPECT_EQ(changes(state_with(dns), state_with("")),
              update + "(spec.ingress: [{ports: [{protocol: UDP, port: dns}]}] -> (none))\n");
    std::string many, moved;
    for (int i = 0; i < 100; ++i) many += "{ ports: [{ port: 1 }] }, ", moved += "{ ports: [{ port: 2 }] }, ";
    const std::string said = changes(state_with(many), state_with(moved));
    EXPECT_TRUE(said.ends_with(", and 80 more)\n")) << said;
}

TEST(Changes, ANextHopOfAnotherFormIsNamedAsAWhole) {
    const auto with = [](const std::string& next_hop) {
        return put_documents(
                   base(), parse_documents(route("r", "network: red, destination: 10.1.0.0/16, nextHop: " + next_hop), "r").value())
            .value();
    };
    EXPECT_EQ(changes(with("{ node: node-b }"), with("host")), "update Route r (spec.nextHop: {node: node-b} -> host)\n");
    EXPECT_EQ(changes(with("{ node: node-b }"), with("{ node: node-a }")),
              "update Route r (spec.nextHop.node: node-b -> node-a)\n");
}

TEST(Policies, ComeAndGoFreely) {
    const auto state = state_of(
        "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { env: prod } }\n---\n"
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p, namespace: elsewhere }\n---\n"
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p }\n---\n" +
        document("BiplanePolicy", "p", ""));
    EXPECT_EQ(state.network_policies.size(), 2u);
    EXPECT_TRUE(has_document(state, {"NetworkPolicy", "p"}));
    EXPECT_TRUE(has_document(state, {"NetworkPolicy", "elsewhere/p"}));
    EXPECT_FALSE(has_document(state, {"NetworkPolicy", "shop/p"}));
    EXPECT_FALSE(has_document(state, {"Pod", "p"}));
    const auto left = remove_documents(
        state, {{"NetworkPolicy", "p"}, {"NetworkPolicy", "elsewhere/p"}, {"Namespace", "shop"}, {"BiplanePolicy", "p"}});
    ASSERT_TRUE(left) << left.error().message;
    EXPECT_EQ(*left, DesiredState{});
    EXPECT_EQ(remove_document(*left, "NetworkPolicy", "p").error().message, "there is no NetworkPolicy \"default/p\"");
    std::string kinds;
    for (const Document& one : to_documents(state)) kinds += one.kind + " " + one.name + "\n";
    EXPECT_EQ(kinds, "Namespace shop\nNetworkPolicy default/p\nNetworkPolicy elsewhere/p\nBiplanePolicy p\n");
}

TEST(WorkloadIdentity, IsStableAndOwn) {
    Workload a{.name = "web", .space = "shop", .network = "red"}, b = a;
    b.network = "blue";
    EXPECT_EQ(mac_of(a), mac_of(a));
    EXPECT_FALSE(mac_of(a) == mac_of(b));
    EXPECT_EQ(mac_of(a).bytes[0], 0x02);
    b.mac = parse_mac("02:00:00:00:00:01").value();
    EXPECT_EQ(mac_of(b), *b.mac);
    EXPECT_EQ(host_interface_of("shop/web").size(), 11u);
    EXPECT_NE(host_interface_of("shop/web"), host_interface_of("shop/db"));
}

}  // namespace
}  // namespace biplane
