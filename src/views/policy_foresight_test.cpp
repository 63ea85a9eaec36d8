// What planned tables would cut, open and close, held against tables in force.
#include <gtest/gtest.h>

#include <random>

#include "control/documents/documents.hpp"
#include "datapath/flows/flow_table.hpp"
#include "planes/publish.hpp"
#include "views/flow_cuts.hpp"
#include "views/reachability.hpp"

namespace biplane {
namespace {

constexpr char shop[] = R"(
apiVersion: biplane.dev/v1alpha1
kind: VirtualNetwork
metadata: { name: red }
spec: { vni: 100, subnets: [10.0.0.0/24, "fd00:a::/64"] }
---
apiVersion: biplane.dev/v1alpha1
kind: Node
metadata: { name: node-a }
spec: { address: 192.0.2.1 }
---
apiVersion: biplane.dev/v1alpha1
kind: Workload
metadata: { name: web, namespace: shop, labels: { app: web } }
spec: { network: red, node: node-a, addresses: [10.0.0.10, "fd00:a::10"] }
---
apiVersion: biplane.dev/v1alpha1
kind: Workload
metadata: { name: web2, namespace: shop, labels: { app: web } }
spec: { network: red, node: node-a, addresses: [10.0.0.11] }
---
apiVersion: biplane.dev/v1alpha1
kind: Workload
metadata: { name: db, namespace: shop, labels: { app: db } }
spec: { network: red, node: node-a, addresses: [10.0.0.12, "fd00:a::12"] }
)";

constexpr char db_policy[] = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: db, namespace: shop }
spec:
  podSelector: { matchLabels: { app: db } }
  ingress:
    - from: [{ podSelector: { matchLabels: { app: web } } }]
      ports: [{ protocol: TCP, port: 5432 }]
)";

constexpr char no_telnet[] = R"(
apiVersion: biplane.dev/v1alpha1
kind: BiplanePolicy
metadata: { name: no-telnet }
spec:
  subject: { podSelector: { matchLabels: { app: web } } }
  egress:
    - { name: telnet, action: deny, ports: [{ protocol: TCP, port: 23 }] }
)";

DesiredState with(const DesiredState& state, const std::string& text) {
    const auto documents = parse_documents(text, "test");
    EXPECT_TRUE(documents) << documents.error().message;
    auto wanted = put_documents(state, *documents);
    EXPECT_TRUE(wanted) << wanted.error().message;
    return *wanted;
}

NodeFacts facts_of_shop() {
    NodeFacts facts{.node = "node-a", .workloads = {}, .fabrics = {}, .hosts = {}, .underlay = {}};
    uint8_t number = 10;
    for (const char* key : {"shop/web", "shop/web2", "shop/db"}) {
        facts.workloads[key] = {.ifindex = number, .mac = {{2, 0, 0, 0, 0, 1}}, .peer_mac = {{2, 0, 0, 0, 1, number}}, .mtu = 1450};
        ++number;
    }
    return facts;
}

class PolicyForesight : public testing::Test {
   protected:
    void SetUp() override {
        std::copy(std::begin(tables_.config()->hash_secret), std::end(tables_.config()->hash_secret), shape_.hash_secret);
        shape_.route_bucket_mask = tables_.config()->route_bucket_mask;
    }
    // Puts `state` into force.
    void enforce(const DesiredState& state) {
        state_ = state;
        const Plan planned = plan_of(state);
        numbering_ = planned.numbering;
        ASSERT_TRUE(publisher_.publish(planned.image));
    }
    Plan plan_of(const DesiredState& state) const { return *plan(state, facts_of_shop(), numbering_, shape_); }

