// Where documents live. The embedded store is a directory with one file that is replaced atomically (write, fsync, rename,
// fsync of the directory): after a crash it holds the old state or the new one. Owned by the agent; one thread.
#pragma once
#include <string>

#include "base/result.hpp"
#include "control/desired_state.hpp"

namespace biplane {

class Store {
   public:
    // Creates the directory (mode 0700) if it is missing. A file that cannot be read is an error that names it, never an empty state.
    static Result<Store> open(const std::string& directory);

    const DesiredState& state() const { return state_; }
    // Durable when it returns.
    Status save(const DesiredState& state);

   private:
    Store(std::string directory, DesiredState state) : directory_(std::move(directory)), state_(std::move(state)) {}
    std::string directory_;
    DesiredState state_;
};

}  // namespace biplane
