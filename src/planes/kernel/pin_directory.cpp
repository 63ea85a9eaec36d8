#include "planes/kernel/pin_directory.hpp"

#include <bpf/bpf.h>
#include <dirent.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

namespace biplane {

Result<PinDirectory> PinDirectory::open(const std::string& path) {
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed_call("make the pin directory " + path, errno);
    struct statfs filesystem{};
    if (statfs(path.c_str(), &filesystem) != 0) return failed_call("look at the pin directory " + path, errno);
    if (filesystem.f_type != BPF_FS_MAGIC)
        return failure("the pin directory " + path + " is not on a bpffs; mount one: mount -t bpf bpf " +
                       path.substr(0, path.find_last_of('/')));
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) return failed_call("look at the pin directory " + path, errno);
    if (status.st_uid != geteuid())
        return failure("the pin directory " + path + " belongs to user " + std::to_string(status.st_uid) + ", not to this one");
    return PinDirectory(path);
}

bool PinDirectory::has(const std::string& name) const { return access(path_of(name).c_str(), F_OK) == 0; }

std::vector<std::string> PinDirectory::names() const {
    std::vector<std::string> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path_.c_str()), closedir);
    if (!directory) return found;
    while (const dirent* entry = readdir(directory.get()))
        if (entry->d_name[0] != '.') found.emplace_back(entry->d_name);
    return found;
}

Status PinDirectory::replace_pin(const std::string& name, int fd) const {
    const std::string fresh = path_of(name + "_new");
    unlink(fresh.c_str());
    if (bpf_obj_pin(fd, fresh.c_str()) != 0) return failed_call("pin " + fresh, errno);
    if (rename(fresh.c_str(), path_of(name).c_str()) != 0) return failed_call("rename " + fresh + " to " + name, errno);
    return {};
}

Status PinDirectory::remove(const std::string& name) const {
    const std::string path = path_of(name);
    if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    if (errno == EISDIR || errno == EPERM) {
        if (rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
    }
    return failed_call("remove the pin " + path, errno);
}

Status PinDirectory::remove_all() const {
    for (const std::string& name : names())
        if (auto status = remove(name); !status) return status;
    if (rmdir(path_.c_str()) != 0 && errno != ENOENT && errno != EBUSY)
        return failed_call("remove the pin directory " + path_, errno);
    return {};
}

}  // namespace biplane
