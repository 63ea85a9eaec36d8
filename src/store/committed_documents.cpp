#include "store/committed_documents.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "control/documents/document_kinds.hpp"

namespace biplane {
namespace {

template <typename T>
std::string text_of_value(const T& value) {
    Document document;
    document.value = value;
    return text_of(document);
}

// Of the document in `state`; nothing if there is none.
std::optional<std::string> text_in(const DesiredState& state, const DocumentKey& key) {
    std::optional<std::string> text;
    visit_maps([&](const char* kind, auto map) {
        if (key.kind != kind) return;
        const auto found = (state.*map).find(key.name);
        if (found != (state.*map).end()) text = text_of_value(found->second);
    });
    return text;
}

}  // namespace

Result<DesiredState> state_of(const DocumentTexts& texts, const std::string& origin) {
    std::vector<Document> documents;
    for (const auto& [key, text] : texts) {
        const std::string title = fmt::format("{}: {} {}", origin, key.kind, key.name);
        auto parsed = parse_documents(text, title);
        if (!parsed) return tl::unexpected(parsed.error());
        if (parsed->size() != 1 || parsed->front().kind != key.kind || parsed->front().name != key.name)
            return failure(title + ": another document stands there");
        documents.push_back(std::move(parsed->front()));
    }
    return put_documents({}, documents);
}

DocumentTexts texts_of(const DesiredState& state) {
    DocumentTexts texts;
    visit_maps([&](const char* kind, auto map) {
        for (const auto& [name, value] : state.*map) texts[{kind, name}] = text_of_value(value);
    });
    return texts;
}

std::string stream_of(const DocumentTexts& documents) {
    std::string stream;
    for (const std::string& kind : kind_names())
        for (const auto& [key, text] : documents)
            if (key.kind == kind) stream += "---\n" + text;
    return stream;
}

CommittedDocuments::CommittedDocuments(std::unique_ptr<Store> store, Revision revision, DesiredState state)
    : store_(std::move(store)),
      revision_(revision),
      committed_(revision),
      state_(std::make_shared<const DesiredState>(std::move(state))) {}

Result<CommittedDocuments> CommittedDocuments::open(std::unique_ptr<Store> store) {
    const auto begun = store->snapshot();
    if (!begun) return tl::unexpected(begun.error());
    auto state = state_of(begun->documents, fmt::format("revision {}", begun->revision.number));
    if (!state) return tl::unexpected(state.error());
    return CommittedDocuments(std::move(store), begun->revision, *std::move(state));
}

Status CommittedDocuments::commit(std::shared_ptr<const DesiredState> wanted, const std::vector<Change>& changes) {
    if (auto settled = settle(); !settled) return settled;
    std::vector<DocumentChange> forward, reverse;
    for (const Change& change : changes) {
        const DocumentKey key{change.kind, change.name};
        forward.push_back({key, text_in(*wanted, key)});
        reverse.push_back({key, text_in(*state_, key)});
    }
    const auto made = store_->commit(committed_.number, forward);
    if (!made) return failure("the store refuses the change: " + made.error().message);
    reverse_ = std::move(reverse);
    revision_before_ = std::exchange(revision_, *made);
    state_before_ = std::exchange(state_, std::move(wanted));
    committed_ = *made;
    return {};
}

Status CommittedDocuments::take_back() {
    if (!state_before_) return {};
    state_ = std::exchange(state_before_, nullptr);
    revision_ = revision_before_;
    is_to_be_taken_back_ = true;
    return settle();
}

Status CommittedDocuments::settle() {
    if (!is_to_be_taken_back_) return {};
    const auto made = store_->commit(committed_.number, reverse_);
    if (!made)
        return failure(
            fmt::format("revision {} is committed and not in force here, and the store does not let it be taken back: {}",
                        committed_.number, made.error().message));
    is_to_be_taken_back_ = false;
    committed_ = revision_ = *made;
    return {};
}

std::string CommittedDocuments::check() {
    const std::string problem = store_->check();
    if (!is_to_be_taken_back_) return problem;
    const auto settled = settle();
    return settled ? problem : settled.error().message;
}

}  // namespace biplane
