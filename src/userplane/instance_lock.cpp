#include "userplane/instance_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace biplane {
namespace {

std::string read_owner(int file) {
    char text[16] = {};
    const ssize_t length = pread(file, text, sizeof text - 1, 0);
    return length > 0 ? std::string(text, static_cast<size_t>(length)) : "unknown";
}

}  // namespace

Result<InstanceLock> InstanceLock::take(const std::string& run_directory) {
    std::error_code failed;
    std::filesystem::create_directories(run_directory, failed);
    if (failed) return failed_call("make the run directory " + run_directory, failed.value());
    const std::string path = run_directory + "/userplane.lock";
    Fd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) return failed_call("open " + path, errno);
    if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return failed_call("lock " + path, errno);
        return failure("another user plane (process " + read_owner(file.get()) + ") serves this node: it holds " + path, EBUSY);
    }
    const std::string pid = std::to_string(getpid());
    if (ftruncate(file.get(), 0) != 0 || pwrite(file.get(), pid.data(), pid.size(), 0) < 0)
        return failed_call("write " + path, errno);
    return InstanceLock(std::move(file));
}

}  // namespace biplane
