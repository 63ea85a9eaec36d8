// The second part of StoreFiles: whether its directory, disk and files are as they should be, without writing to them.
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <filesystem>

#include "base/guarded_files.hpp"
#include "store/store_files.hpp"

namespace biplane {
namespace {

constexpr uint64_t free_bytes_least = 256 << 10;  // what a disk has to have to count as not full

bool is_same(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

}  // namespace

StoreFiles::Finding StoreFiles::look() const {
    const Finding place = look_at_place();
    return place.remedy == Finding::Remedy::none_needed ? look_at_disk() : place;
}

StoreFiles::Finding StoreFiles::look_at_place() const {
    const Finding directory = look_at_directory();
    return directory.remedy == Finding::Remedy::none_needed ? look_at_files() : directory;
}

StoreFiles::Finding StoreFiles::look_at_directory() const {
    struct stat ours{}, there{};
    if (fstat(directory_.fd.get(), &ours) != 0)
        return {Finding::Remedy::none, failed_call("look at " + directory_.path, errno).value().message};
    if (fstatat(AT_FDCWD, directory_.path.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) {
        if (is_same(ours, there)) return {};
        return {Finding::Remedy::none,
                fmt::format("another directory lies at {} now: put the right one back, or remove it, and it is written anew",
                            directory_.path)};
    }
    const std::string parent = std::filesystem::path(directory_.path).parent_path();
    const bool can_be_made = open_guarded_directory(parent).has_value();
    return {can_be_made ? Finding::Remedy::make_directory : Finding::Remedy::none,
            fmt::format("{} is gone{}", directory_.path,
                        can_be_made ? "; it is written anew" : fmt::format(": make {} again, and it is written anew", parent))};
}

StoreFiles::Finding StoreFiles::look_at_disk() const {
    struct statvfs disk{};
    if (fstatvfs(directory_.fd.get(), &disk) != 0)
        return {Finding::Remedy::none, failed_call("look at the disk of " + directory_.path, errno).value().message};
    if ((disk.f_flag & ST_RDONLY) != 0) return {Finding::Remedy::none, fmt::format("the disk of {} is read-only", directory_.path)};
    const bool has_no_names_left = disk.f_files != 0 && disk.f_favail == 0;
    if (uint64_t{disk.f_bavail} * disk.f_frsize < free_bytes_least || has_no_names_left)
        return {Finding::Remedy::none, fmt::format("the disk of {} is full", directory_.path)};
    return {};
}

StoreFiles::Finding StoreFiles::look_at_files() const {
    const auto& [generation, end] = std::pair(committed_.generation, journal_end_);
    const bool is_good = is_in_place(base_, base_name(generation), base_bytes_) &&
                         is_in_place(journal_, journal_name(generation), end) &&
                         is_in_place(head_, head_name, head_slots * head_slot_bytes);
    if (is_good) return {};
    return {Finding::Remedy::write_anew,
            fmt::format("a file in {} was removed, replaced or shortened; it is written anew", directory_.path)};
}

bool StoreFiles::is_in_place(const OpenFile& file, const std::string& name, uint64_t least_bytes) const {
    struct stat ours{}, there{};
    return fstat(file.fd.get(), &ours) == 0 && fstatat(directory_.fd.get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           is_same(ours, there) && static_cast<uint64_t>(ours.st_size) >= least_bytes;
}

}  // namespace biplane
