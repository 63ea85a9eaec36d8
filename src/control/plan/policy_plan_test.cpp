// What the policy tables say about chosen situations, and what is refused. Random ones: policy_properties_test.cpp.
#include "control/policy/policy_plan.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <chrono>

#include "control/plan/image_tables_for_test.hpp"
#include "control/plan/plan_lookup_for_test.hpp"
#include "control/plan/policy_scale_for_test.hpp"

namespace biplane {
namespace {

constexpr uint8_t tcp = 6, udp = 17;
const TableShape shape = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 8191};
const NodeFacts facts = [] {
    NodeFacts made{.node = "a"};
    made.hosts["red"] = {.ifindex = 9, .mtu = 1500};
    return made;
}();

Address address(const std::string& text) { return parse_address(text).value(); }
Prefix prefix(const std::string& text) { return parse_prefix(text).value(); }
PolicyPort port(uint8_t protocol, uint16_t number) { return {protocol, PortRange{number, number}}; }
PolicyPeer block(const std::string& cidr) { return {.block = AddressBlock{prefix(cidr), {}}}; }

void add_workload(DesiredState& desired, const std::string& name, const std::string& at, Labels labels = {}) {
    Workload w{.name = name, .space = "shop", .labels = std::move(labels), .network = "red", .node = "a"};
    w.addresses = {address(at)};
    desired.workloads[w.key()] = w;
}

NetworkPolicy& add_policy(DesiredState& desired, const std::string& name, std::vector<PolicyMatch> ingress) {
    NetworkPolicy policy{.name = name, .space = "shop", .ingress = std::move(ingress)};
    return desired.network_policies[policy.key()] = policy;
}

// Two workloads in red; red also has routes to the host.
DesiredState shop() {
    DesiredState desired;
    desired.nodes["a"] = {.name = "a", .addresses = {address("192.0.2.1")}};
    desired.networks["red"] = {.name = "red", .vni = 1, .subnets = {prefix("10.0.0.0/24")}};
    desired.networks["blue"] = {.name = "blue", .vni = 2, .subnets = {prefix("10.0.0.0/24")}};
    desired.routes["out"] = {.name = "out", .network = "red", .destination = prefix("0.0.0.0/0"), .target = ToHost{}};
    add_workload(desired, "web", "10.0.0.10", {{"app", "web"}});
    add_workload(desired, "db", "10.0.0.11", {{"app", "db"}});
    return desired;
}

Plan planned(const DesiredState& desired, const Numbering& previous = {}) {
    auto result = plan(desired, facts, previous, shape);
    EXPECT_TRUE(result) << result.error().message;
    return *std::move(result);
}

std::string refusal(const DesiredState& desired) {
    const auto result = plan(desired, facts, {}, shape);
    return result ? "not refused" : result.error().message;
}

bool may_reach(const Plan& p, const std::string& from, const std::string& to, uint8_t protocol, uint16_t number) {
    return judge_by_image(p, shape, "red", address(from), address(to), policy_position(protocol, number)).is_allowed;
}

uint16_t class_of(const Plan& p, const std::string& network, const std::string& at) {
    const ImageTables tables(p.image, shape);
    return longest_route(tables, 0, p.numbering.zones.at(network), address(at)).address_class;
}

TEST(PolicyPlan, WithoutPoliciesNothingIsKnownOfAnybody) {
    const Plan p = planned(shop());
    EXPECT_EQ(p.image.address_classes.size(), 1u);
    EXPECT_EQ(p.image.policy_subjects.size(), 1u);
    EXPECT_EQ(p.image.policy_subjects[0].count, 1u);
    EXPECT_TRUE(p.image.policy_ranges.empty());
    EXPECT_TRUE(p.numbering.rules.empty());
    for (const char* at : {"10.0.0.10", "10.0.0.99", "192.0.2.1"}) EXPECT_EQ(class_of(p, "red", at), no_address_class);
}

TEST(PolicyPlan, APolicyConcernsOnlyTheNetworksOfThoseItSelects) {
    DesiredState desired = shop();
    add_policy(desired, "p", {{.peers = {block("10.0.0.64/26")}}});
    const Plan p = planned(desired);
    EXPECT_NE(class_of(p, "red", "10.0.0.70"), no_address_class);
    EXPECT_EQ(class_of(p, "blue", "10.0.0.70"), no_address_class);
    EXPECT_EQ(p.image.zones[p.numbering.zones.at("red")].ipv4_lengths, 4);  // 32, 26, 24, 0
    EXPECT_EQ(p.image.zones[p.numbering.zones.at("blue")].ipv4_lengths, 1);
}

TEST(PolicyPlan, ABlockTakesTheNextHopOfTheRouteItLiesIn) {
    DesiredState desired = shop();
    add_policy(desired, "p", {{.peers = {block("10.0.0.0/25"), block("198.51.100.0/24"), block("2001:db8::/32")}}});
    const Plan p = planned(desired);
    EXPECT_EQ(longest_route(p, shape, "red", address("10.0.0.99")), p.numbering.next_hops.at("discard"));
    EXPECT_EQ(longest_route(p, shape, "red", address("198.51.100.7")), p.numbering.next_hops.at("host/red"));
    EXPECT_EQ(longest_route(p, shape, "red", address("2001:db8::1")), no_next_hop);  // no route leads there
    EXPECT_TRUE(may_reach(p, "198.51.100.7", "10.0.0.10", tcp, 80));
    EXPECT_FALSE(may_reach(p, "203.0.113.7", "10.0.0.10", tcp, 80));
    EXPECT_TRUE(may_reach(p, "10.0.0.11", "10.0.0.10", tcp, 80));  // a workload's address lies in the block, too
}

TEST(PolicyPlan, TheNodeReachesItsWorkloadsAndTheRestOfTheOutsideDoesNot) {
    DesiredState desired = shop();
    add_policy(desired, "closed", {});
    const Plan p = planned(desired);
    EXPECT_TRUE(may_reach(p, "192.0.2.1", "10.0.0.10", tcp, 80));
    EXPECT_TRUE(may_reach(p, "169.254.1.1", "10.0.0.10", tcp, 80));
    EXPECT_FALSE(may_reach(p, "192.0.2.2", "10.0.0.10", tcp, 80));
    EXPECT_FALSE(may_reach(p, "10.0.0.11", "10.0.0.10", tcp, 80));
}

TEST(PolicyPlan, WhatLiesBehindAWorkloadIsUnderItsPoliciesAndIsNotItself) {
    DesiredState desired = shop();
    desired.routes["lan"] = {
        .name = "lan", .network = "red", .destination = prefix("172.16.0.0/16"), .target = ToWorkload{"shop/web"}};
    add_policy(desired, "web", {{.peers = {{.workloads = with_label("app", "db")}}}}).workloads = with_label("app", "web");
    add_policy(desired, "db", {{.peers = {{.workloads = with_label("app", "web")}}}}).workloads = with_label("app", "db");
    const Plan p = planned(desired);
    EXPECT_TRUE(may_reach(p, "10.0.0.11", "172.16.0.1", tcp, 80));
    EXPECT_FALSE(may_reach(p, "203.0.113.7", "172.16.0.1", tcp, 80));
    EXPECT_TRUE(may_reach(p, "10.0.0.10", "10.0.0.11", tcp, 80));
    EXPECT_FALSE(may_reach(p, "172.16.0.1", "10.0.0.11", tcp, 80));
}

TEST(PolicyPlan, ANamedPortIsAnotherPortOnAnotherWorkload) {
    DesiredState desired = shop();
    desired.workloads.at("shop/web").ports = {{"api", tcp, 8080}, {"api", udp, 53}};
    desired.workloads.at("shop/db").ports = {{"api", tcp, 5432}};
    add_policy(desired, "p", {{.ports = {{tcp, PortName{"api"}}}}});
    const Plan p = planned(desired);
    EXPECT_TRUE(may_reach(p, "192.0.2.9", "10.0.0.10", tcp, 8080));
    EXPECT_FALSE(may_reach(p, "192.0.2.9", "10.0.0.10", tcp, 5432));
    EXPECT_FALSE(may_reach(p, "192.0.2.9", "10.0.0.10", udp, 53));
    EXPECT_TRUE(may_reach(p, "192.0.2.9", "10.0.0.11", tcp, 5432));
    EXPECT_FALSE(may_reach(p, "192.0.2.9", "10.0.0.11", tcp, 8080));
}

TEST(PolicyPlan, PassLeavesItToTheNetworkPoliciesAndNoMatchDoesToo) {
    DesiredState desired = shop();
    BiplanePolicy policy{.name = "b"};
    policy.ingress = {{.name = "seen", .action = PolicyAction::pass, .log = true, .match = {.ports = {port(tcp, 80)}}},
                      {.action = PolicyAction::deny, .match = {.ports = {{tcp, PortRange{80, 81}}}}}};
    desired.policies["b"] = policy;
    const Plan open = planned(desired);
    EXPECT_TRUE(may_reach(open, "10.0.0.11", "10.0.0.10", tcp, 80));
    EXPECT_FALSE(may_reach(open, "10.0.0.11", "10.0.0.10", tcp, 81));
    EXPECT_TRUE(may_reach(open, "10.0.0.11", "10.0.0.10", tcp, 82));  // it isolates nobody

    add_policy(desired, "closed", {});
    const Plan closed = planned(desired);
    EXPECT_FALSE(may_reach(closed, "10.0.0.11", "10.0.0.10", tcp, 82));
    const auto judged = judge_by_image(closed, shape, "red", address("10.0.0.11"), address("10.0.0.10"), policy_position(tcp, 80));
    EXPECT_EQ(judged.ingress,
              policy_isolated | policy_log | closed.numbering.rules.at("isolation/ingress/NetworkPolicy/shop/closed"));
    const auto denied = judge_by_image(closed, shape, "red", address("10.0.0.11"), address("10.0.0.10"), policy_position(tcp, 81));
    EXPECT_EQ(denied.ingress, closed.numbering.rules.at("BiplanePolicy/b/ingress/1"));
}

TEST(PolicyPlan, RulesKeepTheirNumbers) {
    DesiredState desired = shop();
    add_policy(desired, "m", {{.ports = {port(tcp, 1)}}, {.ports = {port(tcp, 2)}}});
    const Plan first = planned(desired);
    EXPECT_EQ(first.numbering.rules, (std::map<std::string, uint16_t>{{"NetworkPolicy/shop/m/ingress/0", 1},
                                                                      {"NetworkPolicy/shop/m/ingress/1", 2},
                                                                      {"isolation/ingress/NetworkPolicy/shop/m", 3}}));
    add_policy(desired, "a", {{.ports = {port(tcp, 3)}}});
    desired.network_policies.at("shop/m").ingress.pop_back();
    const Plan second = planned(desired, first.numbering);
    EXPECT_EQ(second.numbering.rules, (std::map<std::string, uint16_t>{{"NetworkPolicy/shop/a/ingress/0", 4},
                                                                       {"NetworkPolicy/shop/m/ingress/0", 1},
                                                                       {"isolation/ingress/NetworkPolicy/shop/a,shop/m", 5}}));
    EXPECT_EQ(planned(desired, second.numbering).numbering, second.numbering);
}

TEST(PolicyPlan, ManyIsolatingPoliciesAreShortenedAndStillToldApart) {
    DesiredState desired = shop();
    for (int i = 0; i < 6; ++i) add_policy(desired, "p" + std::to_string(i), {});
    add_policy(desired, "q", {}).workloads = with_label("app", "web");
    std::vector<std::string> isolations;
    for (const auto& [name, number] : planned(desired).numbering.rules) isolations.push_back(name.substr(0, name.find('(')));
    EXPECT_EQ(isolations,
              (std::vector<std::string>{"isolation/ingress/NetworkPolicy/shop/p0,shop/p1,shop/p2,shop/p3 and 2 more ",
                                        "isolation/ingress/NetworkPolicy/shop/p0,shop/p1,shop/p2,shop/p3 and 3 more "}));
}

TEST(PolicyPlan, EqualListsAreStoredOnce) {
    DesiredState desired = shop();
    add_policy(desired, "web", {{.ports = {port(tcp, 80)}}});
    desired.network_policies.at("shop/web").workloads = with_label("app", "web");
    const size_t ranges = planned(desired).image.policy_ranges.size();
    EXPECT_EQ(ranges, 3u);  // up to TCP 80, there, behind
    desired.network_policies.at("shop/web").workloads = {};
    desired.workloads.at("shop/db").ports = {{"other", tcp, 1}};
    EXPECT_EQ(planned(desired).image.policy_ranges.size(), ranges);
}

TEST(PolicyPlan, TooManyRulesAreRefused) {
    DesiredState desired = shop();
    add_policy(desired, "p", std::vector<PolicyMatch>(policy_rules_max - 1));
    EXPECT_EQ(refusal(desired), "32768 policy rules do not fit, the limit is 32767");  // with the one that isolates
}

TEST(PolicyPlan, TooManyPortRangesAreRefused) {
    DesiredState desired = shop();
    NetworkPolicy& policy = add_policy(desired, "p", {});
    for (uint16_t i = 1; i <= 1000; ++i) policy.ingress.push_back({.ports = {port(tcp, static_cast<uint16_t>(2 * i))}});
    for (uint16_t i = 0; i < 300; ++i)
        policy.ingress.push_back({.peers = {block(fmt::format("198.51.{}.{}/32", i / 200, i % 200))},
                                  .ports = {port(tcp, static_cast<uint16_t>(30000 + 2 * i))}});
    // 1000 ports and what lies around them; one port more for each of 300 blocks.
    EXPECT_EQ(refusal(desired), fmt::format("the policies need {} port ranges, the limit is 524288", 2001 + 300 * 2003));
}

TEST(PolicyPlan, TooManyPairsAreRefused) {
    DesiredState desired = shop();
    for (int i = 0; i < 640; ++i) {
        const std::string name = std::to_string(i);
        add_workload(desired, name, fmt::format("10.0.{}.{}", 1 + i / 200, i % 200), {{"id", name}, {"many", ""}});
        NetworkPolicy& policy = add_policy(desired, name, {{.peers = {{.workloads = with_label("many", "")}}}});
        policy.ingress.push_back({.peers = {{.workloads = with_label("id", name)}}, .ports = {port(tcp, 1)}});
        policy.workloads = with_label("id", name);
    }
    EXPECT_EQ(refusal(desired),
              "the policies need 409600 pairs of a subject and a peer, the limit is about 294912 (in 65536 buckets)");
}

TEST(PolicyPlan, BlocksOfTooManyLengthsAreRefused) {
    DesiredState desired = shop();
    desired.routes["out6"] = {.name = "out6", .network = "red", .destination = prefix("::/0"), .target = ToHost{}};
    NetworkPolicy& policy = add_policy(desired, "p", {});
    for (uint8_t length = 1; length <= 62; ++length)
        policy.ingress.push_back({.peers = {{.block = AddressBlock{{network_of({address("2001:db8::"), length}), length}, {}}}}});
    EXPECT_EQ(refusal(desired),
              "network \"red\" has routes, or address blocks of policies, of more than 64 different prefix lengths");
}

TEST(PolicyPlan, TenThousandRulesAreNoWait) {
    for (const auto& [name, desired] :
         {std::pair{"one policy of 10,000 rules", one_policy_of_ten_thousand_rules()},
          std::pair{"10,000 policies of one rule", ten_thousand_policies_of_one_rule()},
          std::pair{"10,000 policies for single workloads", ten_thousand_policies_for_single_workloads()}}) {
        const auto start = std::chrono::steady_clock::now();
        const Plan p = planned(desired);
        const auto took = std::chrono::steady_clock::now() - start;
        EXPECT_LT(took, std::chrono::seconds(3)) << name;  // 20 to 40 ms where nothing else runs
        EXPECT_GT(p.numbering.rules.size(), 10000u) << name;
    }
}

}  // namespace
}  // namespace biplane
