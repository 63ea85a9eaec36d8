// A lock that only one process can hold, given back when the process ends, however it ends (flock(2)).
#pragma once
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace biplane {

class ProcessLock {
   public:
    // `path`: a directory that is there, or a file, which is made if need be with its directory (mode 0700). If another process
    // has the lock, the Error (code EWOULDBLOCK) names that process and nothing is changed.
    static Result<ProcessLock> acquire(const std::string& path);
    // Of what is open already; `path` is for the message.
    static Result<ProcessLock> acquire(Fd fd, const std::string& path);
    // Waits for it, for things that take moments.
    static Result<ProcessLock> wait_for(const std::string& path);

   private:
    explicit ProcessLock(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

}  // namespace biplane
