// One user plane per node: a lock on a file in the run directory, held as long as this object lives. The kernel gives it back when
// the process dies, however it dies. Owner: main. Move-only.
#pragma once
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace biplane {

class InstanceLock {
   public:
    // Makes the directory if need be. Refused if another process holds the lock; says which.
    static Result<InstanceLock> take(const std::string& run_directory);

   private:
    explicit InstanceLock(Fd file) : file_(std::move(file)) {}
    Fd file_;
};

}  // namespace biplane
