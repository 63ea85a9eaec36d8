#include "views/document_json.hpp"

#include <algorithm>
#include <cctype>

#include "control/documents/document_tree.hpp"

namespace biplane {

const char* to_string(Change::Action action) {
    switch (action) {
        case Change::Action::create:
            return "create";
        case Change::Action::update:
            return "update";
        case Change::Action::remove:
            return "remove";
    }
    return "unknown";
}

Json to_json(const Document& document) { return tree_of(document.value); }

Json to_json(const std::vector<Change>& changes) {
    Json list = Json::array();
    for (const Change& change : changes)
        list.push_back(
            {{"action", to_string(change.action)}, {"kind", change.kind}, {"name", change.name}, {"detail", change.detail}});
    return list;
}

std::optional<std::string> parse_kind(const std::string& text) {
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    const struct {
        const char* kind;
        std::vector<std::string> spellings;
    } kinds[] = {{"VirtualNetwork", {"virtualnetwork", "virtualnetworks", "network", "networks", "vn"}},
                 {"Node", {"node", "nodes"}},
                 {"Namespace", {"namespace", "namespaces", "ns"}},
                 {"Workload", {"workload", "workloads", "wl"}},
                 {"Route", {"route", "routes"}},
                 {"NetworkPolicy", {"networkpolicy", "networkpolicies", "netpol"}},
                 {"BiplanePolicy", {"biplanepolicy", "biplanepolicies", "bpol"}}};
    for (const auto& [kind, spellings] : kinds)
        if (std::find(spellings.begin(), spellings.end(), lower) != spellings.end()) return kind;
    return std::nullopt;
}

}  // namespace biplane
