// The directory on a bpffs where a node's tables, programs and links are pinned. What is pinned lives without a process. This object
// also holds a descriptor of everything that is pinned there: a link is not detached when its pin is removed or the bpffs unmounted,
// and can be pinned again. What it holds is the truth; the file system is a copy of it.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace biplane {

class PinDirectory {
   public:
    // Makes the directory (mode 0700) if it is missing, and opens what is pinned there. Refused if it is not on a bpffs or belongs to
    // another user.
    static Result<PinDirectory> open(const std::string& path);

    const std::string& path() const { return path_; }
    std::string path_of(const std::string& name) const { return path_ + "/" + name; }
    bool has(const std::string& name) const { return held_.contains(name); }
    // -1: there is none, or it is a mark.
    int fd_of(const std::string& name) const;
    std::vector<std::string> names() const;

    // Holds `fd` from now on, and pins it. A pin that cannot be made now is one that restore() makes: the object lives meanwhile.
    void pin(const std::string& name, Fd fd);
    // A name without an object: a directory.
    void mark(const std::string& name);
    // Pins a copy of `fd` as `name`; what was pinned there before stays until the new one is in its place.
    Status replace_pin(const std::string& name, int fd);
    // Opens what others, such as libbpf, have pinned since.
    void hold_new();
    Status remove(const std::string& name);
    Status remove_all();  // and the directory

    // Pins again whatever is held and not in the directory any more, and returns the names. The Error has the code ENOENT if the
    // directory is gone or not on a bpffs.
    Result<std::vector<std::string>> restore();

   private:
    explicit PinDirectory(std::string path) : path_(std::move(path)) {}
    Status put(const std::string& name, const Fd& fd) const;
    std::string path_;
    std::map<std::string, Fd> held_;  // without a descriptor: a mark
};

}  // namespace biplane
