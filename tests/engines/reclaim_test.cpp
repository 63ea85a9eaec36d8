// A table with room for eight pairs: what gives way to a new flow, and what never does (design, D3).
#include <gtest/gtest.h>

#include "cases/case.hpp"
#include "engines/engine.hpp"
#include "engines/flows.hpp"

namespace biplane::engines {
namespace {

using cases::Packet;
using packets::address;

constexpr uint64_t seed = 11;

class reclaim : public testing::Test {
   protected:
    void SetUp() override {
        auto made = native_engine(Plane::kernel, seed);
        ASSERT_TRUE(made) << made.error().message;
        engine_ = std::move(*made);
        reset(*engine_);
        engine_->tables().config()->flow_buckets = 2;  // two buckets
    }

    // The next datagram whose flow can only lie in this bucket, and its reverse direction only in that one.
    Bytes next_datagram(uint32_t forward_bucket, uint32_t reverse_bucket) {
        for (;; ++port_) {
            const FlowKey key{
                address("10.0.0.10"), address("10.0.0.11"), be16::from_host(port_), be16::from_host(53), world::red, 17, 0};
            if (!lies_only_in(key, forward_bucket) || !lies_only_in(reverse_of(key), reverse_bucket)) continue;
            return cases::frame_from(world::red_web).ipv4("10.0.0.10", "10.0.0.11").udp(port_++, 53).filler(8).bytes();
        }
    }

    bool lies_only_in(const FlowKey& key, uint32_t bucket) {
        const FlowPlace place = place_flow(hash_flow(key, engine_->tables().config()->hash_secret), 2);
        return place.first_bucket == bucket && place.second_bucket == bucket;
    }

    bool is_sent(const Bytes& frame) { return engine_->run(world::red_web, frame).disposal == Disposal::sent; }

    void fill_both_buckets() {
        for (uint32_t i = 0; i < flow_bucket_ways; ++i) ASSERT_TRUE(is_sent(next_datagram(0, 1)));
    }

    // ... in which nobody tidies the table.
    void an_hour_passes() {
        cases::time_passes(3600)(engine_->tables());
        engine_->tables().flow_share(flow_owner_node)->tidied_at = current_tick() + ticks_from_ms(900);
    }

    size_t count_pairs() {
        std::vector<std::string> complaints;
        const size_t pairs = read_pairs(engine_->tables(), complaints).size();
        for (const std::string& complaint : complaints) ADD_FAILURE() << complaint;
        return pairs;
    }

    std::unique_ptr<Engine> engine_;
    uint16_t port_ = 1000;
};

TEST_F(reclaim, a_live_flow_never_gives_way) {
    fill_both_buckets();
    EXPECT_FALSE(is_sent(next_datagram(0, 1)));
    EXPECT_EQ(count_pairs(), flow_bucket_ways);
}

TEST_F(reclaim, an_expired_pair_gives_way_to_a_new_one) {
    fill_both_buckets();
    an_hour_passes();
    EXPECT_TRUE(is_sent(next_datagram(0, 1)));
    EXPECT_EQ(count_pairs(), flow_bucket_ways);
}

TEST_F(reclaim, two_expired_pairs_give_way_when_both_directions_need_room_in_one_bucket) {
    fill_both_buckets();
    an_hour_passes();
    EXPECT_TRUE(is_sent(next_datagram(0, 0)));
    EXPECT_EQ(count_pairs(), flow_bucket_ways - 1);
}

// Segments or datagrams of any network whose flows can only lie in bucket 0, and their reverse directions only in bucket 1.
class half_open : public reclaim {
   protected:
    Bytes next_syn(uint16_t port) {
        const uint16_t zone = port == world::red_web ? world::red : world::blue;
        for (;; ++port_) {
            const FlowKey key{address("10.0.0.10"), address("10.0.0.11"), be16::from_host(port_), be16::from_host(80), zone, 6, 0};
            if (!lies_only_in(key, 0) || !lies_only_in(reverse_of(key), 1)) continue;
            return cases::frame_from(port).ipv4("10.0.0.10", "10.0.0.11").tcp(port_++, 80, packets::tcp::syn).bytes();
        }
    }
    bool is_sent(uint16_t port, const Bytes& frame) { return engine_->run(port, frame).disposal == Disposal::sent; }

