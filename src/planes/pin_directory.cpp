#include "planes/pin_directory.hpp"

#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <set>

namespace biplane {
namespace {

std::set<std::string> entries_of(const std::string& path) {
    std::set<std::string> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
    if (!directory) return found;
    while (const dirent* entry = readdir(directory.get()))
        if (entry->d_name[0] != '.') found.emplace(entry->d_name);
    return found;
}

Result<bool> is_bpffs(const std::string& path) {
    struct statfs filesystem{};
    if (statfs(path.c_str(), &filesystem) != 0) return failed_call("look at the pin directory " + path, errno);
    return filesystem.f_type == BPF_FS_MAGIC;
}

}  // namespace

Result<PinDirectory> PinDirectory::open(const std::string& path) {
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed_call("make the pin directory " + path, errno);
    const auto on_bpffs = is_bpffs(path);
    if (!on_bpffs) return tl::unexpected(on_bpffs.error());
    if (!*on_bpffs)
        return failure("the pin directory " + path + " is not on a bpffs; mount one: mount -t bpf bpf " +
                       path.substr(0, path.find_last_of('/')));
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) return failed_call("look at the pin directory " + path, errno);
    if (status.st_uid != geteuid())
        return failure("the pin directory " + path + " belongs to user " + std::to_string(status.st_uid) + ", not to this one");
    PinDirectory directory(path);
    directory.hold_new();
    return directory;
}

void PinDirectory::hold_new() {
    for (const std::string& name : entries_of(path_)) {
        if (held_.contains(name)) continue;
        struct stat status{};
        if (lstat(path_of(name).c_str(), &status) != 0) continue;
        Fd fd(S_ISDIR(status.st_mode) ? -1 : bpf_obj_get(path_of(name).c_str()));
        if (fd || S_ISDIR(status.st_mode)) held_.emplace(name, std::move(fd));
    }
}

int PinDirectory::fd_of(const std::string& name) const {
    const auto found = held_.find(name);
    return found == held_.end() ? -1 : found->second.get();
}

std::vector<std::string> PinDirectory::names() const {
    std::vector<std::string> found;
    for (const auto& [name, fd] : held_) found.push_back(name);
    return found;
}

Status PinDirectory::put(const std::string& name, const Fd& fd) const {
    const std::string path = path_of(name);
    const int failed = fd ? bpf_obj_pin(fd.get(), path.c_str()) : mkdir(path.c_str(), 0700);
    return failed == 0 || errno == EEXIST ? Status{} : failed_call("pin " + path, errno);
}

void PinDirectory::pin(const std::string& name, Fd fd) {
    Fd& held = (held_[name] = std::move(fd));
    unlink(path_of(name).c_str());
    (void)put(name, held);
}

void PinDirectory::mark(const std::string& name) { (void)put(name, held_[name] = Fd()); }

Status PinDirectory::replace_pin(const std::string& name, int fd) {
    const std::string fresh = path_of(name + "_new");
    unlink(fresh.c_str());
    if (bpf_obj_pin(fd, fresh.c_str()) != 0) return failed_call("pin " + fresh, errno);
    if (rename(fresh.c_str(), path_of(name).c_str()) != 0) return failed_call("rename " + fresh + " to " + name, errno);
    held_[name] = Fd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    return {};
}

Status PinDirectory::remove(const std::string& name) {
    held_.erase(name);
    const std::string path = path_of(name);
    if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    if (errno == EISDIR || errno == EPERM) {
        if (rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
    }
    return failed_call("remove the pin " + path, errno);
}

Status PinDirectory::remove_all() {
    for (const std::string& name : entries_of(path_))
        if (auto status = remove(name); !status) return status;
    held_.clear();
    if (rmdir(path_.c_str()) != 0 && errno != ENOENT && errno != EBUSY)
        return failed_call("remove the pin directory " + path_, errno);
    return {};
}

Result<std::vector<std::string>> PinDirectory::restore() {
    const auto on_bpffs = is_bpffs(path_);
    if (!on_bpffs) return tl::unexpected(on_bpffs.error());
    if (!*on_bpffs) return failure("the pin directory " + path_ + " is not on a bpffs any more", ENOENT);
    const auto present = entries_of(path_);
    std::vector<std::string> missing;
    for (const auto& [name, fd] : held_) {
        if (present.contains(name)) continue;
        if (auto done = put(name, fd); !done) return tl::unexpected(done.error());
        missing.push_back(name);
    }
    return missing;
}

}  // namespace biplane
