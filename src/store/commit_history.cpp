#include "store/commit_history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/in_quotes.hpp"

namespace biplane {

class CommitHistory::Watch : public StoreWatch {
   public:
    Watch(CommitHistory& history, uint64_t revision) : history_(history), seen_(revision) {}

    Result<std::optional<StoreEvent>> next(std::chrono::milliseconds patience) override {
        std::unique_lock lock(history_.mutex_);
        const auto is_new = [&](const StoreEvent& event) { return event.revision.number > seen_; };
        history_.added_.wait_for(lock, patience, [&] { return !history_.events_.empty() && is_new(history_.events_.back()); });
        if (seen_ < history_.oldest_)
            return failure(fmt::format("the commits after revision {} are not kept any more: list again", seen_), list_again);
        const auto found = std::find_if(history_.events_.begin(), history_.events_.end(), is_new);
        if (found == history_.events_.end()) return std::nullopt;
        seen_ = found->revision.number;
        return *found;
    }

   private:
    CommitHistory& history_;
    uint64_t seen_;
};

void CommitHistory::add(StoreEvent event) {
    {
        std::lock_guard lock(mutex_);
        events_.push_back(std::move(event));
        if (events_.size() > events_max) {
            oldest_ = events_.front().revision.number;
            events_.pop_front();
        }
    }
    added_.notify_all();
}

std::unique_ptr<StoreWatch> CommitHistory::watch(uint64_t revision) { return std::make_unique<Watch>(*this, revision); }

tl::expected<void, CommitRefusal> check_changes(const std::vector<DocumentChange>& changes) {
    const auto refuse = [](const DocumentKey& key, const char* why) {
        return tl::unexpected(
            CommitRefusal{CommitRefusal::Reason::invalid, fmt::format("{} {}: {}", in_quotes(key.kind), in_quotes(key.name), why)});
    };
    std::set<DocumentKey> seen;
    for (const DocumentChange& change : changes) {
        if (change.key.kind.empty() || change.key.kind.find_first_of(" \n") != std::string::npos)
            return refuse(change.key, "a kind is a word");
        if (change.key.name.empty() || change.key.name.find('\n') != std::string::npos)
            return refuse(change.key, "a name is one line");
        if (!seen.insert(change.key).second) return refuse(change.key, "changed twice in one commit");
    }
    return {};
}

void apply_changes(DocumentTexts& documents, const std::vector<DocumentChange>& changes) {
    for (const DocumentChange& change : changes) {
        if (change.text)
            documents[change.key] = *change.text;
        else
            documents.erase(change.key);
    }
}

uint32_t mark_of(const std::string& hexadecimal_checksum) {
    constexpr size_t digits = 8;
    return static_cast<uint32_t>(std::stoul(hexadecimal_checksum.substr(0, digits), nullptr, 16)) | 1;
}

}  // namespace biplane
