#include "host/ground.hpp"

#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace biplane {
namespace {

bool has_capability(const __user_cap_data_struct (&sets)[2], int capability) {
    return sets[capability / 32].effective >> (capability % 32) & 1;
}

// The nearest directory on the way up from `path` that exists.
std::filesystem::path existing_ancestor(std::filesystem::path path) {
    std::error_code ignored;
    while (!path.empty() && path != path.parent_path() && !std::filesystem::is_directory(path, ignored)) path = path.parent_path();
    return path;
}

Result<bool> is_on_bpffs(const std::string& path) {
    struct statfs filesystem{};
    if (statfs(path.c_str(), &filesystem) < 0) return failed_call("examine the file system of " + path, errno);
    return filesystem.f_type == BPF_FS_MAGIC;
}

}  // namespace

Status check_privileges() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2]{};
    if (syscall(SYS_capget, &header, sets) < 0) return failed_call("ask for the capabilities of this process", errno);
    std::string missing;
    if (!has_capability(sets, CAP_NET_ADMIN)) missing += " CAP_NET_ADMIN (interfaces, BPF programs on them)";
    if (!has_capability(sets, CAP_SYS_ADMIN)) {
        missing += missing.empty() ? "" : ",";
        missing += " CAP_SYS_ADMIN (BPF maps, entering network namespaces, mounting a bpffs)";
    }
    if (missing.empty()) return {};
    return failure("missing privilege:" + missing + "; run as root", EPERM);
}

Result<std::string> ensure_bpffs(const std::string& directory) {
    const std::filesystem::path ancestor = existing_ancestor(directory);
    auto there = is_on_bpffs(ancestor);
    if (!there) return tl::unexpected(there.error());
    if (*there) return std::string();
    // /sys/fs/bpf/biplane: the mount point is /sys/fs/bpf, where everybody expects a bpffs.
    const std::string mount_point = std::filesystem::path(directory).parent_path();
    if (mount_point.empty() || mount_point == "/")
        return failure(fmt::format("the pin directory {} is not on a BPF file system; choose one below /sys/fs/bpf", directory));
    if (auto made = make_directory(mount_point); !made)
        return made.error().within(
            fmt::format("the pin directory {} is not on a BPF file system and there is no place to mount one", directory));
    // Two agents that start at once must not mount over each other.
    const auto lock = ProcessLock::wait_for(mount_point);
    if (!lock) return tl::unexpected(lock.error());
    there = is_on_bpffs(mount_point);
    if (!there || *there) return there ? Result<std::string>("") : tl::unexpected(there.error());
    if (mount("bpffs", mount_point.c_str(), "bpf", 0, "mode=0700") < 0) {
        const int code = errno;
        return failure(fmt::format("the pin directory {0} is not on a BPF file system, and mounting one failed: {1}. Try: mount -t "
                                   "bpf bpffs {2}",
                                   directory, std::strerror(code), mount_point),
                       code);
    }
    return "mounted a BPF file system on " + mount_point;
}

Status make_directory(const std::string& path) {
    const std::filesystem::path parent = std::filesystem::path(path).parent_path();
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
    if (errno != ENOENT || parent.empty()) return failed_call("create the directory " + path, errno);
    if (auto made = make_directory(parent); !made) return made;
    if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
    return failed_call("create the directory " + path, errno);
}

}  // namespace biplane
