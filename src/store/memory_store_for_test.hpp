// A second implementation of the seam, in memory: what the conformance test holds true of both is not an accident of one.
#pragma once
#include <fmt/format.h>

#include "base/sha256.hpp"
#include "store/commit_history.hpp"

namespace biplane {

class MemoryStore : public Store {
   public:
    explicit MemoryStore(uint64_t revision) : revision_{revision, mark_of(sha256_of("new"))}, history_(revision) {}

    Result<StoreSnapshot> snapshot() override {
        std::lock_guard lock(mutex_);
        return StoreSnapshot{revision_, documents_};
    }

    CommitResult commit(uint64_t expected_revision, const std::vector<DocumentChange>& changes) override {
        std::lock_guard lock(mutex_);
        if (!failure_.empty()) return tl::unexpected(CommitRefusal{CommitRefusal::Reason::unusable, failure_});
        if (expected_revision != revision_.number)
            return tl::unexpected(CommitRefusal{CommitRefusal::Reason::conflict, "another commit came first"});
        if (auto checked = check_changes(changes); !checked) return tl::unexpected(checked.error());
        if (changes.empty()) return revision_;
        apply_changes(documents_, changes);
        revision_ = {revision_.number + 1, mark_of(sha256_of(fmt::format("{} {}", revision_.mark, revision_.number + 1)))};
        history_.add({revision_, changes});
        return revision_;
    }

    std::unique_ptr<StoreWatch> watch(uint64_t revision) override { return history_.watch(revision); }

    std::string check() override {
        std::lock_guard lock(mutex_);
        return failure_;
    }

    // Commits are refused with this text; empty: taken.
    void fail_with(const std::string& text) {
        std::lock_guard lock(mutex_);
        failure_ = text;
    }

   private:
    std::mutex mutex_;
    Revision revision_;
    DocumentTexts documents_;
    CommitHistory history_;
    std::string failure_;
};

}  // namespace biplane
