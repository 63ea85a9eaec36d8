// One bucket of the fragment table: whose entries give way when more datagrams are under way than it holds.
#include <gtest/gtest.h>

#include "cases/case.hpp"
#include "datapath/hash.hpp"
#include "engines/engine.hpp"

namespace biplane::engines {
namespace {

using packets::Packet;

constexpr uint64_t seed = 11;

// A workload that sends datagrams in two fragments, all of which belong into bucket 0.
class Sender {
   public:
    Sender(Engine& engine, uint16_t port, const char* address) : engine_(engine), port_(port), address_(address) {}

    // Sends the first fragments of so many datagrams more.
    void begin(size_t datagrams) {
        for (size_t i = 0; i < datagrams; ++i) {
            begun_.push_back(next_identification());
            const Packet first = header(begun_.back()).fragment(0, true).udp(5000, 53).udp_length(48).filler(16);
            ASSERT_TRUE(is_sent(first));
        }
    }
    // Whether each of the datagrams begun so far can be ended, the newest first: '1' or '0'.
    std::string end_all() {
        std::string ended;
        for (size_t i = begun_.size(); i-- > 0;)
            ended += is_sent(header(begun_[i]).fragment(24, false).protocol(17).filler(24)) ? '1' : '0';
        return ended;
    }

   private:
    Packet header(uint16_t identification) const {
        return cases::frame_from(port_).ipv4(address_, "10.0.0.20").identification(identification);
    }
    bool is_sent(const Packet& packet) { return engine_.run(port_, packet.bytes()).disposal == Disposal::sent; }

    uint16_t next_identification() {
        for (;;) {
            const auto number = be16::from_host(++identification_);
            const uint64_t key = uint64_t{number.raw} | uint64_t{world::red} << 32 | uint64_t{port_} << 48;
            if (place_fragment(packets::address(address_), packets::address("10.0.0.20"), key,
                               engine_.tables().config()->hash_secret) == 0)
                return identification_;
        }
    }

    Engine& engine_;
    uint16_t port_;
    const char* address_;
    uint16_t identification_ = 0;
    std::vector<uint16_t> begun_;
};

class fragments : public testing::Test {
   protected:
    void SetUp() override {
        auto made = native_engine(Plane::kernel, seed);
        ASSERT_TRUE(made) << made.error().message;
        engine_ = std::move(*made);
        reset(*engine_);
    }
    FragmentBucket& bucket() { return *engine_->tables().fragment_bucket(0); }
    void wait(uint64_t seconds) { cases::time_passes(seconds)(engine_->tables()); }

    std::unique_ptr<Engine> engine_;
};

TEST_F(fragments, a_bucket_holds_eight_datagrams_and_then_forgets_the_oldest) {
    Sender web(*engine_, world::red_web, "10.0.0.10");
    web.begin(10);
    EXPECT_EQ(web.end_all(), "1111111100");
}

TEST_F(fragments, who_sends_many_first_fragments_takes_the_place_of_his_own) {
    Sender web(*engine_, world::red_web, "10.0.0.10"), db(*engine_, world::red_db, "10.0.0.11");
    db.begin(2);
    web.begin(60);
    EXPECT_EQ(db.end_all(), "11");
    EXPECT_EQ(web.end_all().substr(0, 7), "1111110");
}

TEST_F(fragments, who_comes_to_a_full_bucket_gets_his_share) {
    Sender web(*engine_, world::red_web, "10.0.0.10"), db(*engine_, world::red_db, "10.0.0.11");
    web.begin(8);
    db.begin(6);
    EXPECT_EQ(db.end_all(), "111100");
    EXPECT_EQ(web.end_all(), "11110000");
}

TEST_F(fragments, what_has_expired_goes_first) {
    Sender web(*engine_, world::red_web, "10.0.0.10"), db(*engine_, world::red_db, "10.0.0.11");
    db.begin(4);
    wait(20);
    web.begin(4);
    wait(11);
    web.begin(4);
    EXPECT_EQ(web.end_all(), "11111111");
    EXPECT_EQ(db.end_all(), "0000");
}

TEST_F(fragments, nobody_believes_or_takes_an_entry_that_is_being_written_until_its_writer_must_be_dead) {
    Sender web(*engine_, world::red_web, "10.0.0.10");
    web.begin(8);
    for (FragmentEntry& entry : bucket().entries) entry.state |= fragment_is_written;
    web.begin(1);
    EXPECT_EQ(web.end_all(), "000000000");
    wait(31);
    web.begin(1);
    EXPECT_EQ(web.end_all(), "1000000000");
}

}  // namespace
}  // namespace biplane::engines