    void make_flow(const char* source, uint16_t source_port, const char* destination, uint16_t port, uint8_t number,
                   FlowState state = FlowState::established) {
        NewFlow flow{};
        flow.key = {*parse_address(source),
                    *parse_address(destination),
                    be16::from_host(source_port),
                    be16::from_host(port),
                    numbering_.zones.at("red"),
                    number,
                    0};
        const uint32_t epoch = tables_.config()->epoch;
        flow.now = now_;
        flow.epoch = epoch;
        flow.vni = 100;
        flow.next_hop = RouteMatch::unpack(tables_.route_to(epoch, flow.key.zone, flow.key.destination)).next_hop;
        flow.source_hop = RouteMatch::unpack(tables_.route_to(epoch, flow.key.zone, flow.key.source)).next_hop;
        flow.ingress_port = 1;
        flow.mode = static_cast<uint8_t>(state);
        ASSERT_EQ(make_pair(tables_, flow), FlowCreation::created);
    }
    FlowCuts cuts_of(const DesiredState& wanted, size_t examples_max = 20) {
        const Plan planned = plan_of(wanted);
        planned_names_ = TableNames(planned.numbering);
        return find_flow_cuts(tables_, ImageTables(planned.image, shape_), now_, examples_max);
    }
    ReachabilityDifference difference_to(const DesiredState& wanted, size_t listed_max = 20) const {
        const Plan planned = plan_of(wanted);
        return compare_reachability({state_, numbering_, tables_}, {wanted, planned.numbering, ImageTables(planned.image, shape_)},
                                    listed_max);
    }
    static std::vector<std::string> lines_of(const std::vector<ReachabilityChange>& changes) {
        std::vector<std::string> lines;
        for (const auto& change : changes)
            lines.push_back(change.source + " x" + std::to_string(change.sources) + " -> " + change.destination + " x" +
                            std::to_string(change.destinations) + (change.is_ipv4 ? " v4 " : " v6 ") + text_of(change.ranges));
        return lines;
    }

    SharedTables tables_ = *SharedTables::in_memory({.flow_buckets = 1u << 16, .route_buckets = 64, .counter_slots = 2}, 7);
    Publisher publisher_{tables_};
    TableShape shape_{};
    DesiredState state_;
    Numbering numbering_;
    TableNames planned_names_{Numbering{}};
    uint32_t now_ = 1000;
};

TEST_F(PolicyForesight, AFlowThatNoRuleWouldAllowIsCutAndTheIsolationIsNamed) {
    enforce(with({}, shop));
    make_flow("10.0.0.10", 40000, "10.0.0.12", 5432, protocol::tcp);
    make_flow("10.0.0.10", 40001, "10.0.0.12", 22, protocol::tcp);
    make_flow("fd00:a::10", 40002, "fd00:a::12", 22, protocol::tcp);
    make_flow("10.0.0.12", 40003, "10.0.0.10", 80, protocol::tcp);  // its replies come in to db, but it began itself
    make_flow("10.0.0.10", 7, "10.0.0.12", 0, protocol::icmp);
    const FlowCuts cuts = cuts_of(with(state_, db_policy));
    EXPECT_EQ(cuts.judged, 5u);
    EXPECT_EQ(cuts.cut, 3u);
    EXPECT_EQ(cuts.cut_already, 0u);
    ASSERT_EQ(cuts.reasons.size(), 1u);
    EXPECT_EQ(name_of(cuts.reasons[0], planned_names_), "isolation/ingress/NetworkPolicy/shop/db");
    EXPECT_EQ(cuts.reasons[0].reason, DropReason::policy_ingress_denied);
    EXPECT_EQ(cuts.examples.size(), 3u);
    EXPECT_EQ(cuts_of(state_).cut, 0u);
    const FlowCuts listed = cuts_of(with(state_, db_policy), 1);
    EXPECT_EQ(listed.cut, 3u);
    EXPECT_EQ(listed.examples.size(), 1u);
}

TEST_F(PolicyForesight, WhatTheTablesInForceCutAlreadyIsNotCounted) {
    enforce(with({}, shop));
    make_flow("10.0.0.10", 40001, "10.0.0.12", 22, protocol::tcp);
    make_flow("10.0.0.10", 40002, "10.0.0.12", 5432, protocol::tcp);
    enforce(with(state_, db_policy));
    const FlowCuts cuts = cuts_of(state_);
    EXPECT_EQ(cuts.judged, 1u);
    EXPECT_EQ(cuts.cut, 0u);
    EXPECT_EQ(cuts.cut_already, 1u);
}

