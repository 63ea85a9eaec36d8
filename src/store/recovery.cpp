#include "store/recovery.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <thread>

#include "base/guarded_files.hpp"
#include "base/sha256.hpp"
#include "store/commit_history.hpp"

namespace biplane {
namespace {

Result<std::string> read_from(const OpenFile& directory, const std::string& name) {
    const std::string path = directory.path + "/" + name;
    const auto file = open_guarded_file(directory.fd.get(), name, path, O_RDONLY);
    if (!file) return tl::unexpected(file.error());
    return read_all(file->get(), path);
}

struct Heads {
    StoreHead newest;
    size_t slot = 0;
    bool are_all_good = true;
};

Result<Heads> read_heads(const OpenFile& directory) {
    const auto text = read_from(directory, head_name);
    if (!text) return tl::unexpected(text.error());
    const std::string path = directory.path + "/" + head_name;
    if (text->size() != head_slots * head_slot_bytes)
        return failure(fmt::format("{} has {} bytes, expected {}", path, text->size(), head_slots * head_slot_bytes));
    Heads heads;
    for (size_t slot = 0; slot < head_slots; ++slot) {
        const auto head = parse_slot(std::string_view(*text).substr(slot * head_slot_bytes, head_slot_bytes));
        heads.are_all_good &= head.has_value();
        if (head && head->sequence > heads.newest.sequence) heads.newest = *head, heads.slot = slot;
    }
    if (heads.newest.sequence == 0) return failure(path + ": its checksums are other ones");
    return heads;
}

struct Generation {
    StoreBase base;
    StoreJournal journal;
    uint64_t base_bytes = 0;

    uint64_t revision_at(size_t commits) const { return base.revision + commits; }
    const std::string& chain_at(size_t commits) const {
        return commits == 0 ? base.chain : journal.commits[commits - 1].record.chain;
    }
};

Result<Generation> read_generation(const OpenFile& directory, uint64_t number) {
    const auto base_text = read_from(directory, base_name(number));
    if (!base_text) return tl::unexpected(base_text.error());
    auto base = parse_base(*base_text);
    if (base && base->generation != number) base = failure("it is the base of another generation");
    if (!base) return base.error().within(directory.path + "/" + base_name(number));
    const auto journal_text = read_from(directory, journal_name(number));
    if (!journal_text) return tl::unexpected(journal_text.error());
    // The last line of the base holds the checksum of all before: that of the whole file covers it too.
    auto journal = parse_journal(*journal_text, *base, sha256_of(*base_text));
    if (!journal) return journal.error().within(directory.path + "/" + journal_name(number));
    return Generation{*std::move(base), *std::move(journal), base_text->size()};
}

// How many commits of the journal the head and the confirmations stand for.
Result<size_t> committed_of(const Generation& generation, const StoreHead& head, const std::string& path) {
    const auto& commits = generation.journal.commits;
    if (head.revision < generation.base.revision || head.revision - generation.base.revision > commits.size())
        return failure(fmt::format("{} ends with revision {}, and {} was committed: it was shortened or changed", path,
                                   generation.revision_at(commits.size()), head.revision));
    const size_t of_head = head.revision - generation.base.revision;
    if (generation.chain_at(of_head) != head.chain)
        return failure(fmt::format("{} has another history of revision {} than the head", path, head.revision));
    size_t confirmed = commits.size();
    if (confirmed != 0 && commits.back().confirmation != StoreJournal::Confirmation::given) --confirmed;
    const size_t committed = std::max(of_head, confirmed);
    if (committed < commits.size() && commits.back().confirmation == StoreJournal::Confirmation::damaged)
        return failure(fmt::format("{}: what follows on revision {} was changed", path, generation.revision_at(commits.size())));
    return committed;
}

// What the tables in force make of it: of the commits that are there, those that were answered for.
Result<size_t> answered_of(const Generation& generation, size_t committed, const CommitEvidence& evidence,
                           const std::string& path) {
    if (evidence.mark == 0) return committed;
    std::optional<size_t> in_force;
    for (size_t commits = 0; commits <= generation.journal.commits.size(); ++commits)
        if (mark_of(generation.chain_at(commits)) == evidence.mark) in_force = commits;
    if (!in_force)
        return failure(
            fmt::format("{}: revision {} is not what is in force on this node, and does not continue it: it is older, or "
                        "another node's",
                        path, generation.revision_at(committed)));
    if (*in_force > committed) return *in_force;
    const bool is_unanswered = evidence.drops_unanswered && *in_force + 1 == committed;
    return is_unanswered ? *in_force : committed;
}

std::string why_unclean(const Heads& heads, const Generation& generation, size_t committed) {
    const auto& commits = generation.journal.commits;
    if (!heads.are_all_good) return "one slot of its head was damaged, or was being written when the power failed";
    if (committed > heads.newest.revision - generation.base.revision) return "its head was older than its journal";
    if (committed < commits.size() || generation.revision_at(committed) != heads.newest.revision)
        return fmt::format("revision {} was not answered for, and is dropped", generation.revision_at(committed + 1));
    if (!commits.empty() && commits.back().confirmation != StoreJournal::Confirmation::given)
        return "its last commit was not confirmed";
    return generation.journal.is_followed_by_zeros ? "" : "a commit that was being made is dropped";
}

DocumentTexts documents_at(const Generation& generation, size_t commits) {
    DocumentTexts documents = generation.base.documents;
    for (size_t i = 0; i < commits; ++i) apply_changes(documents, generation.journal.commits[i].record.changes);
    return documents;
}

// Newest first.
std::set<uint64_t, std::greater<>> generations_in(const std::string& directory) {
    std::set<uint64_t, std::greater<>> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(directory.c_str()), ::closedir);
    while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
        const std::string name = entry->d_name;
        uint64_t number = 0;
        std::from_chars(name.data(), name.data() + name.size(), number);
        if (name == base_name(number) || name == journal_name(number)) found.insert(number);
    }
    return found;
}

