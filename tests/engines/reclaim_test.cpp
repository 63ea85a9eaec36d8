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

}  // namespace
}  // namespace biplane::engines
