#include "planes/grace_period.hpp"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>

namespace biplane {
namespace {

// For the calling thread, as a kernel with nohz_full= (EINVAL) or without membarrier(2) (ENOSYS) answers.
bool refuse_membarrier(uint32_t error) {
    sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_membarrier, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const sock_fprog filter{.len = 4, .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}

std::string wait_where_membarrier_fails_with(uint32_t error) {
    std::string said = "not run";
    std::thread([&] {
        if (!refuse_membarrier(error)) return;
        GracePeriod grace_period;
        for (int times = 0; times < 3; ++times) {
            const Status waited = grace_period.wait();
            said = waited ? "" : waited.error().message;
        }
    }).join();
    return said;
}

TEST(grace_period, comes_by_membarrier) { EXPECT_TRUE(GracePeriod().wait()); }

TEST(grace_period, comes_without_membarrier_as_well) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    EXPECT_EQ(wait_where_membarrier_fails_with(EINVAL), "");
    EXPECT_EQ(wait_where_membarrier_fails_with(ENOSYS), "");
}

TEST(grace_period, does_not_come_where_membarrier_fails_for_another_reason) {
    EXPECT_NE(wait_where_membarrier_fails_with(EIO), "");
}

}  // namespace
}  // namespace biplane
