// What must hold before anything of Biplane can run on a machine: privileges, a bpffs, one agent per node.
#pragma once
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace biplane {

// The capabilities that links, BPF programs and maps need. The Error names what is missing.
Status check_privileges();

// Makes sure that `directory` lies on a BPF file system: mounts one on its parent if there is none. Returns what was done,
// for the log; empty if there was nothing to do.
Result<std::string> ensure_bpffs(const std::string& directory);

// A lock that only one process can hold, given back when the process ends, however it ends.
class ProcessLock {
   public:
    // `path`: a directory that is there, or a file, which is made if need be with its directory (mode 0700). If another process
    // has the lock, the Error (code EWOULDBLOCK) names that process and nothing is changed.
    static Result<ProcessLock> acquire(const std::string& path);
    // Waits for it, for things that take moments.
    static Result<ProcessLock> wait_for(const std::string& path);

   private:
    explicit ProcessLock(Fd fd) : fd_(std::move(fd)) {}
    static Result<Fd> open(const std::string& path);
    Fd fd_;
};

// With its parents, mode 0700 for what is made.
Status make_directory(const std::string& path);

}  // namespace biplane
