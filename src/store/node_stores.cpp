#include "store/node_stores.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <filesystem>

#include "base/guarded_files.hpp"

namespace biplane {
namespace {

constexpr uint64_t first_revision = 1;
constexpr char what_goes_on[] = "nothing was changed, and the datapath goes on as it is";

std::string documents_in(const std::string& store_directory) { return store_directory + "/documents"; }
std::string numbering_in(const std::string& store_directory) { return store_directory + "/numbering"; }
std::string replaced_in(const std::string& store_directory) { return documents_in(store_directory) + ".replaced"; }
// Of an earlier version.
std::string plain_state_in(const std::string& store_directory) { return store_directory + "/state.yaml"; }

bool exists(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::symlink_status(path, ignored).type() != std::filesystem::file_type::not_found;
}

Status check_that_documents_are_new(const std::string& directory, const TablesInForce& in_force) {
    const std::string plain = plain_state_in(directory);
    if (exists(plain))
        return failure(fmt::format(
            "{0} was written by an earlier version, without a checksum; {1}. Look at it, and if it is complete, take it "
            "over: biplaned --restore-documents {0}",
            plain, what_goes_on));
    const char* evidence = in_force.are_there                ? "tables are in force on this node"
                           : exists(numbering_in(directory)) ? "numbers were given on this node"
                           : exists(replaced_in(directory))  ? "there was one"
                                                             : nullptr;
    if (!evidence) return {};
    return failure(fmt::format(
        "the documents are lost: there is no {}, although {}; {}. Give it back from a copy, or say which documents shall "
        "count: biplaned --restore-documents FILE (an empty file: none)",
        documents_in(directory), evidence, what_goes_on));
}

tl::unexpected<Error> refuse_documents(const Error& why) {
    if (why.code == EWOULDBLOCK) return why.within("another agent uses this store");
    return failure(
        fmt::format("the stored documents cannot be used: {}; {}. What can still be read: biplaned --salvage-documents. Which "
                    "documents shall count: biplaned --restore-documents FILE",
                    why.message, what_goes_on),
        why.code);
}

tl::unexpected<Error> refuse_numbering(const Error& why) {
    if (why.code == EWOULDBLOCK) return why.within("another agent uses this store");
    return failure(
        fmt::format("the numbers of what is in the tables cannot be used: {}; {}. Flows mean nothing without them: give them "
                    "back from a copy, or take the datapath away and start again (biplaned --remove; documents stay)",
                    why.message, what_goes_on),
        why.code);
}

Status open_store_directory(const std::string& path) {
    if (auto made = make_guarded_directory(path); !made) return made;
    const auto opened = open_guarded_directory(path);
    return opened ? Status{} : tl::unexpected(opened.error());
}

}  // namespace

Result<CommittedDocuments> open_documents(const std::string& directory, const TablesInForce& in_force) {
    if (auto opened = open_store_directory(directory); !opened) return tl::unexpected(opened.error());
    const std::string path = documents_in(directory);
    auto store = EmbeddedStore::open(path, {in_force.documents_mark, true});
    if (!store && store.error().code == ENOENT) {
        if (auto checked = check_that_documents_are_new(directory, in_force); !checked) return tl::unexpected(checked.error());
        store = EmbeddedStore::create(path, first_revision, {});
    }
    if (!store) return refuse_documents(store.error());
    auto documents = CommittedDocuments::open(*std::move(store));
    if (!documents) return refuse_documents(documents.error());
    return documents;
}

namespace {

Result<CommittedNumbering> open_numbering_at(const std::string& path, uint32_t mark) {
    // Numbers that were given and are not in force yet do no harm.
    auto store = EmbeddedStore::open(path, {mark, false}, Disk::without_sync());
    if (!store) return tl::unexpected(store.error());
    auto numbering = CommittedNumbering::open(*std::move(store));
    if (!numbering) return numbering.error().within(path);
    return numbering;
}

}  // namespace

// Tables do not outlive the kernel, so numbers need not either: nothing is brought to disk, and without tables they may be begun anew.
Result<CommittedNumbering> open_numbering(const std::string& directory, const TablesInForce& in_force) {
    if (auto opened = open_store_directory(directory); !opened) return tl::unexpected(opened.error());
    const std::string path = numbering_in(directory);
    auto numbering = open_numbering_at(path, in_force.numbering_mark);
    if (numbering || numbering.error().code == EWOULDBLOCK || in_force.are_there)
        return numbering ? std::move(numbering) : refuse_numbering(numbering.error());
    if (numbering.error().code != ENOENT)
        spdlog::warn("{}; no table is in force, so numbers are given anew", numbering.error().message);
    if (auto removed = remove_numbering(directory); !removed) return tl::unexpected(removed.error());
    auto store = EmbeddedStore::create(path, first_revision, {}, Disk::without_sync());
    if (!store) return tl::unexpected(store.error());
    return CommittedNumbering::open(*std::move(store));
}

Result<std::optional<ReadDocuments>> read_documents(const std::string& directory) {
    auto store = read_store(documents_in(directory));
    if (!store && store.error().code == ENOENT) return std::nullopt;
    if (!store) return tl::unexpected(store.error());
    auto state = state_of(store->documents, documents_in(directory));
    if (!state) return tl::unexpected(state.error());
    return ReadDocuments{{store->head.revision, mark_of(store->head.chain)}, *std::move(state)};
}

Result<Numbering> read_numbering(const std::string& directory) {
    const auto store = read_store(numbering_in(directory));
    if (!store && store.error().code == ENOENT) return Numbering{};
    if (!store) return tl::unexpected(store.error());
    auto numbering = numbering_of(store->documents);
    if (!numbering) return numbering.error().within(numbering_in(directory));
    return numbering;
}

Result<SalvagedStore> salvage_documents(const std::string& directory) { return salvage_store(documents_in(directory)); }

Result<uint64_t> replace_documents(const std::string& directory, const DesiredState& documents) {
    if (auto opened = open_store_directory(directory); !opened) return tl::unexpected(opened.error());
    const std::string path = documents_in(directory), replaced = replaced_in(directory);
    const auto before = salvage_store(path);
    const uint64_t revision = before ? before->revision.number + 1 : first_revision;
    std::error_code failed;
    if (exists(path)) {
        std::filesystem::remove_all(replaced, failed);
        if (!failed) std::filesystem::rename(path, replaced, failed);
        if (failed) return failed_call("put aside " + path, failed.value());
    }
    const auto store = EmbeddedStore::create(path, revision, texts_of(documents));
    if (!store) return tl::unexpected(store.error());
    return revision;
}

Status remove_numbering(const std::string& directory) {
    std::error_code failed;
    std::filesystem::remove_all(numbering_in(directory), failed);
    if (failed) return failed_call("remove " + numbering_in(directory), failed.value());
    return {};
}

}  // namespace biplane