TEST_F(PolicyForesight, AConnectionThatHasEndedIsNoFlowToCut) {
    enforce(with({}, shop));
    make_flow("10.0.0.10", 40001, "10.0.0.12", 22, protocol::tcp, FlowState::closed);
    const FlowCuts cuts = cuts_of(with(state_, db_policy));
    EXPECT_EQ(cuts.judged + cuts.cut + cuts.cut_already, 0u);
}

TEST_F(PolicyForesight, ARuleThatDeniesIsNamedAndSoIsAWorkloadThatGoes) {
    enforce(with({}, shop));
    make_flow("10.0.0.10", 40001, "10.0.0.12", 23, protocol::tcp);
    make_flow("10.0.0.12", 40002, "10.0.0.11", 80, protocol::udp);
    make_flow("10.0.0.11", 40003, "10.0.0.12", 80, protocol::udp);
    DesiredState wanted = with(state_, no_telnet);
    wanted.workloads.erase("shop/web2");
    const FlowCuts cuts = cuts_of(wanted);
    EXPECT_EQ(cuts.cut, 3u);
    std::map<std::string, uint64_t> by_name;
    for (const CutReason& reason : cuts.reasons) by_name[name_of(reason, planned_names_)] = reason.flows;
    EXPECT_EQ(by_name, (std::map<std::string, uint64_t>{
                           {"BiplanePolicy/no-telnet/egress/0(telnet)", 1}, {"route-discard", 1}, {"source-address-spoofed", 1}}));
    const Json json = to_json(cuts, TableNames(numbering_), planned_names_);
    EXPECT_EQ(json["cut"], 3);
    EXPECT_EQ(json["reasons"].size(), 3u);
    ASSERT_EQ(json["examples"].size(), 3u);
    EXPECT_EQ(json["examples"][0]["network"], "red");
}

TEST_F(PolicyForesight, AFlowWhoseAnswersComeFromAPlaceThatIsNoLongerTheirsIsCut) {
    const auto route_to = [](const char* workload) {
        return std::string(
                   "apiVersion: biplane.dev/v1alpha1\nkind: Route\nmetadata: { name: r }\n"
                   "spec: { network: red, destination: 172.16.0.0/24, nextHop: { workload: ") +
               workload + " } }\n";
    };
    enforce(with(with({}, shop), route_to("shop/db")));
    make_flow("10.0.0.10", 40001, "172.16.0.5", 80, protocol::udp);
    const FlowCuts cuts = cuts_of(with(state_, route_to("shop/web2")));
    ASSERT_EQ(cuts.reasons.size(), 1u);
    EXPECT_EQ(cuts.reasons[0].reason, DropReason::source_address_spoofed);
}

TEST_F(PolicyForesight, AHundredThousandFlowsAreAllCounted) {
    enforce(with({}, shop));
    for (uint16_t port = 0; port < 50000; ++port) {
        make_flow("10.0.0.10", static_cast<uint16_t>(10000 + port), "10.0.0.12", 5432, protocol::tcp);
        make_flow("10.0.0.11", static_cast<uint16_t>(10000 + port), "10.0.0.12", 22, protocol::udp);
    }
    const DesiredState wanted = with(state_, db_policy);
    const auto begin = std::chrono::steady_clock::now();
    const FlowCuts cuts = cuts_of(wanted);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    RecordProperty("milliseconds", static_cast<int>(took.count()));
    EXPECT_EQ(cuts.judged, 100000u);
    EXPECT_EQ(cuts.cut, 50000u);
    EXPECT_EQ(cuts.examples.size(), 20u);
}

