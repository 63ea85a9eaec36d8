#include "control/documents.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unordered_map>
#include <unordered_set>

#include "base/in_quotes.hpp"
#include "control/document_checks.hpp"
#include "control/document_kinds.hpp"

namespace biplane {
namespace {

struct PutInto {
    DesiredState& state;
    void operator()(const VirtualNetwork& network) const { state.networks[network.name] = network; }
    void operator()(const Node& node) const { state.nodes[node.name] = node; }
    void operator()(const Workload& workload) const { state.workloads[workload.key()] = workload; }
    void operator()(const Route& route) const { state.routes[route.name] = route; }
};

// Calls `visit` with the map of `kind`. False: there is no such kind.
template <typename Visit>
bool visit_kind(DesiredState& state, const std::string& kind, Visit visit) {
    if (kind == "VirtualNetwork")
        visit(state.networks);
    else if (kind == "Node")
        visit(state.nodes);
    else if (kind == "Workload")
        visit(state.workloads);
    else if (kind == "Route")
        visit(state.routes);
    else
        return false;
    return true;
}

// A Workload's name in full.
std::string full_name(const DocumentName& document) {
    if (document.kind != "Workload" || document.name.find('/') != std::string::npos) return document.name;
    return "default/" + document.name;
}

}  // namespace

Result<std::vector<Document>> parse_documents(std::string_view text, const std::string& file) {
    const auto trees = parse_yaml(text, file);
    if (!trees) return tl::unexpected(trees.error());
    std::vector<Document> documents;
    std::unordered_map<std::string, int> seen;  // "Kind name" -> line
    for (const YamlNode& tree : *trees) {
        auto document = read_document(tree, file);
        if (!document) return tl::unexpected(document.error());
        const std::string title = document->kind + " " + document->name;
        if (const auto [first, is_new] = seen.try_emplace(title, document->line); !is_new)
            return failure(fmt::format("{}duplicate document: {} (first in line {})",
                                       prefix_of(file, {document->line, document->column}), title, first->second));
        documents.push_back(*std::move(document));
    }
    return documents;
}

Result<DesiredState> put_documents(const DesiredState& state, const std::vector<Document>& documents) {
    DesiredState changed = state;
    for (const Document& document : documents) std::visit(PutInto{changed}, document.value);
    if (const auto checked = check_documents(changed, documents); !checked) return tl::unexpected(checked.error());
    return changed;
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
        const bool is_known = visit_kind(changed, document.kind, [&](auto& map) { removed = map.erase(name); });
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
    const auto add_all = [&](const auto& map) {
        for (const auto& [name, value] : map) documents.push_back(document_of(value));
    };
    add_all(state.networks);
    add_all(state.nodes);
    add_all(state.workloads);
    add_all(state.routes);
    return documents;
}

}  // namespace biplane
