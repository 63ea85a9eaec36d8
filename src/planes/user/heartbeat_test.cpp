#include "planes/user/heartbeat.hpp"

#include <gtest/gtest.h>

namespace biplane {
namespace {

class HeartbeatTest : public testing::Test {
   protected:
    // As the kernel plane sees it (choose_plane in datapath/steps/judge.hpp).
    bool is_alive(uint32_t now) {
        return status_.heartbeat != 0 &&
               static_cast<int32_t>(now - status_.heartbeat) <= static_cast<int32_t>(tables_.config()->user_plane_timeout);
    }

    SharedTables tables_ = SharedTables::in_memory({.flow_buckets = 8, .route_buckets = 8, .counter_slots = 2}, 1).value();
    UserPlaneStatus& status_ = *tables_.user_plane();
};

TEST_F(HeartbeatTest, ASuccessorDoesNotInheritTheSleepOfOneThatWasKilled) {
    status_.sleeping = 1;
    const Heartbeat heartbeat(tables_);
    EXPECT_EQ(status_.sleeping, 0u);
    EXPECT_EQ(status_.pid, static_cast<uint32_t>(getpid()));
}

TEST_F(HeartbeatTest, ALapSaysUnderWhichEpochItReads) {
    Heartbeat heartbeat(tables_);
    tables_.config()->epoch = 7;
    EXPECT_EQ(heartbeat.begin_lap(), 7u);
    EXPECT_EQ(status_.epoch_seen, 7u);
    EXPECT_EQ(status_.laps, 1u);
}

TEST_F(HeartbeatTest, ItIsAliveFromABeatUntilTheTimeoutAndNoLonger) {
    Heartbeat heartbeat(tables_);
    const uint32_t timeout = tables_.config()->user_plane_timeout;
    heartbeat.beat(1000);
    EXPECT_TRUE(is_alive(1000));
    EXPECT_TRUE(is_alive(1000 + timeout));
    EXPECT_FALSE(is_alive(1001 + timeout));
}

TEST_F(HeartbeatTest, ABeatThatIsTooLateIsNoLifeForTheKernelPlaneButLapsForAPublisher) {
    Heartbeat heartbeat(tables_);
    heartbeat.beat_too_late(1000);
    EXPECT_FALSE(is_alive(1000));
    EXPECT_NE(status_.heartbeat, 0u);
    EXPECT_LT(1000 - status_.heartbeat, ticks_from_ms(1000)) << "publishers wait for whoever beat within the last second";
}

TEST_F(HeartbeatTest, TheBeatAtTickZeroIsNotTakenForNever) {
    Heartbeat heartbeat(tables_);
    heartbeat.beat(0);
    EXPECT_TRUE(is_alive(0));
}

TEST_F(HeartbeatTest, ItStopsWithItsOwner) {
    {
        Heartbeat(tables_).beat(1000);
    }
    EXPECT_FALSE(is_alive(1000));
    EXPECT_EQ(status_.heartbeat, 0u);
}

}  // namespace
}  // namespace biplane
