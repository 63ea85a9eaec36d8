// Where documents live. The embedded store is a directory with one file that is replaced atomically (write, fsync, rename,
// fsync of the directory): after a crash it holds the old state or the new one. Owned by the agent; one thread.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "control/documents/desired_state.hpp"

namespace biplane {

class Store {
   public:
    // Creates the directory (mode 0700) if it is missing. A file that cannot be read is an error that names it, never an empty state.
    static Result<Store> open(const std::string& directory);

    const DesiredState& state() const { return *state_; }
    // The same, for whoever needs it when another one has been saved: copying ten thousand policies takes longer than planning them.
    std::shared_ptr<const DesiredState> shared() const { return state_; }
    // Durable when it returns. Never null.
    Status save(std::shared_ptr<const DesiredState> state);
    Status save(const DesiredState& state) { return save(std::make_shared<const DesiredState>(state)); }

   private:
    using Texts = std::map<std::string, std::map<std::string, std::string>>;  // of documents, by kind and name

    Store(std::string directory, DesiredState state)
        : directory_(std::move(directory)), state_(std::make_shared<const DesiredState>(std::move(state))) {}
    Texts take_texts_of(const DesiredState& state);

    std::string directory_;
    std::shared_ptr<const DesiredState> state_;
    Texts texts_;  // of all documents of state_, or none: to make them all anew would take most of a small change
};

}  // namespace biplane
