// What the documents' limits, and the lack of them, become in the tables.
#include "control/plan/flow_limits.hpp"

#include <gtest/gtest.h>

namespace biplane {
namespace {

// Two networks with two workloads each on this node, and one that is elsewhere.
class FlowLimitsPlan : public testing::Test {
   protected:
    void SetUp() override {
        for (const char* network : {"red", "blue", "elsewhere"}) {
            desired_.networks[network] = {.name = network, .vni = 100};
            numbering_.zones[network] = static_cast<uint16_t>(numbering_.zones.size() + 1);
        }
        for (const char* network : {"red", "blue"})
            for (const char* name : {"web", "db"}) add_workload(network, name);
    }

    void add_workload(const std::string& network, const std::string& name) {
        Workload workload{.name = name, .space = network, .labels = {{"app", name}}, .network = network, .node = "node-a"};
        desired_.workloads[workload.key()] = workload;
        numbering_.ports["workload/" + workload.key()] = static_cast<uint16_t>(numbering_.ports.size() + 1);
    }

    std::vector<FlowLimit> limits(uint32_t pairs) { return plan_flow_limits(desired_, numbering_, pairs); }
    FlowLimit of_network(const std::vector<FlowLimit>& all, const char* name) {
        return all[flow_owner_of_zone(numbering_.zones.at(name))];
    }
    FlowLimit of_workload(const std::vector<FlowLimit>& all, const char* key) {
        return all[flow_owner_of_port(numbering_.ports.at("workload/" + std::string(key)))];
    }

    DesiredState desired_;
    Numbering numbering_;
};

TEST_F(FlowLimitsPlan, GuaranteesEachNetworkAnEqualPartOfHalfOfWhatIsGivenOut) {
    const auto all = limits(8000);  // 6000 are given out
    EXPECT_EQ(of_network(all, "red").own, 1500);
    EXPECT_EQ(of_network(all, "blue").own, 1500);
    EXPECT_EQ(all[flow_owner_node].own, 3000);
    EXPECT_EQ(of_network(all, "red").borrowed, 3000);
    EXPECT_EQ(of_network(all, "elsewhere").own, 1) << "it has nobody here";
}

TEST_F(FlowLimitsPlan, GivesMoreThanThePoolAndAllGuaranteesToNobody) {
    for (const uint32_t pairs : {8u, 100u, 8000u, 33554432u}) {
        const auto all = limits(pairs);
        const int64_t given = int64_t{all[flow_owner_node].own} + of_network(all, "red").own + of_network(all, "blue").own;
        EXPECT_LE(given, int64_t{pairs}) << pairs;
        EXPECT_GE(of_network(all, "red").own, 1) << pairs;
    }
}

TEST_F(FlowLimitsPlan, LetsALoneNetworkHaveAllThatIsGivenOut) {
    std::erase_if(desired_.workloads, [](const auto& entry) { return entry.second.network == "blue"; });
    const auto all = limits(8000);
    EXPECT_EQ(of_network(all, "red").own, 6000);
}

TEST_F(FlowLimitsPlan, LetsOneOfSeveralWorkloadsHaveSevenEighthsOfItsNetwork) {
    const auto all = limits(8000);
    EXPECT_EQ(of_workload(all, "red/web").own, 4500 / 8 * 7);
    std::erase_if(numbering_.ports, [](const auto& entry) { return entry.first == "workload/red/db"; });
    EXPECT_EQ(of_workload(limits(8000), "red/web").own, 4500) << "it is alone";
}

TEST_F(FlowLimitsPlan, TakesWhatTheNetworkDocumentSays) {
    desired_.networks["red"].limits = {.flows = 100, .new_flows_per_second = 50};
    const auto all = limits(8000);
    EXPECT_EQ(of_network(all, "red").own + of_network(all, "red").borrowed, 100);
    EXPECT_EQ(of_network(all, "red").token_cost, flow_tokens_per_second / 50);
    EXPECT_EQ(of_network(all, "red").token_burst, flow_tokens_per_second / 50 * 9) << "ten at once";
    EXPECT_EQ(of_workload(all, "red/web").own, 84);
    EXPECT_EQ(of_network(all, "blue").own, 1500);
}

TEST_F(FlowLimitsPlan, GivesABurstOfATenthOfASecond) {
    desired_.networks["red"].limits = {.new_flows_per_second = 10000};
    EXPECT_EQ(of_network(limits(8000), "red").token_burst, flow_tokens_per_second / 10000 * 999);
}

TEST_F(FlowLimitsPlan, TakesTheSmallestOfAllPoliciesThatSelectAWorkload) {
    desired_.policies["a"] = {.name = "a", .workload_limits = {.flows = 70, .new_flows_per_second = 9}};
    desired_.policies["b"] = {.name = "b", .workloads = {.match_labels = {{"app", "web"}}}, .workload_limits = {.flows = 50}};
    const auto all = limits(8000);
    EXPECT_EQ(of_workload(all, "red/web").own, 50);
    EXPECT_EQ(of_workload(all, "red/web").token_cost, flow_tokens_per_second / 9);
    EXPECT_EQ(of_workload(all, "red/db").own, 70);
}

TEST_F(FlowLimitsPlan, SelectsByTheLabelsOfTheNamespaceAndItsName) {
    desired_.namespaces["blue"] = {.name = "blue", .labels = {{"tier", "gold"}}};
    desired_.policies["gold"] = {
        .name = "gold", .namespaces = {.match_labels = {{"tier", "gold"}}}, .network_limits = {.flows = 40}};
    desired_.policies["named"] = {.name = "named",
                                  .namespaces = {.match_labels = {{"kubernetes.io/metadata.name", "red"}}},
                                  .workload_limits = {.flows = 30}};
    const auto all = limits(8000);
    EXPECT_EQ(of_network(all, "blue").own + of_network(all, "blue").borrowed, 40);
    EXPECT_EQ(of_network(all, "red").own, 1500);
    EXPECT_EQ(of_workload(all, "red/db").own, 30);
    EXPECT_EQ(of_workload(all, "blue/db").own, 40 / 8 * 7);
}

TEST_F(FlowLimitsPlan, LimitsNothingThatItDoesNotKnowTheTableFor) {
    desired_.networks["red"].limits = {.flows = 100};
    const auto all = limits(0);
    EXPECT_EQ(of_network(all, "red").own, 100);
    EXPECT_EQ(of_network(all, "blue").own, 0);
    EXPECT_EQ(of_workload(all, "blue/web").own, 0);
}

}  // namespace
}  // namespace biplane