    void give(uint16_t zone, int32_t own, int32_t borrowed) {
        for (uint32_t bank = 0; bank < banks; ++bank)
            *engine_->tables().flow_limit(bank, flow_owner_of_zone(zone)) = {.own = own, .borrowed = borrowed};
        for (uint32_t bank = 0; bank < banks; ++bank) engine_->tables().flow_limit(bank, flow_owner_node)->own = 100;
    }
};

TEST_F(half_open, a_network_within_its_share_loses_nothing_to_another_one) {
    give(world::red, 8, 8);
    for (uint32_t i = 0; i < flow_bucket_ways; ++i) ASSERT_TRUE(is_sent(world::red_web, next_syn(world::red_web)));
    EXPECT_FALSE(is_sent(world::blue_web, next_syn(world::blue_web)));
    EXPECT_EQ(count_pairs(), flow_bucket_ways);
}

TEST_F(half_open, a_network_above_its_share_gives_way_to_another_one) {
    give(world::red, 6, 8);
    for (uint32_t i = 0; i < flow_bucket_ways; ++i) ASSERT_TRUE(is_sent(world::red_web, next_syn(world::red_web)));
    EXPECT_TRUE(is_sent(world::blue_web, next_syn(world::blue_web)));
    EXPECT_EQ(count_pairs(), flow_bucket_ways);
    EXPECT_EQ(engine_->tables().flow_share(flow_owner_of_zone(world::red))->borrowed, 1) << "what was borrowed goes first";
    EXPECT_EQ(engine_->tables().flow_share(flow_owner_of_zone(world::blue))->own, 1);
}

TEST_F(half_open, datagrams_without_an_answer_give_way_too_and_answered_ones_never) {
    give(world::red, 1, 20);
    for (uint32_t i = 0; i < flow_bucket_ways; ++i) ASSERT_TRUE(reclaim::is_sent(next_datagram(0, 1)));
    EXPECT_TRUE(is_sent(world::blue_web, next_syn(world::blue_web)));
    for (uint32_t n = 0; n < 2 * flow_bucket_ways; ++n) {
        FlowEntry& entry = *engine_->tables().flow(n);
        if (entry.zone == world::red) entry.mode = with_state(entry.mode, FlowState::established);
    }
    EXPECT_TRUE(is_sent(world::blue_web, next_syn(world::blue_web))) << "in place of its own half-open one";
    EXPECT_EQ(count_pairs(), flow_bucket_ways);
    EXPECT_EQ(engine_->tables().flow_share(flow_owner_of_zone(world::blue))->own, 1);
}

TEST_F(half_open, a_network_may_put_new_connections_in_place_of_its_own_half_open_ones) {
    for (uint32_t i = 0; i < 3 * flow_bucket_ways; ++i) ASSERT_TRUE(is_sent(world::red_web, next_syn(world::red_web)));
    EXPECT_EQ(count_pairs(), flow_bucket_ways);
}

// What a user plane that died left behind, and a flow that is made long after.
class left_behind : public reclaim {
   protected:
    void a_flow_is_made_much_later() {
        cases::time_passes(60)(engine_->tables());
        ASSERT_TRUE(is_sent(next_datagram(0, 1)));
    }
    uint32_t& signature(uint32_t number) {
        return engine_->tables().flow_bucket(number / flow_bucket_ways)->signatures[number % flow_bucket_ways];
    }
    uint32_t forward_entry() {
        for (uint32_t n = 0; n < 2 * flow_bucket_ways; ++n)
            if (signature(n) != signature_free && (engine_->tables().flow(n)->mode & flow_mode_reverse) == 0) return n;
        return no_flow;
    }
    uint32_t long_ago() { return claimed_at(current_tick() - ticks_from_ms(5000)); }
};

TEST_F(left_behind, a_claim_of_a_dead_one_is_taken_over) {
    signature(3) = long_ago();
    a_flow_is_made_much_later();
    EXPECT_EQ(count_pairs(), 1u);
}

TEST_F(left_behind, a_fresh_claim_is_left_alone) {
    signature(3) = claimed_at(current_tick());
    a_flow_is_made_much_later();
    EXPECT_TRUE(is_claimed(signature(3)));
}

TEST_F(left_behind, a_pair_of_which_only_the_reverse_was_published_goes_as_a_whole) {
    ASSERT_TRUE(is_sent(next_datagram(0, 1)));
    signature(forward_entry()) = long_ago();
    a_flow_is_made_much_later();
    EXPECT_EQ(count_pairs(), 1u);
}

TEST_F(left_behind, a_pair_of_which_only_the_reverse_was_taken_back_goes_as_a_whole) {
    ASSERT_TRUE(is_sent(next_datagram(0, 1)));
    signature(engine_->tables().flow_detail(forward_entry())->other) = long_ago();
    a_flow_is_made_much_later();
    EXPECT_EQ(count_pairs(), 1u);
}

}  // namespace
}  // namespace biplane::engines
