#include "base/guarded_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

namespace biplane {
namespace {

constexpr mode_t writable_by_others = S_IWGRP | S_IWOTH;

tl::unexpected<Error> refuse(const std::string& path, const std::string& why) {
    return failure(fmt::format("{} may not be used: {}", path, why), EPERM);
}

Status check_owner(const struct stat& status, const std::string& path) {
    if (status.st_uid != 0 && status.st_uid != geteuid())
        return refuse(path, fmt::format("it belongs to user {}, expected root (chown root {})", status.st_uid, path));
    if ((status.st_mode & writable_by_others) != 0)
        return refuse(path, fmt::format("its mode is {:04o}: others than its owner may write it (chmod go-w {})",
                                        status.st_mode & 07777, path));
    return {};
}

// What lies there, if anything does; never follows a link and never opens anything.
Status check_kind(int directory, const std::string& name, const std::string& path, mode_t kind, const char* expected) {
    struct stat status{};
    if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return {};
    if (S_ISLNK(status.st_mode)) return refuse(path, fmt::format("it is a symbolic link, expected {}", expected));
    if ((status.st_mode & S_IFMT) != kind) return refuse(path, fmt::format("expected {}", expected));
    return {};
}

Status check_open(int file, const std::string& path) {
    struct stat status{};
    if (fstat(file, &status) != 0) return failed_call("look at " + path, errno);
    return check_owner(status, path);
}

}  // namespace

Result<Fd> open_guarded_directory(const std::string& path) {
    if (auto checked = check_kind(AT_FDCWD, path, path, S_IFDIR, "a directory"); !checked) return tl::unexpected(checked.error());
    Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory) return failed_call("open the directory " + path, errno);
    if (auto checked = check_open(directory.get(), path); !checked) return tl::unexpected(checked.error());
    return directory;
}

// O_NONBLOCK: a FIFO that takes the file's place between the two steps must not hold the program up.
Result<Fd> open_guarded_file(int directory, const std::string& name, const std::string& path, int flags) {
    if (auto checked = check_kind(directory, name, path, S_IFREG, "a regular file"); !checked)
        return tl::unexpected(checked.error());
    Fd file(::openat(directory, name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600));
    if (!file) return failed_call("open " + path, errno);
    if (auto checked = check_open(file.get(), path); !checked) return tl::unexpected(checked.error());
    return file;
}

Result<Fd> open_guarded_file(const std::string& path, int flags) { return open_guarded_file(AT_FDCWD, path, path, flags); }

Status make_guarded_directory(const std::string& path) {
    for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const std::string parent = path.substr(0, slash);
        const bool is_last = slash == std::string::npos;
        if (::mkdir(parent.c_str(), is_last ? 0700 : 0755) != 0 && errno != EEXIST)
            return failed_call("create the directory " + parent, errno);
        if (is_last) return {};
    }
}

Result<std::string> read_all(int file, const std::string& path) {
    std::string text;
    char buffer[65536];
    for (off_t offset = 0;;) {
        const ssize_t count = ::pread(file, buffer, sizeof buffer, offset);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed_call("read " + path, errno);
        if (count == 0) return text;
        text.append(buffer, static_cast<size_t>(count));
        offset += count;
    }
}

}  // namespace biplane
