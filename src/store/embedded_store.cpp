#include "store/embedded_store.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "base/sha256.hpp"

namespace biplane {
namespace {

// Two new stores have nothing in common, even if they hold the same: the files of one are not taken for those of the other.
Result<std::string> draw_chain() {
    char bytes[32];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return failed_call("draw the beginning of a store", errno);
    return sha256_of({bytes, sizeof bytes});
}

// What takes `changes` back, by key.
std::vector<DocumentChange> reverse_of(const DocumentTexts& documents, const std::vector<DocumentChange>& changes) {
    std::vector<DocumentChange> reverse;
    for (const DocumentChange& change : changes) {
        const auto before = documents.find(change.key);
        reverse.push_back({change.key, before == documents.end() ? std::nullopt : std::optional(before->second)});
    }
    std::sort(reverse.begin(), reverse.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    return reverse;
}

// Of a record with them, at most.
size_t record_bytes(const std::vector<DocumentChange>& changes) {
    constexpr size_t record_lines = 256, entry_line = 64;
    size_t bytes = record_lines;
    for (const auto& [key, text] : changes) bytes += entry_line + key.kind.size() + key.name.size() + (text ? text->size() : 0);
    return bytes;
}

bool are_same(std::vector<DocumentChange> changes, const std::vector<DocumentChange>& sorted) {
    std::sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    return changes == sorted;
}

}  // namespace

EmbeddedStore::EmbeddedStore(std::string path, StoreFiles files, DocumentTexts documents, Disk& disk)
    : path_(std::move(path)),
      disk_(disk),
      files_(std::move(files)),
      documents_(std::move(documents)),
      history_(files_.committed().revision) {}

Result<std::unique_ptr<EmbeddedStore>> EmbeddedStore::open(const std::string& directory, const CommitEvidence& evidence,
                                                           Disk& disk) {
    auto opened = StoreFiles::open(directory, evidence, disk);
    if (!opened) return tl::unexpected(opened.error());
    auto& [files, recovered] = *opened;
    std::unique_ptr<EmbeddedStore> store(new EmbeddedStore(directory, std::move(files), std::move(recovered.documents), disk));
    if (!recovered.unclean.empty()) {
        spdlog::warn("{}: {}; revision {} is whole and counts", directory, recovered.unclean, recovered.head.revision);
        if (auto written = store->write_anew(); !written) spdlog::error("{}", written.error().message);  // check() tries again
    }
    return store;
}

Result<std::unique_ptr<EmbeddedStore>> EmbeddedStore::create(const std::string& directory, uint64_t revision,
                                                             const DocumentTexts& documents, Disk& disk) {
    const auto chain = draw_chain();
    if (!chain) return tl::unexpected(chain.error());
    StoreHead begun;
    begun.revision = revision;
    begun.chain = *chain;
    auto files = StoreFiles::create(directory, begun, documents, disk);
    if (!files) return tl::unexpected(files.error());
    return std::unique_ptr<EmbeddedStore>(new EmbeddedStore(directory, *std::move(files), documents, disk));
}

Revision EmbeddedStore::revision() const { return {files_.committed().revision, mark_of(files_.committed().chain)}; }

Result<StoreSnapshot> EmbeddedStore::snapshot() {
    std::lock_guard lock(mutex_);
    return StoreSnapshot{revision(), documents_};
}

CommitResult EmbeddedStore::commit(uint64_t expected_revision, const std::vector<DocumentChange>& changes) {
    std::lock_guard lock(mutex_);
    const auto refuse = [](CommitRefusal::Reason reason, std::string why) {
        return tl::unexpected(CommitRefusal{reason, std::move(why)});
    };
    const uint64_t now = files_.committed().revision;
    if (expected_revision != now)
        return refuse(CommitRefusal::Reason::conflict,
                      fmt::format("revision {} is committed, expected {}", now, expected_revision));
    if (auto checked = check_changes(changes); !checked) return tl::unexpected(checked.error());
    if (changes.empty()) return revision();
    // The last commit can always be taken back, for which room is reserved; that this is taken back again, need not be.
    const bool takes_back = are_same(changes, reverse_of_last_);
    if (auto found = takes_back ? files_.look_at_place() : files_.look(); found.remedy != StoreFiles::Finding::Remedy::none_needed)
        return refuse(CommitRefusal::Reason::unusable, std::move(found.text));
    if (!files_.are_trusted())
        if (auto written = write_anew(); !written) return refuse(CommitRefusal::Reason::unusable, written.error().message);

    std::vector<DocumentChange> reverse = reverse_of(documents_, changes);
    if (auto done = files_.commit({now + 1, {}, changes}, takes_back ? 0 : record_bytes(reverse)); !done) {
        if (!files_.are_trusted())
            if (auto written = write_anew(); !written) spdlog::error("{}", written.error().message);
        return refuse(CommitRefusal::Reason::unusable, done.error().message);
    }
    reverse_of_last_ = std::move(reverse);
    apply_changes(documents_, changes);
    history_.add({revision(), changes});
    return revision();
}

Status EmbeddedStore::write_anew() {
    auto written = files_.write_anew(documents_);
    if (!written) return written.error().within("write the store anew");
    return {};
}

Status EmbeddedStore::make_directory_again() {
    auto files = StoreFiles::create(path_, files_.committed(), documents_, disk_);
    if (!files) return files.error().within("write the store anew");
    files_ = *std::move(files);
    return {};
}

Status EmbeddedStore::mend(StoreFiles::Finding::Remedy remedy) {
    auto mended = remedy == StoreFiles::Finding::Remedy::make_directory ? make_directory_again() : write_anew();
    if (mended) spdlog::warn("{}: written anew, revision {}", path_, files_.committed().revision);
    return mended;
}

// Damage is named once before it is mended, so that it is seen.
std::string EmbeddedStore::check() {
    using Remedy = StoreFiles::Finding::Remedy;
    std::lock_guard lock(mutex_);
    StoreFiles::Finding found = files_.look();
    if (found.remedy == Remedy::none_needed && !files_.are_trusted()) {
        const auto mended = mend(Remedy::write_anew);
        return mended ? "" : mended.error().message;
    }
    if (found.remedy == Remedy::none_needed) {
        if (files_.is_journal_long())
            if (auto written = write_anew(); !written) spdlog::warn("{}", written.error().message);
        was_found_damaged_ = false;
        return "";
    }
    const bool is_mendable = found.remedy != Remedy::none;
    if (is_mendable && std::exchange(was_found_damaged_, true)) {
        const auto mended = mend(found.remedy);
        was_found_damaged_ = !mended;
        return mended ? "" : mended.error().message;
    }
    return found.text;
}

}  // namespace biplane