// A generation that a crash has left unfinished has no commits. One that has some was in force, whatever the head says.
Status check_no_newer(const OpenFile& directory, uint64_t generation) {
    for (const uint64_t newer : generations_in(directory.path)) {
        if (newer <= generation) break;
        const auto journal = read_from(directory, journal_name(newer));
        if (!journal && journal.error().code == ENOENT) continue;
        if (!journal) return tl::unexpected(journal.error());
        const size_t header_end = journal->find('\n');
        if (header_end != std::string::npos && !is_zero(std::string_view(*journal).substr(header_end + 1)))
            return failure(fmt::format("{}/{} names generation {}, and there are commits of generation {}", directory.path,
                                       head_name, generation, newer));
    }
    return {};
}

}  // namespace

std::string base_name(uint64_t generation) { return fmt::format("{}.base", generation); }
std::string journal_name(uint64_t generation) { return fmt::format("{}.journal", generation); }

Result<RecoveredStore> recover_store(const OpenFile& directory, const CommitEvidence& evidence) {
    const auto heads = read_heads(directory);
    if (!heads) return tl::unexpected(heads.error());
    const StoreHead& newest = heads->newest;
    if (auto checked = check_no_newer(directory, newest.generation); !checked) return tl::unexpected(checked.error());
    auto generation = read_generation(directory, newest.generation);
    if (!generation) return tl::unexpected(generation.error());
    const std::string path = directory.path + "/" + journal_name(newest.generation);
    auto committed = committed_of(*generation, newest, path);
    if (committed) committed = answered_of(*generation, *committed, evidence, path);
    if (!committed) return tl::unexpected(committed.error());

    RecoveredStore recovered;
    recovered.head = newest;
    recovered.head.revision = generation->revision_at(*committed);
    recovered.head.chain = generation->chain_at(*committed);
    recovered.slot = heads->slot;
    recovered.documents = documents_at(*generation, *committed);
    recovered.base_bytes = generation->base_bytes;
    recovered.journal_end = generation->journal.end;
    recovered.unclean = why_unclean(*heads, *generation, *committed);
    return recovered;
}

// A generation that is replaced by the one after the next is gone between reading the head and opening it.
Result<RecoveredStore> read_store(const std::string& path) {
    constexpr int attempts = 5;
    constexpr auto pause = std::chrono::milliseconds(20);
    Result<RecoveredStore> store = failure("not read");
    for (int attempt = 0; attempt < attempts; ++attempt) {
        if (attempt != 0) std::this_thread::sleep_for(pause);
        auto directory = open_guarded_directory(path);
        if (!directory) return tl::unexpected(directory.error());
        store = recover_store({std::move(*directory), path}, {});
        if (store) return store;
    }
    if (store.error().code == ENOENT) store.error().code = EIO;  // a file of the store is missing, not the store
    return store;
}

Result<SalvagedStore> salvage_store(const std::string& path) {
    auto fd = open_guarded_directory(path);
    if (!fd) return tl::unexpected(fd.error());
    const OpenFile directory{std::move(*fd), path};
    for (const uint64_t number : generations_in(path)) {
        auto generation = read_generation(directory, number);
        if (!generation) {  // its journal may be of no use
            const auto text = read_from(directory, base_name(number));
            auto base = text ? parse_base(*text) : tl::unexpected(text.error());
            if (!base) continue;
            generation = Generation{*std::move(base), {}, text->size()};
        }
        size_t whole = generation->journal.commits.size();
        return SalvagedStore{{generation->revision_at(whole), mark_of(generation->chain_at(whole))},
                             documents_at(*generation, whole)};
    }
    return failure("no generation in " + path + " is whole");
}

}  // namespace biplane
