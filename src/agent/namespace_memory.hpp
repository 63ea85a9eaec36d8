// Which network namespaces were meant by references that lead through a process (its id, /proc/PID/ns/net). The kernel gives the id of a
// process that has ended to a new one, so such a reference is looked up once, when its document is applied; from then on it stands for the
// namespace that it led to then, also after a restart of the agent. What is not remembered is not believed.
//
// A file in the run directory, gone with the next boot, as the ids are. Owned by WorkloadLinks; one thread.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "base/result.hpp"
#include "control/documents/desired_state.hpp"

namespace biplane {

// A reference, and the kernel's number of the namespace that it led to (NetworkNamespace::cookie).
struct BoundNamespace {
    std::string reference;
    uint64_t cookie = 0;
    friend auto operator<=>(const BoundNamespace&, const BoundNamespace&) = default;
};
// By Workload::key().
using BoundNamespaces = std::map<std::string, BoundNamespace>;

class NamespaceMemory {
   public:
    // Remembers nothing beyond the process if `path` is empty. A file that cannot be read, or of an earlier boot, is as if it were empty.
    explicit NamespaceMemory(std::string path = {});

    // Durable as far as the run directory is, when it returns. What is remembered of the same workload under another reference stays
    // until keep_only().
    Status remember(const BoundNamespaces& bound);
    // Forgets what `desired` does not have.
    Status keep_only(const DesiredState& desired);
    bool has(const std::string& key, const BoundNamespace& bound) const;

   private:
    Status write() const;

    std::string path_;
    std::multimap<std::string, BoundNamespace> bound_;
};

}  // namespace biplane
