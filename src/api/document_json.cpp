#include "api/document_json.hpp"

#include <algorithm>
#include <cctype>

namespace biplane {
namespace {

template <typename Values>
Json texts_of(const Values& values) {
    Json list = Json::array();
    for (const auto& value : values) list.push_back(to_string(value));
    return list;
}

Json metadata_of(const std::string& name, const std::map<std::string, std::string>& labels) {
    Json metadata = {{"name", name}};
    if (!labels.empty()) metadata["labels"] = labels;
    return metadata;
}

struct Parts {
    Json metadata;
    Json spec;
};

Parts parts_of(const VirtualNetwork& network) {
    return {metadata_of(network.name, network.labels),
            {{"vni", network.vni},
             {"subnets", texts_of(network.subnets)},
             {"plane", network.plane == Plane::user ? "user" : "kernel"},
             {"whenUserPlaneDown", network.fallback_to_kernel ? "kernel" : "drop"}}};
}

Parts parts_of(const Node& node) { return {metadata_of(node.name, node.labels), {{"addresses", texts_of(node.addresses)}}}; }

Parts parts_of(const Workload& workload) {
    Parts parts{metadata_of(workload.name, workload.labels),
                {{"network", workload.network}, {"node", workload.node}, {"addresses", texts_of(workload.addresses)}}};
    parts.metadata["namespace"] = workload.space;
    if (!workload.netns.empty()) parts.spec["netns"] = workload.netns;
    parts.spec["interface"] = workload.interface;
    if (workload.hook != WorkloadHook::automatic) parts.spec["hook"] = workload.hook == WorkloadHook::xdp ? "xdp" : "tcx";
    if (workload.mac) parts.spec["mac"] = to_string(*workload.mac);
    return parts;
}

struct TargetJson {
    Json operator()(const ToDiscard&) const { return "discard"; }
    Json operator()(const ToHost&) const { return "host"; }
    Json operator()(const ToNode& node) const { return {{"node", node.name}}; }
    Json operator()(const ToWorkload& workload) const { return {{"workload", workload.key}}; }
};

Parts parts_of(const Route& route) {
    return {metadata_of(route.name, route.labels),
            {{"network", route.network},
             {"destination", to_string(route.destination)},
             {"nextHop", std::visit(TargetJson{}, route.target)}}};
}

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

}  // namespace

Json to_json(const Document& document) {
    Parts parts = std::visit([](const auto& value) { return parts_of(value); }, document.value);
    return {{"apiVersion", api_version}, {"kind", document.kind}, {"metadata", parts.metadata}, {"spec", parts.spec}};
}

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
                 {"Workload", {"workload", "workloads", "wl"}},
                 {"Route", {"route", "routes"}}};
    for (const auto& [kind, spellings] : kinds)
        if (std::find(spellings.begin(), spellings.end(), lower) != spellings.end()) return kind;
    return std::nullopt;
}

}  // namespace biplane
