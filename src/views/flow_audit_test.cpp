// What an audit finds, and that flows which come and go are no fault.
#include "views/flow_audit.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <thread>

#include "base/addresses.hpp"
#include "datapath/flows/flow_table.hpp"

namespace biplane {
namespace {

class FlowAudits : public testing::Test {
   protected:
    static constexpr uint16_t zone = 3, port = 1;

    SharedTables tables_ = *SharedTables::in_memory({.flow_buckets = 1024, .route_buckets = 16, .counter_slots = 2}, 7);
    uint32_t now_ = 1'000'000;

    // As the pipeline does it: the pair, then the count.
    uint32_t make_flow(uint32_t number) {
        NewFlow flow{};
        flow.key = {address_from_ipv4(be32::from_host(0x0a000000 | number)),
                    *parse_address("10.255.0.1"),
                    be16::from_host(1),
                    be16::from_host(2),
                    zone,
                    protocol::udp,
                    0};
        flow.now = now_;
        flow.ingress_port = port;
        if (make_pair(tables_, flow) != FlowCreation::created) return no_flow;
        add(tables_.counters(0, port)->flows_created, uint64_t{1});
        return flow.entry;
    }
    void end_flow(uint32_t entry) {
        if (take_back(tables_, entry, now_)) release_way(tables_, entry, claimed_at(now_));
    }
    FlowAudit audit(int looks = 1) {
        FlowAuditor auditor(tables_);
        for (int look = 0; look < looks; ++look) auditor.look(now_ + static_cast<uint32_t>(look) * flow_claim_stale);
        return auditor.audit();
    }
};

TEST_F(FlowAudits, a_table_at_rest_is_clean_and_compared_exactly) {
    for (uint32_t i = 0; i < 100; ++i) make_flow(i);
    const FlowAudit found = audit();
    EXPECT_EQ(found.pairs, 100u);
    EXPECT_TRUE(found.is_clean());
    EXPECT_TRUE(found.is_settled);
}

TEST_F(FlowAudits, a_half_pair_a_claim_left_behind_and_a_wrong_count_are_found) {
    const uint32_t entry = make_flow(1);
    make_flow(2);
    *signature_of(tables_, tables_.flow_detail(entry)->other) = signature_free;
    uint32_t way = 0;
    while (*signature_of(tables_, way) != signature_free) ++way;
    *signature_of(tables_, way) = claimed_at(now_);
    now_ += flow_claim_stale + 1;
    add(tables_.flow_share(flow_owner_of_port(port))->own, 1);
    const FlowAudit found = audit(3);
    EXPECT_EQ(found.half_pairs, 1u);
    EXPECT_EQ(found.stale_claims, 1u);
    ASSERT_EQ(found.wrong_owners.size(), 1u);
    EXPECT_EQ(found.wrong_owners[0].number, flow_owner_of_port(port));
    EXPECT_EQ(found.wrong_owners[0].counted, 2);
    EXPECT_EQ(found.wrong_owners[0].said, 3);
}

TEST_F(FlowAudits, a_pool_that_disagrees_is_found) {
    tables_.flow_share(flow_owner_of_zone(zone))->borrowed = 1;
    tables_.flow_share(flow_owner_of_zone(zone))->own = -1;
    const FlowAudit found = audit(2);
    ASSERT_EQ(found.wrong_owners.size(), 1u);
    EXPECT_EQ(found.wrong_owners[0].number, flow_owner_node);
}

// Its creator was kept from its processor between the two directions.
TEST_F(FlowAudits, a_pair_in_the_making_is_no_half) {
    const uint32_t entry = make_flow(1);
    uint32_t* other = signature_of(tables_, tables_.flow_detail(entry)->other);
    const uint32_t signature = *other;
    FlowAuditor auditor(tables_);
    *other = claimed_at(now_);
    auditor.look(now_);
    EXPECT_EQ(auditor.audit().half_pairs, 1u);
    EXPECT_TRUE(auditor.needs_look());
    *other = signature;
    auditor.look(now_);
    EXPECT_TRUE(auditor.audit().is_clean());
    EXPECT_FALSE(auditor.needs_look());
}

// Paid for, and not in the table yet: at each look it is another one.
TEST_F(FlowAudits, a_pair_that_is_paid_for_is_no_wrong_count) {
    int32_t& own = tables_.flow_share(flow_owner_of_port(port))->own;
    FlowAuditor auditor(tables_);
    for (uint32_t look = 0; look < 4; ++look) {
        add(own, 1);
        auditor.look(now_);
        EXPECT_TRUE(auditor.needs_look());
        add(own, -1);
        make_flow(look);
    }
    EXPECT_TRUE(auditor.audit().is_clean());
    add(own, 1);  // and this one never comes
    for (const uint32_t later : {0u, 1u, flow_claim_stale - 1}) {
        auditor.look(now_ + later);
        EXPECT_TRUE(auditor.audit().is_clean());
    }
    auditor.look(now_ + flow_claim_stale);
    EXPECT_EQ(auditor.audit().wrong_owners.size(), 1u);
    make_flow(100);  // what moves now says nothing about it
    auditor.look(now_ + flow_claim_stale + 1);
    EXPECT_TRUE(auditor.audit().is_clean());
}

// At each look another pair is half: none of them stays so.
TEST_F(FlowAudits, another_half_in_the_same_way_is_not_the_same_half) {
    FlowAuditor auditor(tables_);
    const uint32_t entry = make_flow(1);
    uint32_t* other = signature_of(tables_, tables_.flow_detail(entry)->other);
    *other = claimed_at(now_);
    auditor.look(now_);
    tables_.flow_detail(entry)->created = now_ + 1;
    auditor.look(now_);
    EXPECT_EQ(auditor.audit().half_pairs, 0u);
}

// A walk sees a table that is never at rest. The single look before this took whatever it saw for a fault.
TEST_F(FlowAudits, flows_that_come_and_go_all_the_time_are_no_fault) {
    std::atomic<bool> is_over = false;
    std::thread traffic([&] {
        std::deque<uint32_t> entries;
        for (uint32_t number = 0; !is_over; ++number) {
            if (const uint32_t entry = make_flow(number & 0xffffff); entry != no_flow) entries.push_back(entry);
            if (entries.size() < 500) continue;
            end_flow(entries.front());
            entries.pop_front();
        }
    });
    for (int run = 0; run < 50; ++run) {
        FlowAuditor auditor(tables_);
        for (int look = 0; look < 20; ++look) {
            auditor.look(now_);
            if (!auditor.needs_look()) break;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        const FlowAudit found = auditor.audit();
        EXPECT_TRUE(found.is_clean()) << to_json(found, TableNames(Numbering{})).dump();
    }
    is_over = true;
    traffic.join();
    EXPECT_TRUE(audit(2).is_clean());
}

// At each look the table holds more than at the one before: what was made behind the walk is not missing.
TEST_F(FlowAudits, a_table_that_fills_up_is_no_fault) {
    tables_ = *SharedTables::in_memory({.flow_buckets = 1 << 15, .route_buckets = 16, .counter_slots = 2}, 7);
    std::atomic<bool> is_over = false;
    std::thread traffic([&] {
        for (uint32_t number = 0; number < 100'000 && !is_over; ++number) make_flow(number);
    });
    while (load(tables_.counters(0, port)->flows_created) < 100) std::this_thread::yield();
    FlowAuditor auditor(tables_);
    auditor.look(now_);
    const uint64_t first = auditor.audit().pairs;
    for (int look = 0; look < 3; ++look) auditor.look(now_);
    is_over = true;
    traffic.join();
    const FlowAudit found = auditor.audit();
    EXPECT_GT(found.pairs, first);
    EXPECT_TRUE(found.is_clean()) << to_json(found, TableNames(Numbering{})).dump();
}

// Under traffic a loss that the traffic cannot explain is still seen.
TEST_F(FlowAudits, a_large_wrong_count_is_found_under_traffic) {
    std::atomic<bool> is_over = false;
    add(tables_.flow_share(flow_owner_of_port(port))->own, 1'000'000'000);
    std::thread traffic([&] {
        for (uint32_t number = 0; !is_over; ++number)
            if (const uint32_t entry = make_flow(number & 0xffffff); entry != no_flow) end_flow(entry);
    });
    const FlowAudit found = audit(5);
    is_over = true;
    traffic.join();
    ASSERT_FALSE(found.wrong_owners.empty());
    EXPECT_EQ(found.wrong_owners.back().number, flow_owner_of_port(port));
    EXPECT_GT(found.wrong_owners.back().said - found.wrong_owners.back().counted, 900'000'000);
}

}  // namespace
}  // namespace biplane