TEST_F(PolicyForesight, WhatOpensAndClosesIsSaidOncePerKindOfWorkload) {
    enforce(with({}, shop));
    EXPECT_TRUE(difference_to(state_).closes.empty());
    const auto isolated = difference_to(with(state_, db_policy));
    EXPECT_EQ(lines_of(isolated.closes), (std::vector<std::string>{"shop/web x2 -> shop/db x1 v4 everything but TCP 5432",
                                                                   "shop/web x1 -> shop/db x1 v6 everything but TCP 5432"}));
    EXPECT_TRUE(isolated.opens.empty());
    EXPECT_EQ(isolated.closes_count, 2u);
    EXPECT_EQ(isolated.closed_pairs, 3u);
    EXPECT_TRUE(isolated.is_whole);
    EXPECT_EQ(difference_to(with(state_, db_policy), 1).closes.size(), 1u);
    EXPECT_EQ(difference_to(with(state_, db_policy), 1).closes_count, 2u);

    enforce(with(state_, db_policy));
    std::string moved = db_policy;
    moved.replace(moved.find("5432"), 4, "5433");
    const auto changed = difference_to(with(state_, moved));
    EXPECT_EQ(lines_of(changed.opens),
              (std::vector<std::string>{"shop/web x2 -> shop/db x1 v4 TCP 5433", "shop/web x1 -> shop/db x1 v6 TCP 5433"}));
    EXPECT_EQ(lines_of(changed.closes),
              (std::vector<std::string>{"shop/web x2 -> shop/db x1 v4 TCP 5432", "shop/web x1 -> shop/db x1 v6 TCP 5432"}));
}

TEST_F(PolicyForesight, WorkloadsAlikeAreComparedWithEachOtherButNobodyWithHimself) {
    enforce(with({}, shop));
    const auto difference = difference_to(with(state_, no_telnet));
    EXPECT_EQ(lines_of(difference.closes),
              (std::vector<std::string>{"shop/web x2 -> shop/db x1 v4 TCP 23", "shop/web x2 -> shop/web2 x1 v4 TCP 23",
                                        "shop/web x1 -> shop/db x1 v6 TCP 23"}));
    EXPECT_EQ(difference.closed_pairs, 2u + 2u + 1u);
}

// --- chosen at random ---

template <typename Tables>
bool may_reach(const Tables& tables, uint32_t epoch, uint16_t zone, const Address& source, const Address& destination,
               uint32_t position) {
    Journey j{};
    j.epoch = epoch;
    j.key.protocol = static_cast<uint8_t>(position >> 16);
    j.key.destination_port = be16::from_host(static_cast<uint16_t>(position));
    j.query_type_and_code = static_cast<uint16_t>(position);
    const auto class_of = [&](const Address& address) { return longest_route(tables, epoch, zone, address).address_class; };
    return !check_policy(tables, j, class_of(source), class_of(destination)).is_decided();
}

class RandomPolicies {
   public:
    explicit RandomPolicies(uint32_t seed) : random_(seed) {}
    std::string documents() {
        std::string text;
        for (int i = 0; i < 4; ++i) text += "---\n" + (choose(2) ? network_policy(i) : biplane_policy(i));
        return text;
    }

   private:
    uint32_t choose(uint32_t count) { return std::uniform_int_distribution<uint32_t>(0, count - 1)(random_); }
    std::string selector() { return choose(3) == 0 ? "{}" : std::string("{ matchLabels: { app: ") + "abc"[choose(3)] + " } }"; }
    std::string match(const char* peers) {
        const char* ports[] = {"{ protocol: TCP, port: 80 }", "{ protocol: TCP, port: 80, endPort: 90 }", "{ protocol: UDP }",
                               "{ protocol: TCP, port: 22 }"};
        std::string text = choose(4) == 0 ? "ports: [" : std::string(peers) + ": [{ podSelector: " + selector() + " }], ports: [";
        return text + ports[choose(4)] + "]";
    }
    std::string network_policy(int number) {
        const bool is_ingress = choose(2) == 0;
        const std::string side = is_ingress ? "ingress" : "egress";
        return "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p" + std::to_string(number) +
               ", namespace: shop }\nspec:\n  podSelector: " + selector() + "\n  policyTypes: [" +
               (is_ingress ? "Ingress" : "Egress") + "]\n  " + side + ": [{ " + match(is_ingress ? "from" : "to") + " }]\n";
    }
    std::string biplane_policy(int number) {
        const char* actions[] = {"allow", "deny", "pass"};
        const bool is_ingress = choose(2) == 0;
        return "apiVersion: biplane.dev/v1alpha1\nkind: BiplanePolicy\nmetadata: { name: b" + std::to_string(number) +
               " }\nspec:\n  subject: { podSelector: " + selector() + " }\n  " + (is_ingress ? "ingress" : "egress") +
               ": [{ action: " + actions[choose(3)] + ", " + match(is_ingress ? "from" : "to") + " }]\n";
    }
    std::mt19937 random_;
};

