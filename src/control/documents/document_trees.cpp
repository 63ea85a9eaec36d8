// Each kind as a tree, its keys in their fixed order. The policies are in document_policy_trees.cpp.
#include "control/documents/document_kinds.hpp"
#include "control/documents/document_tree.hpp"
#include "control/documents/document_words.hpp"

namespace biplane {
namespace {

template <typename Values>
DocumentTree texts_of(const Values& values) {
    DocumentTree list = DocumentTree::array();
    for (const auto& value : values) list.push_back(to_string(value));
    return list;
}

template <typename Value>
DocumentTree metadata_of(const Value& value) {
    DocumentTree metadata = {{"name", value.name}};
    if constexpr (requires { value.space; }) metadata["namespace"] = value.space;
    if (!value.labels.empty()) metadata["labels"] = value.labels;
    return metadata;
}

template <typename Value>
std::string full_name_of(const Value& value) {
    if constexpr (requires { value.key(); })
        return value.key();
    else
        return value.name;
}

DocumentTree tree_of_timeouts(const NetworkTimeouts& timeouts) {
    DocumentTree tree = DocumentTree::object();
    for (const auto& [key, seconds] : timeout_keys)
        if (timeouts.*seconds) tree[key] = *(timeouts.*seconds);
    return tree;
}

struct TargetTree {
    DocumentTree operator()(const ToDiscard&) const { return "discard"; }
    DocumentTree operator()(const ToHost&) const { return "host"; }
    DocumentTree operator()(const ToNode& to) const { return {{"node", to.name}}; }
    DocumentTree operator()(const ToWorkload& to) const { return {{"workload", to.key}}; }
};

DocumentTree tree_of_port(const NamedPort& port) {
    return {{"name", port.name}, {"port", port.port}, {"protocol", protocol_name(port.protocol)}};
}

}  // namespace

DocumentTree tree_of_limits(const FlowLimits& limits) {
    DocumentTree tree = DocumentTree::object();
    if (limits.flows) tree["flows"] = limits.flows;
    if (limits.new_flows_per_second) tree["newFlowsPerSecond"] = limits.new_flows_per_second;
    return tree;
}

DocumentTree spec_of(const VirtualNetwork& network) {
    DocumentTree spec = {{"vni", network.vni},
                         {"subnets", texts_of(network.subnets)},
                         {"plane", network.plane == Plane::user ? "user" : "kernel"},
                         {"whenUserPlaneDown", network.fallback_to_kernel ? "kernel" : "drop"}};
    if (network.tcp_pickup) spec["tcpPickup"] = true;
    if (network.timeouts != NetworkTimeouts{}) spec["timeouts"] = tree_of_timeouts(network.timeouts);
    if (network.limits != FlowLimits{}) spec["limits"] = tree_of_limits(network.limits);
    return spec;
}

DocumentTree spec_of(const Node& node) { return {{"addresses", texts_of(node.addresses)}}; }

DocumentTree spec_of(const Workload& workload) {
    DocumentTree spec = {{"network", workload.network}, {"node", workload.node}, {"addresses", texts_of(workload.addresses)}};
    if (!workload.netns.empty()) spec["netns"] = workload.netns;
    spec["interface"] = workload.interface;
    if (workload.hook != WorkloadHook::automatic) spec["hook"] = workload.hook == WorkloadHook::xdp ? "xdp" : "tcx";
    for (const NamedPort& port : workload.ports) spec["ports"].push_back(tree_of_port(port));
    if (workload.mac) spec["mac"] = to_string(*workload.mac);
    return spec;
}

DocumentTree spec_of(const Route& route) {
    return {{"network", route.network},
            {"destination", to_string(route.destination)},
            {"nextHop", std::visit(TargetTree{}, route.target)}};
}

DocumentTree tree_of(const DocumentValue& value) {
    const KindRules& kind = kind_rules[value.index()];
    DocumentTree tree = {{"apiVersion", kind.api_version}, {"kind", kind.name}};
    std::visit(
        [&](const auto& document) {
            tree["metadata"] = metadata_of(document);
            if constexpr (!std::is_same_v<std::decay_t<decltype(document)>, Namespace>) tree["spec"] = spec_of(document);
        },
        value);
    return tree;
}

std::string text_of(const Document& document) { return yaml_of(tree_of(document.value)); }

Document document_of(DocumentValue value) {
    Document document;
    document.kind = kind_rules[value.index()].name;
    document.name = std::visit([](const auto& named) { return full_name_of(named); }, value);
    document.value = std::move(value);
    return document;
}

}  // namespace biplane
