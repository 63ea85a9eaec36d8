// The last commits of a store, for its watchers. Who is behind the oldest of them has to list again.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>

#include "store/store.hpp"

namespace biplane {

class CommitHistory {
   public:
    static constexpr size_t events_max = 1024;

    // There is nothing older than `revision` to be seen.
    explicit CommitHistory(uint64_t revision) : oldest_(revision) {}

    void add(StoreEvent event);
    std::unique_ptr<StoreWatch> watch(uint64_t revision);

   private:
    class Watch;
    std::mutex mutex_;
    std::condition_variable added_;
    std::deque<StoreEvent> events_;
    uint64_t oldest_;  // the revision before the first of events_
};

// Whether a store can keep these changes: keys that can be told apart, each of them once.
tl::expected<void, CommitRefusal> check_changes(const std::vector<DocumentChange>& changes);
void apply_changes(DocumentTexts& documents, const std::vector<DocumentChange>& changes);

// Mark of a revision, made of a checksum of all that led to it.
uint32_t mark_of(const std::string& hexadecimal_checksum);

}  // namespace biplane
