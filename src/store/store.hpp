// The seam to where shared state lives: documents (kind, name -> YAML), or any other texts under keys. An implementation is durable
// files of this node (embedded_store.hpp); what each one promises is tested by store_conformance_test.cpp.
//
//     const auto begun = store.snapshot();                                    // everything, as of one revision
//     const auto made = store.commit(begun->revision.number, changes);        // all of it or nothing
//     auto watch = store.watch(begun->revision.number);                       // everything that came after it, in order
//
// Several threads may call. Committed is not the same as in force: what a node has made of a revision is the node's business.
#pragma once
#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace biplane {

struct DocumentKey {
    std::string kind;  // without spaces
    std::string name;  // without line ends
    friend auto operator<=>(const DocumentKey&, const DocumentKey&) = default;
};

using DocumentTexts = std::map<DocumentKey, std::string>;

struct DocumentChange {
    DocumentKey key;
    std::optional<std::string> text;  // nothing: removed
    friend bool operator==(const DocumentChange&, const DocumentChange&) = default;
};

struct Revision {
    uint64_t number = 0;  // grows with each commit
    uint32_t mark = 0;    // of everything up to it: the same number with another history has another mark. Never 0
    friend bool operator==(const Revision&, const Revision&) = default;
};

struct StoreSnapshot {
    Revision revision;
    DocumentTexts documents;
};

struct CommitRefusal {
    enum class Reason {
        conflict,  // another commit came first: look at the snapshot again
        unusable,  // the store cannot take it now; it will not come back later either
        invalid,   // a key that cannot be kept, or the same key twice
    };
    Reason reason;
    std::string message;
};
using CommitResult = tl::expected<Revision, CommitRefusal>;

// One commit, as a watcher sees it.
struct StoreEvent {
    Revision revision;
    std::vector<DocumentChange> changes;
};

// Code of the Error when a watcher is too far behind: it has to take a snapshot, and watch from there.
inline constexpr int list_again = ESTALE;

// Belongs to one thread; must not outlive its store.
class StoreWatch {
   public:
    virtual ~StoreWatch() = default;
    // The next commit. Nothing if none came within `patience`.
    virtual Result<std::optional<StoreEvent>> next(std::chrono::milliseconds patience) = 0;
};

class Store {
   public:
    virtual ~Store() = default;

    virtual Result<StoreSnapshot> snapshot() = 0;

    // Durable when it returns a revision; then snapshots and watchers have all of `changes`. Otherwise nothing has changed, and
    // nothing will. Removing what is not there changes nothing; without changes the revision stays.
    virtual CommitResult commit(uint64_t expected_revision, const std::vector<DocumentChange>& changes) = 0;

    // What is committed after `revision`.
    virtual std::unique_ptr<StoreWatch> watch(uint64_t revision) = 0;

    // Call it about once a second: looks whether a commit would be possible, and mends what it can. What is wrong, empty if
    // nothing is.
    virtual std::string check() = 0;
};

}  // namespace biplane
