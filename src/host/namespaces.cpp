#include "host/namespaces.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <cerrno>

namespace biplane {
namespace {

bool is_process_id(const std::string& reference) {
    return std::all_of(reference.begin(), reference.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<NetworkNamespace> NetworkNamespace::open(const std::string& reference) {
    if (reference.empty()) return failure("the name of the network namespace is empty", EINVAL);
    if (reference.front() == '/') return open_path(reference);
    if (is_process_id(reference)) {
        auto opened = open_path("/proc/" + reference + "/ns/net");
        if (!opened && opened.error().code == ENOENT) return failure("there is no process " + reference, ENOENT);
        return opened;
    }
    auto opened = open_path("/run/netns/" + reference);
    if (!opened && opened.error().code == ENOENT)
        return failure(fmt::format("there is no network namespace \"{0}\" (/run/netns/{0} does not exist)", reference), ENOENT);
    return opened;
}

Result<NetworkNamespace> NetworkNamespace::current() { return open_path("/proc/thread-self/ns/net"); }

Result<NetworkNamespace> NetworkNamespace::open_path(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return failed_call("open network namespace " + path, errno);
    struct statfs filesystem{};
    struct stat status{};
    if (fstatfs(fd.get(), &filesystem) < 0 || fstat(fd.get(), &status) < 0)
        return failed_call("examine network namespace " + path, errno);
    if (filesystem.f_type != NSFS_MAGIC || ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET)
        return failure(path + " is not a network namespace", EINVAL);
    return NetworkNamespace(std::move(fd), status.st_dev, status.st_ino);
}

Status NetworkNamespace::enter() const {
    if (setns(fd_.get(), CLONE_NEWNET) < 0) return failed_call("enter the network namespace", errno);
    return {};
}

}  // namespace biplane
