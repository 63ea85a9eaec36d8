#include "store/disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "base/guarded_files.hpp"

namespace biplane {

Disk& Disk::real() {
    static Disk disk;
    return disk;
}

Disk& Disk::without_sync() {
    class UnsyncedDisk : public Disk {
        Status sync(const OpenFile&) override { return {}; }
        Status sync_names(const OpenFile&) override { return {}; }
    };
    static UnsyncedDisk disk;
    return disk;
}

Result<OpenFile> Disk::create(const OpenFile& directory, const std::string& name) {
    std::string path = directory.path + "/" + name;
    auto fd = open_guarded_file(directory.fd.get(), name, path, O_RDWR | O_CREAT | O_EXCL);
    if (!fd) return tl::unexpected(fd.error());
    return OpenFile{std::move(*fd), std::move(path)};
}

Status Disk::make_directory(const OpenFile& parent, const std::string& name) {
    if (::mkdirat(parent.fd.get(), name.c_str(), 0700) == 0) return {};
    return failed_call("create the directory " + parent.path + "/" + name, errno);
}

Status Disk::write_at(const OpenFile& file, std::string_view bytes, uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t count = ::pwrite(file.fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failed_call("write " + file.path, errno);
        bytes.remove_prefix(static_cast<size_t>(count));
        offset += static_cast<uint64_t>(count);
    }
    return {};
}

Status Disk::allocate(const OpenFile& file, uint64_t bytes) {
    int code;
    do code = ::posix_fallocate(file.fd.get(), 0, static_cast<off_t>(bytes));
    while (code == EINTR);
    if (code != 0) return failed_call("reserve room for " + file.path, code);
    return {};
}

Status Disk::sync(const OpenFile& file) {
    if (::fdatasync(file.fd.get()) == 0) return {};
    return failed_call("bring to disk " + file.path, errno);
}

Status Disk::sync_names(const OpenFile& directory) {
    if (::fsync(directory.fd.get()) == 0) return {};
    return failed_call("bring to disk the directory " + directory.path, errno);
}

Status Disk::rename(const OpenFile& directory, const std::string& from, const std::string& to) {
    if (::renameat(directory.fd.get(), from.c_str(), directory.fd.get(), to.c_str()) == 0) return {};
    return failed_call("replace " + directory.path + "/" + to, errno);
}

Status Disk::remove(const OpenFile& directory, const std::string& name) {
    if (::unlinkat(directory.fd.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if ((errno == EISDIR || errno == EPERM) && (::unlinkat(directory.fd.get(), name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT))
        return {};
    return failed_call("remove " + directory.path + "/" + name, errno);
}

}  // namespace biplane
