// What the embedded store asks the file system to do: each change of it is one call, so that a test can let any of them fail, be the
// last one of its process, or be lost with the power.
#pragma once
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace biplane {

// An open directory or file, and its path for messages.
struct OpenFile {
    Fd fd;
    std::string path;
};

class Disk {
   public:
    virtual ~Disk() = default;
    static Disk& real();
    // For what need not outlive the kernel: nothing waits for the disk. A process may die at any moment all the same.
    static Disk& without_sync();

    // A new regular file, mode 0600; refused if there is anything by that name.
    virtual Result<OpenFile> create(const OpenFile& directory, const std::string& name);
    virtual Status make_directory(const OpenFile& parent, const std::string& name);
    virtual Status write_at(const OpenFile& file, std::string_view bytes, uint64_t offset);
    // The file has at least `bytes` bytes, new ones are zero, and writing to any of them needs no more room on the disk.
    virtual Status allocate(const OpenFile& file, uint64_t bytes);
    // What was written is on the disk when it returns.
    virtual Status sync(const OpenFile& file);
    virtual Status sync_names(const OpenFile& directory);
    virtual Status rename(const OpenFile& directory, const std::string& from, const std::string& to);
    // A file, or an empty directory.
    virtual Status remove(const OpenFile& directory, const std::string& name);
};

}  // namespace biplane
