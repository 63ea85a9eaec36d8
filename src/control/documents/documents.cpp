#include "control/documents/documents.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/in_quotes.hpp"
#include "control/documents/document_checks.hpp"
#include "control/documents/document_kinds.hpp"
#include "control/documents/document_tree.hpp"

namespace biplane {
namespace {

struct PutInto {
    DesiredState& state;
    void operator()(const VirtualNetwork& network) const { state.networks[network.name] = network; }
    void operator()(const Node& node) const { state.nodes[node.name] = node; }
    void operator()(const Namespace& space) const { state.namespaces[space.name] = space; }
    void operator()(const Workload& workload) const { state.workloads[workload.key()] = workload; }
    void operator()(const Route& route) const { state.routes[route.name] = route; }
    void operator()(const NetworkPolicy& policy) const { state.network_policies[policy.key()] = policy; }
    void operator()(const BiplanePolicy& policy) const { state.policies[policy.name] = policy; }
};

// Calls `visit` with the map of `kind`. False: there is no such kind.
template <typename State, typename Visit>
bool visit_map_of(State& state, const std::string& kind, Visit visit) {
    bool is_known = false;
    visit_maps([&](const char* name, auto map) {
        if (name != kind) return;
        is_known = true;
        visit(state.*map);
    });
    return is_known;
}

// Documents of several texts, each object once.
class DocumentCollection {
   public:
    Status add(std::string_view text, const std::string& file) {
        return read_yaml(text, file, [&](const YamlNode& tree) -> Status {
            auto of_tree = read_documents(tree, file);
            if (!of_tree) return tl::unexpected(of_tree.error());
            for (Document& document : *of_tree)
                if (auto added = add(std::move(document)); !added) return added;
            return {};
        });
    }
    std::vector<Document> take() { return std::move(documents_); }

   private:
    Status add(Document document) {
        const std::string title = document.kind + " " + document.name;
        const auto [first, is_new] = seen_.try_emplace(title, documents_.size());
        if (!is_new)
            return failure(fmt::format("{}{} is here twice (first at {})", prefix_of(document.file, document.place()), title,
                                       position_of(documents_[first->second].file, documents_[first->second].place())));
        documents_.push_back(std::move(document));
        return {};
    }

    std::vector<Document> documents_;
    std::unordered_map<std::string, size_t> seen_;  // "Kind name" -> index
};

}  // namespace

Result<std::vector<Document>> parse_documents(std::string_view text, const std::string& file) {
    DocumentCollection collection;
    if (auto added = collection.add(text, file); !added) return tl::unexpected(added.error());
    return collection.take();
}

Result<std::vector<Document>> parse_documents(const std::vector<DocumentText>& texts) {
    DocumentCollection collection;
    for (const DocumentText& text : texts)
        if (auto added = collection.add(text.text, text.name); !added) return tl::unexpected(added.error());
    auto documents = collection.take();
    if (!documents.empty()) return documents;
    if (texts.size() == 1) return failure(fmt::format("{}: there is no document in it", texts[0].name));
    return failure(fmt::format("there is no document in any of {} files", texts.size()));
}

Result<DesiredState> put_documents(const DesiredState& state, const std::vector<Document>& documents) {
    DesiredState changed = state;
    for (const Document& document : documents) std::visit(PutInto{changed}, document.value);
    if (const auto checked = check_documents(changed, documents); !checked) return tl::unexpected(checked.error());
    return changed;
}

std::string full_name(const DocumentName& document) {
    const auto is_of_kind = [&](const KindRules& kind) { return kind.name == document.kind && kind.is_namespaced; };
    const bool is_namespaced = std::any_of(kind_rules.begin(), kind_rules.end(), is_of_kind);
    return is_namespaced && document.name.find('/') == std::string::npos ? "default/" + document.name : document.name;
}

bool has_document(const DesiredState& state, const DocumentName& document) {
    bool is_there = false;
    visit_map_of(state, document.kind, [&](const auto& map) { is_there = map.contains(full_name(document)); });
    return is_there;
}

Result<DesiredState> remove_document(const DesiredState& state, const std::string& kind, const std::string& name) {
    return remove_documents(state, {{kind, name}});
}

Result<DesiredState> remove_documents(const DesiredState& state, const std::vector<DocumentName>& names) {
    DesiredState changed = state;
    std::unordered_set<std::string> titles;
    for (const DocumentName& document : names) {
        const std::string name = full_name(document);
        size_t removed = 0;
        const bool is_known = visit_map_of(changed, document.kind, [&](auto& map) { removed = map.erase(name); });
        if (!is_known)
            return failure(
                fmt::format("unknown kind {}, expected one of {}", in_quotes(document.kind), fmt::join(kind_names(), ", ")));
        titles.insert(document.kind + " " + name);
        if (removed == 0) return failure(fmt::format("there is no {} {}", document.kind, in_quotes(name)));
    }
    if (const auto checked = check_unused(changed, titles); !checked) return tl::unexpected(checked.error());
    return changed;
}

std::vector<Document> to_documents(const DesiredState& state) {
    std::vector<Document> documents;
    visit_maps([&](const char*, auto map) {
        for (const auto& [name, value] : state.*map) documents.push_back(document_of(value));
    });
    return documents;
}

}  // namespace biplane
