#include "userplane/instance_lock.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace biplane {
namespace {

class InstanceLockTest : public testing::Test {
   protected:
    ~InstanceLockTest() override { std::filesystem::remove_all(parent_); }
    std::string parent_ = testing::TempDir() + "biplane-lock-" + std::to_string(getpid());
    std::string directory_ = parent_ + "/run";  // neither is there before
};

TEST_F(InstanceLockTest, ASecondUserPlaneIsRefusedAndToldWhoHoldsTheLock) {
    const auto first = InstanceLock::take(directory_);
    ASSERT_TRUE(first) << first.error().message;
    const auto second = InstanceLock::take(directory_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message, "another user plane (process " + std::to_string(getpid()) + ") serves this node: it holds " +
                                          directory_ + "/userplane.lock");
}

TEST_F(InstanceLockTest, ASuccessorGetsTheLockOfADeadOne) {
    {
        ASSERT_TRUE(InstanceLock::take(directory_));
    }
    const auto successor = InstanceLock::take(directory_);
    EXPECT_TRUE(successor) << successor.error().message;
}

TEST_F(InstanceLockTest, ARunDirectoryThatCannotBeMadeIsNamed) {
    const auto lock = InstanceLock::take("/proc/biplane-run");
    ASSERT_FALSE(lock);
    EXPECT_NE(lock.error().message.find("/proc/biplane-run"), std::string::npos) << lock.error().message;
}

}  // namespace
}  // namespace biplane
