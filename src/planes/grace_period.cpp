#include "planes/grace_period.hpp"

#include <bpf/bpf.h>
#include <linux/membarrier.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace biplane {

Status GracePeriod::wait() {
    if (outer_) return wait_by_map();
    if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0) return {};
    const int error = errno;
    if (error != EINVAL && error != ENOSYS && error != EPERM) return failed_call("wait for a grace period (membarrier)", error);
    spdlog::info("membarrier(2) is refused ({}): waiting for the kernel's programs through a map of maps", std::strerror(error));

    inner_ = Fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "bp_grace_inner", sizeof(uint32_t), sizeof(uint32_t), 1, nullptr));
    if (!inner_) return failed_call("make a map to wait for a grace period with", errno);
    LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = static_cast<uint32_t>(inner_.get()));
    outer_ = Fd(bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "bp_grace", sizeof(uint32_t), sizeof(uint32_t), 1, &options));
    if (!outer_) return failed_call("make a map of maps to wait for a grace period with", errno);
    return wait_by_map();
}

Status GracePeriod::wait_by_map() {
    const uint32_t first = 0;
    const int map = inner_.get();
    if (bpf_map_update_elem(outer_.get(), &first, &map, BPF_ANY) != 0)
        return failed_call("wait for a grace period (map of maps)", errno);
    return {};
}

}  // namespace biplane
