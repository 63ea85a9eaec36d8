#include "base/process_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/guarded_files.hpp"

namespace biplane {
namespace {

// "pid 42": who has the flock of the open file, by /proc/locks: "1: FLOCK  ADVISORY  WRITE 42 00:1b:1234 0 EOF".
std::string lock_holder(int fd) {
    struct stat status{};
    if (fstat(fd, &status) < 0) return "unknown";
    const std::string wanted = fmt::format("{:02x}:{:02x}:{}", major(status.st_dev), minor(status.st_dev), status.st_ino);
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        std::istringstream words(line);
        std::string number, type, advisory, mode, pid, file;
        words >> number >> type >> advisory >> mode >> pid >> file;
        if (type == "FLOCK" && file == wanted) return "pid " + pid;
    }
    return "unknown";
}

Result<Fd> open_to_lock(const std::string& path) {
    Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (directory) return directory;
    if (auto made = make_guarded_directory(std::filesystem::path(path).parent_path()); !made) return tl::unexpected(made.error());
    return open_guarded_file(path, O_RDWR | O_CREAT);
}

}  // namespace

Result<ProcessLock> ProcessLock::acquire(Fd fd, const std::string& path) {
    if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return ProcessLock(std::move(fd));
    if (errno != EWOULDBLOCK) return failed_call("lock " + path, errno);
    return failure(fmt::format("{} is held by another process, {}", path, lock_holder(fd.get())), EWOULDBLOCK);
}

Result<ProcessLock> ProcessLock::acquire(const std::string& path) {
    auto fd = open_to_lock(path);
    if (!fd) return tl::unexpected(fd.error());
    return acquire(std::move(*fd), path);
}

Result<ProcessLock> ProcessLock::wait_for(const std::string& path) {
    auto fd = open_to_lock(path);
    if (!fd) return tl::unexpected(fd.error());
    while (flock(fd->get(), LOCK_EX) < 0)
        if (errno != EINTR) return failed_call("lock " + path, errno);
    return ProcessLock(std::move(*fd));
}

}  // namespace biplane
