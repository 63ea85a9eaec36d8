// What the planned tables say about chosen situations. Random ones: plan_properties_test.cpp.
#include "control/plan/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "control/documents/documents.hpp"
#include "control/plan/plan_lookup_for_test.hpp"

namespace biplane {
namespace {

const TableShape shape = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, (1u << 8) - 1};

MacAddress mac(const char* text) { return parse_mac(text).value(); }
Address address(const char* text) { return parse_address(text).value(); }

DesiredState state_of(const std::string& text) {
    const auto documents = parse_documents(text, "f.yaml");
    EXPECT_TRUE(documents) << documents.error().message;
    const auto state = put_documents({}, *documents);
    EXPECT_TRUE(state) << state.error().message;
    return *state;
}

std::string document(const std::string& kind, const std::string& name, const std::string& spec) {
    return "apiVersion: biplane.dev/v1alpha1\nkind: " + kind + "\nmetadata: { name: " + name + " }\nspec: { " + spec + " }\n---\n";
}

const std::string two_tenants =
    document("VirtualNetwork", "red", "vni: 100, subnets: [10.0.0.0/24, 'fd00:a::/64']") +
    document("VirtualNetwork", "blue", "vni: 200, subnets: [10.0.0.0/24], plane: user, whenUserPlaneDown: kernel") +
    document("Node", "node-a", "addresses: [192.0.2.1, '2001:db8::1']") +
    document("Node", "node-b", "addresses: [192.0.2.2, '2001:db8::2']") +
    document("Workload", "web", "network: red, node: node-a, addresses: [10.0.0.10, 'fd00:a::10'], netns: web") +
    document("Workload", "db", "network: red, node: node-b, addresses: [10.0.0.11]") +
    document("Workload", "twin", "network: blue, node: node-a, addresses: [10.0.0.10], netns: twin");

NodeFacts facts_of_node_a() {
    NodeFacts facts;
    facts.node = "node-a";
    facts.fabrics["eth1"] = {.ifindex = 3, .mac = mac("02:fa:00:00:00:01"), .mtu = 1500};
    facts.workloads["default/web"] = {
        .ifindex = 11, .mac = mac("02:00:00:00:00:0a"), .peer_mac = mac("02:00:00:00:00:0b"), .mtu = 1450};
    facts.workloads["default/twin"] = {
        .ifindex = 12, .mac = mac("02:00:00:00:00:0c"), .peer_mac = mac("02:00:00:00:00:0d"), .mtu = 1450};
    facts.underlay[address("192.0.2.2")] = {.fabric = "eth1", .next_hop = mac("02:fa:00:00:00:02"), .source = address("192.0.2.1")};
    return facts;
}

Plan planned(const std::string& text, const NodeFacts& facts) {
    auto result = plan(state_of(text), facts, {}, shape);
    EXPECT_TRUE(result) << result.error().message;
    return *std::move(result);
}

TEST(Plan, TablesHaveTheSizesOfTheLayout) {
    const Plan p = planned("", {.node = "node-a"});
    EXPECT_EQ(p.image.ports.size(), ports_max);
    EXPECT_EQ(p.image.port_index.size(), port_index_slots);
    EXPECT_EQ(p.image.zones.size(), zones_max);
    EXPECT_EQ(p.image.vni_index.size(), vni_index_slots);
    EXPECT_EQ(p.image.nodes.size(), node_slots);
    EXPECT_EQ(p.image.routes.size(), size_t{shape.route_bucket_mask} + 1);
    EXPECT_EQ(p.image.next_hops.size(), next_hops_max);
    EXPECT_TRUE(p.warnings.empty());
}

TEST(Plan, ANetworkBecomesAZoneFoundByItsVni) {
    const Plan p = planned(two_tenants, facts_of_node_a());
    const uint16_t red = p.numbering.zones.at("red"), blue = p.numbering.zones.at("blue");
    EXPECT_NE(red, blue);
    EXPECT_EQ(zone_of_vni(p.image, 100), red);
    EXPECT_EQ(zone_of_vni(p.image, 200), blue);
    EXPECT_EQ(zone_of_vni(p.image, 300), no_zone);
    EXPECT_EQ(p.image.zones[red].vni, 100u);
    EXPECT_EQ(p.image.zones[red].plane, Plane::kernel);
    EXPECT_EQ(p.image.zones[red].fallback_to_kernel, 0);
    EXPECT_EQ(p.image.zones[blue].plane, Plane::user);
    EXPECT_EQ(p.image.zones[blue].fallback_to_kernel, 1);
}

TEST(Plan, ANetworksOwnTimeoutsStandInItsZoneInTicks) {
    DesiredState state;
    state.networks["red"] = {.name = "red", .vni = 100, .timeouts = {.tcp_established = 3600, .icmp = 1}, .tcp_pickup = true};
    state.networks["blue"] = {.name = "blue", .vni = 200};
    const Plan p = plan(state, {.node = "node-a"}, {}, shape).value();
    const Zone &red = p.image.zones[p.numbering.zones.at("red")], &blue = p.image.zones[p.numbering.zones.at("blue")];
    EXPECT_EQ(red.timeouts.tcp_established, 3433227u);  // 3600 * 10^9 / 2^20
    EXPECT_EQ(red.timeouts.icmp, 953u);
    EXPECT_EQ(red.timeouts.udp_single, 0u);
    EXPECT_EQ(red.tcp_pickup, 1);
    EXPECT_EQ(blue.timeouts.tcp_established, 0u);
    EXPECT_EQ(blue.tcp_pickup, 0);
}

TEST(Plan, PrefixLengthsStandIpv4FirstAndLongestFirst) {
    const Plan p = planned(two_tenants + document("Route", "all", "network: red, destination: 0.0.0.0/0, nextHop: discard") +
                               document("Route", "all6", "network: red, destination: '::/0', nextHop: discard"),
                           facts_of_node_a());
    const Zone& red = p.image.zones[p.numbering.zones.at("red")];
    EXPECT_EQ(red.ipv4_lengths, 3);
    EXPECT_EQ(red.ipv6_lengths, 3);
    const uint8_t expected[] = {128, 120, 96, 128, 64, 0};
    EXPECT_TRUE(std::equal(std::begin(expected), std::end(expected), red.lengths));
}

TEST(Plan, ALocalWorkloadBecomesAPortAndTheNextHopThatDeliversThere) {
    const Plan p = planned(two_tenants, facts_of_node_a());
    const uint16_t number = p.numbering.ports.at("workload/default/web"),
                   hop_number = p.numbering.next_hops.at("workload/default/web");
    EXPECT_EQ(port_of_interface(p.image, 11), number);
    const Port& port = p.image.ports[number];
    EXPECT_EQ(port.kind, PortKind::workload);
    EXPECT_EQ(port.ifindex, 11u);
    EXPECT_EQ(port.zone, p.numbering.zones.at("red"));
    EXPECT_EQ(port.next_hop, hop_number);
    EXPECT_EQ(port.mtu, 1450);
    EXPECT_EQ(port.router_mac, mac("02:00:00:00:00:0a"));
    EXPECT_EQ(port.peer_mac, mac("02:00:00:00:00:0b"));

    const NextHop& hop = p.image.next_hops[hop_number];
    EXPECT_EQ(hop.kind, NextHopKind::deliver);
    EXPECT_EQ(hop.flags, next_hop_peer_elsewhere);
    EXPECT_EQ(hop.port, number);
    EXPECT_EQ(hop.ifindex, 11u);
    EXPECT_EQ(hop.mtu, 1450);
    EXPECT_EQ(hop.destination_mac, mac("02:00:00:00:00:0b"));
    EXPECT_EQ(hop.source_mac, mac("02:00:00:00:00:0a"));
    EXPECT_EQ(longest_route(p, shape, "red", address("10.0.0.10")), hop_number);
    EXPECT_EQ(longest_route(p, shape, "red", address("fd00:a::10")), hop_number);
    EXPECT_EQ(longest_route(p, shape, "blue", address("10.0.0.10")), p.numbering.next_hops.at("workload/default/twin"));
}

TEST(Plan, AnotherNodeBecomesATunnelOverIpv4) {
    const Plan p = planned(two_tenants, facts_of_node_a());
    EXPECT_TRUE(p.warnings.empty());
    const uint16_t number = p.numbering.next_hops.at("node/node-b");
    const NextHop& hop = p.image.next_hops[number];
    EXPECT_EQ(hop.kind, NextHopKind::encapsulate);
    EXPECT_EQ(hop.port, p.numbering.ports.at("fabric/eth1"));
    EXPECT_EQ(hop.ifindex, 3u);
    EXPECT_EQ(hop.mtu, 1450);
    EXPECT_EQ(hop.destination_mac, mac("02:fa:00:00:00:02"));
    EXPECT_EQ(hop.source_mac, mac("02:fa:00:00:00:01"));
    EXPECT_EQ(to_string(hop.tunnel_source), "192.0.2.1");
    EXPECT_EQ(to_string(hop.tunnel_destination), "192.0.2.2");
    EXPECT_EQ(node_of_address(p.image, address("192.0.2.2")), number);
    EXPECT_EQ(node_of_address(p.image, address("2001:db8::2")), number);
    EXPECT_EQ(node_of_address(p.image, address("192.0.2.1")), no_next_hop);  // ourselves
    EXPECT_EQ(longest_route(p, shape, "red", address("10.0.0.11")), number);
    EXPECT_EQ(longest_route(p, shape, "blue", address("10.0.0.11")), p.numbering.next_hops.at("discard"));

    const Port& fabric = p.image.ports[p.numbering.ports.at("fabric/eth1")];
    EXPECT_EQ(fabric.kind, PortKind::fabric);
    EXPECT_EQ(fabric.socket_slot, 8);
    EXPECT_EQ(fabric.router_mac, mac("02:fa:00:00:00:01"));
    EXPECT_EQ(to_string(fabric.underlay_ipv4), "192.0.2.1");
    EXPECT_EQ(to_string(fabric.underlay_ipv6), "2001:db8::1");
}

TEST(Plan, ATunnelTakesTheFamilyThatBothNodesHave) {
    const std::string only_ipv6 = document("VirtualNetwork", "red", "vni: 100, subnets: [10.0.0.0/24]") +
                                  document("Node", "node-a", "addresses: [192.0.2.1, '2001:db8::1']") +
                                  document("Node", "node-b", "address: '2001:db8::2'");
    auto facts = facts_of_node_a();
    facts.underlay[address("2001:db8::2")] = {
        .fabric = "eth1", .next_hop = mac("02:fa:00:00:00:02"), .source = address("2001:db8::1")};
    const Plan p = planned(only_ipv6, facts);
    const NextHop& hop = p.image.next_hops[p.numbering.next_hops.at("node/node-b")];
    EXPECT_EQ(hop.mtu, 1430);
    EXPECT_EQ(to_string(hop.tunnel_source), "2001:db8::1");
    EXPECT_EQ(to_string(hop.tunnel_destination), "2001:db8::2");
}

TEST(Plan, NodesWithoutACommonFamilyCannotReachEachOther) {
    const Plan p =
        planned(document("VirtualNetwork", "red", "vni: 100, subnets: [10.0.0.0/24]") +
                    document("Node", "node-a", "address: 192.0.2.1") + document("Node", "node-b", "address: '2001:db8::2'") +
                    document("Workload", "db", "network: red, node: node-b, addresses: [10.0.0.11]"),
                facts_of_node_a());
    EXPECT_EQ(longest_route(p, shape, "red", address("10.0.0.11")), p.numbering.next_hops.at("discard"));
    EXPECT_EQ(node_of_address(p.image, address("2001:db8::2")), no_next_hop);
    EXPECT_EQ(p.warnings, std::vector<std::string>{
                              "Node node-b cannot be reached: it has no underlay address of the same family as this node"});
}

TEST(Plan, AnUnresolvedNodeKeepsItsTunnelWithoutALinkLayerAddress) {
    auto facts = facts_of_node_a();
    facts.underlay.clear();
    const Plan p = planned(two_tenants, facts);
    const NextHop& hop = p.image.next_hops[p.numbering.next_hops.at("node/node-b")];
    EXPECT_EQ(hop.kind, NextHopKind::encapsulate);
    EXPECT_EQ(hop.destination_mac, MacAddress{});
    EXPECT_EQ(hop.mtu, 1450);
    EXPECT_EQ(p.warnings,
              std::vector<std::string>{"Node node-b is not resolved: the link-layer address on the way to 192.0.2.2 is not known"});
}

TEST(Plan, ANodeWithoutItsDocumentHasNoOverlay) {
    auto facts = facts_of_node_a();
    facts.node = "node-x";
    facts.workloads.clear();
    const Plan p = planned(two_tenants, facts);
    EXPECT_EQ(longest_route(p, shape, "red", address("10.0.0.11")), p.numbering.next_hops.at("discard"));
    EXPECT_EQ(p.warnings, std::vector<std::string>{
                              "there is no Node document for this node, \"node-x\": workloads of other nodes cannot be reached"});
    EXPECT_EQ(p.image.ports[p.numbering.ports.at("fabric/eth1")].underlay_ipv4, Address{});
}

TEST(Plan, AWorkloadWithoutALinkIsLeftOutAndItsAddressDiscards) {
    auto facts = facts_of_node_a();
    facts.workloads.erase("default/web");
    const Plan p = planned(two_tenants, facts);
    EXPECT_EQ(longest_route(p, shape, "red", address("10.0.0.10")), p.numbering.next_hops.at("discard"));
    EXPECT_EQ(p.image.ports[p.numbering.ports.at("workload/default/web")].ifindex, 0u);
    EXPECT_EQ(p.warnings, std::vector<std::string>{"Workload default/web has no link: packets to it are discarded"});
}

TEST(Plan, RoutesLeadWhereTheySay) {
    auto facts = facts_of_node_a();
    facts.hosts["red"] = {.ifindex = 20, .mac = mac("02:00:00:00:00:1a"), .peer_mac = mac("02:00:00:00:00:1b"), .mtu = 1500};
    const Plan p =
        planned(two_tenants + document("Route", "r1", "network: red, destination: 10.1.0.0/16, nextHop: { workload: web }") +
                    document("Route", "r2", "network: red, destination: 10.2.0.0/16, nextHop: { workload: db }") +
                    document("Route", "r3", "network: red, destination: 10.3.0.0/16, nextHop: { node: node-b }") +
                    document("Route", "r4", "network: red, destination: 10.4.0.0/16, nextHop: host") +
                    document("Route", "r5", "network: red, destination: 10.4.5.0/24, nextHop: discard") +
                    document("Route", "r6", "network: red, destination: 10.6.0.0/16, nextHop: { node: node-a }") +
                    document("Route", "r7", "network: blue, destination: 10.4.0.0/16, nextHop: host") +
                    document("Route", "r8", "network: red, destination: 10.0.0.0/24, nextHop: { workload: web }"),
                facts);
    const auto& hops = p.numbering.next_hops;
    const auto way = [&](const char* network, const char* to) { return longest_route(p, shape, network, address(to)); };
    EXPECT_EQ(way("red", "10.1.2.3"), hops.at("workload/default/web"));
    EXPECT_EQ(way("red", "10.2.2.3"), hops.at("node/node-b"));
    EXPECT_EQ(way("red", "10.3.2.3"), hops.at("node/node-b"));
    EXPECT_EQ(way("red", "10.4.2.3"), hops.at("host/red"));
    EXPECT_EQ(way("red", "10.4.5.3"), hops.at("discard"));
    EXPECT_EQ(way("red", "10.6.5.3"), hops.at("discard"));
    EXPECT_EQ(way("blue", "10.4.2.3"), hops.at("discard"));
    EXPECT_EQ(way("red", "10.0.0.200"), hops.at("workload/default/web"));  // a Route of the subnet goes before its discard
    EXPECT_EQ(way("red", "172.16.0.1"), no_next_hop);
    EXPECT_EQ(p.warnings, std::vector<std::string>{"Route r7 discards: network \"blue\" has no host port on this node"});

    const NextHop& host = p.image.next_hops[hops.at("host/red")];
    EXPECT_EQ(host.kind, NextHopKind::host);
    EXPECT_EQ(host.ifindex, 20u);
    EXPECT_EQ(p.image.ports[host.port].kind, PortKind::host);
    EXPECT_EQ(p.image.ports[host.port].next_hop, hops.at("host/red"));
}

// What datapath/steps/judge.hpp believes ICMP errors by.
TEST(Plan, OnlyRoutesThatHaveAWayLeadOn) {
    auto facts = facts_of_node_a();
    facts.hosts["red"] = {.ifindex = 20, .mac = mac("02:00:00:00:00:1a"), .peer_mac = mac("02:00:00:00:00:1b"), .mtu = 1500};
    const Plan p =
        planned(two_tenants + document("Route", "r1", "network: red, destination: 10.1.0.0/16, nextHop: { workload: web }") +
                    document("Route", "r2", "network: red, destination: 10.2.0.0/16, nextHop: { workload: db }") +
                    document("Route", "r3", "network: red, destination: 10.3.0.0/16, nextHop: { node: node-b }") +
                    document("Route", "r4", "network: red, destination: '::/0', nextHop: host") +
                    document("Route", "r5", "network: red, destination: 10.5.0.0/16, nextHop: discard") +
                    document("Route", "r6", "network: blue, destination: 10.6.0.0/16, nextHop: host") +
                    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p }\n"
                    "spec: { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: 10.1.2.0/24 } }] }] }\n",
                facts);
    const auto flags = [&](const char* network, const char* prefix) {
        const RouteEntry* entry = route_entry(p, network, parse_prefix(prefix).value());
        EXPECT_NE(entry, nullptr) << prefix;
        return entry ? entry->flags : 0xff;
    };
    for (const char* prefix : {"10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "::/0"})
        EXPECT_EQ(flags("red", prefix), route_leads_on);
    EXPECT_EQ(flags("red", "10.1.2.0/24"), route_leads_on);  // a part of r1 that only a policy names
    for (const char* prefix : {"10.0.0.10/32", "10.0.0.11/32", "fd00:a::10/128", "10.0.0.0/24", "10.5.0.0/16"})
        EXPECT_EQ(flags("red", prefix), 0) << prefix;
    EXPECT_EQ(flags("blue", "10.6.0.0/16"), 0);  // blue has no host port here
}

TEST(Plan, FabricsHaveSixteenSocketsEach) {
    auto facts = facts_of_node_a();
    facts.fabrics["eth2"] = {.ifindex = 4, .mac = mac("02:fa:00:00:00:03"), .mtu = 9000};
    const Plan p = planned(two_tenants, facts);
    EXPECT_EQ(p.image.ports[p.numbering.ports.at("fabric/eth2")].socket_slot, 24);
    for (uint32_t i = 0; i < 16; ++i) facts.fabrics["f" + std::to_string(i)] = {.ifindex = 100 + i};
    EXPECT_EQ(plan(state_of(two_tenants), facts, {}, shape).error().message, "18 fabric interfaces do not fit, the limit is 15");
}

TEST(Plan, WhatDoesNotFitIsRefusedWithItsLimit) {
    DesiredState state = state_of(document("VirtualNetwork", "red", "vni: 100, subnets: [10.0.0.0/8]"));
    const TableShape one_bucket = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0};
    for (uint32_t i = 0; i < 8; ++i) {
        const std::string name = "r" + std::to_string(i);
        state.routes[name] = {.name = name,
                              .network = "red",
                              .destination = {address_from_ipv4(be32::from_host(0x0b000000 + i)), 128},
                              .target = ToDiscard{}};
    }
    EXPECT_EQ(plan(state, {.node = "a"}, {}, one_bucket).error().message,
              "no room for the route to 10.0.0.0/8 of network \"red\": 8 of 8 places are taken; raise `routes` in the node's "
              "configuration");

    for (uint8_t length = 0; length <= zone_lengths_max; ++length) {
        const std::string name = "six" + std::to_string(length);
        state.routes[name] = {.name = name,
                              .network = "red",
                              .destination = {network_of({address("2001:db8::"), length}), length},
                              .target = ToDiscard{}};
    }
    EXPECT_EQ(plan(state, {.node = "a"}, {}, shape).error().message,
              "network \"red\" has routes, or address blocks of policies, of more than " + std::to_string(zone_lengths_max) +
                  " different prefix lengths");

    DesiredState crowded;
    for (uint32_t i = 1; i <= zones_max; ++i) {
        const std::string name = "n" + std::to_string(i);
        crowded.networks[name] = {.name = name, .vni = i};
    }
    EXPECT_EQ(plan(crowded, {.node = "a"}, {}, shape).error().message, "4096 virtual networks do not fit, the limit is 4095");
}

TEST(Plan, SameInputSameOutput) {
    const Plan a = planned(two_tenants, facts_of_node_a()), b = planned(two_tenants, facts_of_node_a());
    EXPECT_EQ(a.numbering, b.numbering);
    EXPECT_EQ(memcmp(a.image.routes.data(), b.image.routes.data(), a.image.routes.size() * sizeof(RouteBucket)), 0);
    EXPECT_EQ(memcmp(a.image.next_hops.data(), b.image.next_hops.data(), next_hops_max * sizeof(NextHop)), 0);
}

TEST(Plan, NumbersStayWhenOthersComeAndGo) {
    const auto facts = facts_of_node_a();
    const Plan before = planned(two_tenants, facts);
    const auto state = state_of(two_tenants + document("VirtualNetwork", "amber", "vni: 7, subnets: [10.0.0.0/24]") +
                                document("Workload", "a", "network: amber, node: node-a, addresses: [10.0.0.10], netns: a"));
    const Plan after = plan(state, facts, before.numbering, shape).value();
    for (const auto& [owner, number] : before.numbering.ports) EXPECT_EQ(after.numbering.ports.at(owner), number);
    for (const auto& [owner, number] : before.numbering.zones) EXPECT_EQ(after.numbering.zones.at(owner), number);
    for (const auto& [owner, number] : before.numbering.next_hops) EXPECT_EQ(after.numbering.next_hops.at(owner), number);
}

TEST(Plan, AHundredThousandRoutesArePlannedWellBelowASecond) {
    DesiredState state =
        state_of(document("VirtualNetwork", "red", "vni: 100, subnets: [10.0.0.0/8]") +
                 document("Node", "node-a", "address: 192.0.2.1") + document("Node", "node-b", "address: 192.0.2.2"));
    for (uint32_t i = 1; i <= 100000; ++i) {
        Workload w{.name = "w" + std::to_string(i), .space = "default", .network = "red", .node = "node-b"};
        w.addresses = {address_from_ipv4(be32::from_host(0x0a000000 + i))};
        state.workloads[w.key()] = w;
    }
    const TableShape large = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, (1u << 15) - 1};
    const auto start = std::chrono::steady_clock::now();
    const auto result = plan(state, facts_of_node_a(), {}, large);
    const auto taken = std::chrono::steady_clock::now() - start;
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(longest_route(*result, large, "red", address("10.1.134.160")), result->numbering.next_hops.at("node/node-b"));
    RecordProperty("plan_ms", static_cast<int>(taken / std::chrono::milliseconds(1)));
    EXPECT_LT(taken, std::chrono::seconds(5));  // some 20 ms; the border is for sanitizers on a busy machine
}

}  // namespace
}  // namespace biplane