TEST_F(PolicyForesight, WhateverThePoliciesThePairsThatChangeAreCounted) {
    DesiredState shop_of_six =
        with({}, std::string(shop).substr(0, std::string(shop).find("---\napiVersion: biplane.dev/v1alpha1\nkind: W")));
    for (int i = 0; i < 6; ++i)
        shop_of_six =
            with(shop_of_six, "apiVersion: biplane.dev/v1alpha1\nkind: Workload\nmetadata: { name: w" + std::to_string(i) +
                                  ", namespace: shop, labels: { app: " + "abc"[i / 2] +
                                  " } }\nspec: { network: red, node: node-a, addresses: [10.0.0.1" + std::to_string(i) + "] }\n");
    constexpr uint32_t tcp = 6u << 16, probes[] = {tcp + 22, tcp + 80, tcp + 85, tcp + 91, 17u << 16 | 53, 0x10800, 47u << 16};
    uint64_t changes = 0;
    for (uint32_t seed = 0; seed < 100; ++seed) {
        RandomPolicies policies(seed);
        enforce(with(shop_of_six, policies.documents()));
        const DesiredState wanted = with(shop_of_six, policies.documents());
        const ReachabilityDifference difference = difference_to(wanted, 1000);
        const Plan planned = plan_of(wanted);
        const ImageTables image(planned.image, shape_);
        const uint16_t zone = numbering_.zones.at("red");
        for (const uint32_t probe : probes) {
            uint64_t opened = 0, closed = 0;
            for (const auto& [key, source] : wanted.workloads)
                for (const auto& [other_key, destination] : wanted.workloads) {
                    if (key == other_key) continue;
                    const bool before =
                        may_reach(tables_, tables_.config()->epoch, zone, source.addresses[0], destination.addresses[0], probe);
                    const bool after = may_reach(image, 0, zone, source.addresses[0], destination.addresses[0], probe);
                    opened += !before && after;
                    closed += before && !after;
                }
            const auto said = [&](const std::vector<ReachabilityChange>& list) {
                uint64_t pairs = 0;
                for (const auto& change : list)
                    for (const PositionRange& range : change.ranges)
                        pairs += range.first <= probe && probe < range.end ? change.pairs : 0;
                return pairs;
            };
            ASSERT_EQ(said(difference.opens), opened) << "seed " << seed << ", position " << probe;
            ASSERT_EQ(said(difference.closes), closed) << "seed " << seed << ", position " << probe;
            changes += opened + closed;
        }
    }
    EXPECT_GT(changes, 1000u);
}

TEST(Positions, AreWrittenAsPeopleWriteThem) {
    const auto written = [](const std::vector<PositionRange>& ranges) { return text_of(ranges); };
    constexpr uint32_t tcp = 6u << 16, udp = 17u << 16, icmp = 1u << 16;
    EXPECT_EQ(written({{0, policy_positions}}), "everything");
    EXPECT_EQ(written({{tcp + 80, tcp + 81}, {udp + 53, udp + 55}}), "TCP 80, UDP 53-54");
    EXPECT_EQ(written({{icmp + 0x800, icmp + 0x801}}), "ICMP 8.0 (echo request)");
    EXPECT_EQ(written({{tcp, tcp + 0x10000}}), "TCP");
    EXPECT_EQ(written({{47u << 16, 48u << 16}}), "protocol 47");
    EXPECT_EQ(written({{tcp + 65535, udp + 1}}), "TCP 65535, protocols 7-16, UDP 0");
    EXPECT_EQ(written({{0, tcp + 80}, {tcp + 81, policy_positions}}), "everything but TCP 80");
}

}  // namespace
}  // namespace biplane
