#include "host/namespaces.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace biplane {
namespace {

bool is_process_id(const std::string& reference) {
    return std::all_of(reference.begin(), reference.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Whether an open file of the namespace was reached through a mount (the path of that) or through a process ("net:[4026531840]").
bool is_mounted(const std::string& open_file) {
    char target[PATH_MAX];
    const ssize_t length = ::readlink(open_file.c_str(), target, sizeof target);
    return length > 0 && target[0] == '/';
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
    // Opening a FIFO waits for its other end, and opening a device may do anything: so it is looked at before it is opened.
    const Fd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!place) return failed_call("open network namespace " + path, errno);
    struct statfs filesystem{};
    struct stat status{};
    if (fstatfs(place.get(), &filesystem) < 0 || fstat(place.get(), &status) < 0)
        return failed_call("examine network namespace " + path, errno);
    const auto is_none = [&] { return failure(path + " is not a network namespace", EINVAL); };
    if (filesystem.f_type != NSFS_MAGIC) return is_none();
    const std::string open_file = "/proc/self/fd/" + std::to_string(place.get());
    Fd fd(::open(open_file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return failed_call("open network namespace " + path, errno);
    if (ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) return is_none();
    return NetworkNamespace(std::move(fd), status.st_dev, status.st_ino, path.starts_with("/proc/") || !is_mounted(open_file));
}

Result<uint64_t> NetworkNamespace::cookie() const {
    return run([]() -> Result<uint64_t> {
        const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        uint64_t cookie = 0;
        socklen_t length = sizeof cookie;
        if (!socket || getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) < 0)
            return failed_call("ask for the number of a network namespace", errno);
        return cookie;
    });
}

Status NetworkNamespace::enter() const {
    if (setns(fd_.get(), CLONE_NEWNET) < 0) return failed_call("enter the network namespace", errno);
    return {};
}

}  // namespace biplane
