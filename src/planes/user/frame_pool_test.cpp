#include "planes/user/frame_pool.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace biplane {
namespace {

TEST(FramePoolTest, EveryFrameIsGivenOutOnceAndThenNoneIsLeft) {
    FramePool frames(8);
    std::set<uint32_t> taken;
    for (int i = 0; i < 8; ++i) taken.insert(frames.take(FramePool::worker).value());
    EXPECT_EQ(taken.size(), 8u);
    EXPECT_EQ(*taken.rbegin(), 7u);
    EXPECT_FALSE(frames.take(FramePool::worker));
    EXPECT_EQ(frames.held_by(FramePool::worker), 8u);
    EXPECT_TRUE(frames.is_sound());
}

TEST(FramePoolTest, AFrameGoesItsWayFromTheFillRingToTheCompletionRingAndBack) {
    FramePool frames(4);
    const FrameHolder receive = frames.add_holder(), transmit = frames.add_holder();
    const uint32_t frame = frames.take(receive).value();
    frames.pass(frame, receive, FramePool::worker);
    frames.pass(frame, FramePool::worker, transmit);
    EXPECT_EQ(frames.holder_of(frame), transmit);
    EXPECT_EQ(frames.free(), 3u);
    frames.give_back(frame, transmit);
    EXPECT_EQ(frames.free(), 4u);
    EXPECT_TRUE(frames.is_sound());
}

TEST(FramePoolTest, TheFramesOfASocketThatDiedComeBack) {
    FramePool frames(16);
    const FrameHolder dead = frames.add_holder(), alive = frames.add_holder();
    for (int i = 0; i < 5; ++i) frames.take(dead);
    for (int i = 0; i < 3; ++i) frames.take(alive);
    EXPECT_EQ(frames.remove_holder(dead), 5u);
    EXPECT_EQ(frames.free(), 13u);
    EXPECT_EQ(frames.held_by(alive), 3u);
    EXPECT_TRUE(frames.is_sound());
    EXPECT_EQ(frames.add_holder(), dead) << "holder numbers are used again, or they would run out";
}

// Any sequence of what sockets and worker do leaves every frame with exactly one holder.
RC_GTEST_PROP(FramePoolTest, NoFrameIsLostOrHeldTwice, (const std::vector<uint8_t>& steps)) {
    FramePool frames(32);
    const FrameHolder receive = frames.add_holder(), transmit = frames.add_holder();
    std::vector<uint32_t> filled, working, sent;
    const auto pop = [](std::vector<uint32_t>& from, size_t choice) {
        const uint32_t frame = from[choice % from.size()];
        from.erase(from.begin() + static_cast<long>(choice % from.size()));
        return frame;
    };
    for (const uint8_t step : steps) {
        const size_t choice = step / 4;
        if (step % 4 == 0) {
            if (const auto frame = frames.take(receive)) filled.push_back(*frame);
        } else if (step % 4 == 1 && !filled.empty()) {
            working.push_back(pop(filled, choice));
            frames.pass(working.back(), receive, FramePool::worker);
        } else if (step % 4 == 2 && !working.empty()) {
            sent.push_back(pop(working, choice));
            frames.pass(sent.back(), FramePool::worker, transmit);
        } else if (step % 4 == 3 && !sent.empty()) {
            frames.give_back(pop(sent, choice), transmit);
        }
        RC_ASSERT(frames.free() + filled.size() + working.size() + sent.size() == frames.total());
        RC_ASSERT(frames.is_sound());
    }
}

#ifndef NDEBUG
TEST(FramePoolDeathTest, GivingAFrameBackTwiceIsOurMistake) {
    FramePool frames(4);
    const uint32_t frame = frames.take(FramePool::worker).value();
    frames.give_back(frame, FramePool::worker);
    EXPECT_DEATH(frames.give_back(frame, FramePool::worker), "holders_");
}
#endif

}  // namespace
}  // namespace biplane
