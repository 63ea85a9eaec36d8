// The directory on a bpffs where a node's tables, programs and links are pinned. What is pinned lives without a process.
#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"

namespace biplane {

class PinDirectory {
   public:
    // Makes the directory (mode 0700) if it is missing. Refused if it is not on a bpffs or belongs to somebody else.
    static Result<PinDirectory> open(const std::string& path);

    const std::string& path() const { return path_; }
    std::string path_of(const std::string& name) const { return path_ + "/" + name; }
    bool has(const std::string& name) const;
    std::vector<std::string> names() const;

    // Pins `fd` as `name`; what was pinned there before stays until the new one is in its place.
    Status replace_pin(const std::string& name, int fd) const;
    Status remove(const std::string& name) const;
    Status remove_all() const;  // and the directory

   private:
    explicit PinDirectory(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

}  // namespace biplane
