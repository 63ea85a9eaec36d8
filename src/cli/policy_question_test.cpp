#include "cli/policy_question.hpp"

#include <gtest/gtest.h>

#include "cli/command.hpp"
#include "cli/policy_report.hpp"
#include "layout/policy.hpp"

namespace biplane {
namespace {

Address address(const char* text) { return *parse_address(text); }

DesiredState two_networks() {
    DesiredState state;
    for (const char* name : {"red", "blue"})
        state.networks[name] = {.name = name, .vni = 100, .subnets = {*parse_prefix("10.0.0.0/24")}};
    const auto add = [&](const char* space, const char* name, const char* network, std::vector<Address> addresses) {
        state.workloads[std::string(space) + "/" + name] = {
            .name = name, .space = space, .network = network, .node = "node-a", .addresses = std::move(addresses)};
    };
    add("shop", "web", "red", {address("fd00:a::10"), address("10.0.0.10")});
    add("shop", "db", "red", {address("10.0.0.12"), address("fd00:a::12")});
    add("default", "old", "red", {address("10.0.0.13")});
    add("shop", "other", "blue", {address("10.0.0.10")});
    return state;
}

TEST(PolicyProbe, IsAProtocolAndAPort) {
    const struct {
        const char* text;
        uint8_t protocol;
        uint16_t port;
        const char* written;
    } good[] = {{"tcp/80", 6, 80, "tcp/80"},
                {"udp/0", 17, 0, "udp/0"},
                {"sctp/65535", 132, 65535, "sctp/65535"},
                {"6/80", 6, 80, "tcp/80"},
                {"icmp", 1, 0x0800, "icmp/8.0"},
                {"icmp/3.4", 1, 0x0304, "icmp/3.4"},
                {"icmp/13", 1, 0x0d00, "icmp/13.0"},
                {"icmpv6", 58, 0x8000, "icmpv6/128.0"},
                {"icmpv6/128", 58, 0x8000, "icmpv6/128.0"},
                {"47", 47, 0, "47"}};
    for (const auto& [text, number, port, written] : good) {
        const auto probe = parse_policy_probe(text);
        ASSERT_TRUE(probe) << text;
        EXPECT_EQ(probe->position, policy_position(number, port)) << text;
        EXPECT_EQ(probe->text, written);
    }
    EXPECT_EQ(parse_policy_probe("icmp/3.4")->type_name, "destination unreachable");
    EXPECT_EQ(parse_policy_probe("icmpv6")->type_name, "echo request");
    EXPECT_EQ(parse_policy_probe("icmp/77")->type_name, "");
    EXPECT_EQ(parse_policy_probe("tcp/8")->type_name, "");
    for (const char* text :
         {"", "tcp", "tcp/", "tcp/65536", "tcp/x", "tcp/80x", "47/1", "256", "icmp/256", "icmp/8.", "icmp/8.256", "/80"}) {
        const auto probe = parse_policy_probe(text);
        ASSERT_FALSE(probe) << text;
        EXPECT_EQ(probe.error().code, usage_error) << text;
    }
}

TEST(PolicyQuestion, TakesTheFirstAddressesOfOneFamily) {
    const DesiredState state = two_networks();
    auto question = read_policy_question(state, "shop/web", "shop/db", "tcp/5432", "");
    ASSERT_TRUE(question) << question.error().message;
    EXPECT_EQ(question->source.name, "shop/web");
    EXPECT_EQ(question->source.end.network, "red");
    EXPECT_EQ(to_string(question->source.end.address), "fd00:a::10");
    EXPECT_EQ(to_string(question->destination.end.address), "fd00:a::12");
    question = read_policy_question(state, "shop/web", "old", "tcp/5432", "");
    ASSERT_TRUE(question) << question.error().message;
    EXPECT_EQ(to_string(question->source.end.address), "10.0.0.10");
    EXPECT_EQ(question->destination.name, "default/old");
    question = read_policy_question(state, "shop/web", "shop/db", "icmp", "");
    ASSERT_TRUE(question) << question.error().message;
    EXPECT_EQ(to_string(question->source.end.address), "10.0.0.10");
}

TEST(PolicyQuestion, FindsTheNetworkAndTheOwnerOfAnAddress) {
    const DesiredState state = two_networks();
    auto question = read_policy_question(state, "10.0.0.10", "shop/db", "tcp/5432", "");
    ASSERT_TRUE(question) << question.error().message;
    EXPECT_EQ(question->source.name, "shop/web");  // blue has the same address
    question = read_policy_question(state, "192.0.2.7", "10.0.0.10", "tcp/80", "blue");
    ASSERT_TRUE(question) << question.error().message;
    EXPECT_EQ(question->source.name, "");
    EXPECT_EQ(question->destination.name, "shop/other");
}

TEST(PolicyQuestion, RefusesWhatHasNoAnswer) {
    const DesiredState state = two_networks();
    const auto refusal = [&](const char* source, const char* destination, const char* probe, const char* network) {
        const auto question = read_policy_question(state, source, destination, probe, network);
        return question ? "none" : question.error().message;
    };
    EXPECT_NE(refusal("10.0.0.10", "10.0.0.12", "tcp/1", "").find("--network"), std::string::npos);
    EXPECT_NE(refusal("10.0.0.10", "10.0.0.12", "tcp/1", "green").find("no network \"green\""), std::string::npos);
    EXPECT_NE(refusal("shop/web", "shop/other", "tcp/1", "").find("nothing leads from one network to another"), std::string::npos);
    EXPECT_NE(refusal("shop/web", "shop/nobody", "tcp/1", "").find("no workload \"shop/nobody\""), std::string::npos);
    EXPECT_NE(refusal("fd00:a::1", "old", "tcp/1", "").find("one family"), std::string::npos);
    EXPECT_NE(refusal("old", "shop/db", "icmpv6", "").find("one family"), std::string::npos);
}

TEST(PolicyReport, ComplainsOnlyWhereTheTablesWereAsked) {
    Explanation explanation;
    explanation.egress = {
        .subject = "shop/web", .isolated_by = {}, .rules = {}, .is_allowed = false, .decided_by = "e", .log = false};
    explanation.ingress = {
        .subject = "shop/db", .isolated_by = {}, .rules = {}, .is_allowed = true, .decided_by = "i", .log = false};
    DecisionInForce in_force{.is_allowed = false, .egress_rule = "e", .is_ingress_asked = false};
    EXPECT_TRUE(agree(explanation, in_force));
    in_force.egress_rule = "another";
    EXPECT_FALSE(agree(explanation, in_force));
    in_force = {.is_allowed = true, .egress_rule = "e", .ingress_rule = "i"};
    EXPECT_FALSE(agree(explanation, in_force));
    explanation.egress.is_allowed = true;
    EXPECT_TRUE(agree(explanation, in_force));
    in_force.ingress_rule = "";
    EXPECT_FALSE(agree(explanation, in_force));
    explanation.is_same_port = true;
    EXPECT_TRUE(agree(explanation, in_force));
}

TEST(PolicyReport, AForecastIsALineForEachThing) {
    const Json flow = {{"network", "red"},
                       {"plane", "kernel"},
                       {"protocol", "tcp"},
                       {"source", "fd00:a::10"},
                       {"sourcePort", 40000},
                       {"destination", "fd00:a::12"},
                       {"destinationPort", 22},
                       {"state", "established"},
                       {"reason", "policy-ingress-denied"},
                       {"rule", "isolation/ingress/NetworkPolicy/shop/db"}};
    const auto change = [](const char* family) {
        return Json{{"network", "red"},  {"source", "shop/web"}, {"sources", 3}, {"destination", "shop/db"},
                    {"destinations", 1}, {"family", family},     {"pairs", 3},   {"ports", "TCP 22"}};
    };
    const Json foreseen = {
        {"flows",
         {{"judged", 9},
          {"cut", 2},
          {"alreadyCut", 0},
          {"reasons", {{{"flows", 2}, {"reason", "policy-ingress-denied"}, {"rule", "isolation/ingress/NetworkPolicy/shop/db"}}}},
          {"examples", Json::array({flow})}}},
        {"reachability",
         {{"opens", {{"count", 0}, {"pairs", 0}, {"changes", Json::array()}}},
          {"closes", {{"count", 5}, {"pairs", 15}, {"changes", {change("ipv4"), change("ipv6")}}}},
          {"whole", true}}}};
    EXPECT_EQ(foreseen_text(foreseen),
              "cuts 2 of 9 live flows\n"
              "  2 by isolation/ingress/NetworkPolicy/shop/db\n"
              "  some of them:\n"
              "    red tcp [fd00:a::10]:40000 -> [fd00:a::12]:22: isolation/ingress/NetworkPolicy/shop/db\n"
              "reachability:\n"
              "  closes shop/web and 2 more -> shop/db  TCP 22\n"
              "  closes 3 more\n"
              "nothing was changed\n");
}

}  // namespace
}  // namespace biplane
