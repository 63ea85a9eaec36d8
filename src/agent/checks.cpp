#include "agent/checks.hpp"

#include <fmt/format.h>

#include "base/in_quotes.hpp"

namespace biplane {

Status check_user_plane(const DesiredState& wanted, const NodeConfig& config, const std::vector<Document>& documents) {
    if (config.user_plane) return {};
    for (const auto& [name, network] : wanted.networks)
        if (network.plane == Plane::user)
            return blame(failure("this node has no user plane (userPlane: false in its configuration)"), documents,
                         "VirtualNetwork", name, "spec.plane");
    return {};
}

Status check_interface_names(const DesiredState& wanted, const std::string& node) {
    std::map<std::string, std::string> owners;
    for (const auto& [key, workload] : wanted.workloads) {
        if (workload.node != node || workload.netns.empty()) continue;
        const auto [other, is_new] = owners.emplace(host_interface_of(key), key);
        if (!is_new)
            return failure(fmt::format("Workload {} and Workload {} would both have the interface {} on this node: rename one",
                                       other->second, key, other->first));
    }
    return {};
}

Status check_places(const DesiredState& before, const std::vector<Document>& documents) {
    for (const Document& document : documents) {
        const auto* wanted = std::get_if<Workload>(&document.value);
        const auto found = wanted ? before.workloads.find(wanted->key()) : before.workloads.end();
        if (found == before.workloads.end()) continue;
        const Workload& there = found->second;
        const bool is_same_namespace = there.netns.empty() || there.netns == wanted->netns;
        if (there.node == wanted->node && is_same_namespace) continue;
        const std::string where = there.netns.empty() ? "" : fmt::format(" in network namespace {}", in_quotes(there.netns));
        return failure(fmt::format("there is a Workload {} already, on node {}{}", document.name, there.node, where));
    }
    return {};
}

Status blame(const Status& refused, const std::vector<Document>& documents, const std::string& kind, const std::string& name,
             const std::string& path) {
    const std::string message = fmt::format("{} {}: {}: {}", kind, name, path, refused.error().message);
    for (const Document& document : documents) {
        if (document.kind != kind || document.name != name) continue;
        const auto place = document.places.find(path);
        const Place where = place == document.places.end() ? document.place() : place->second;
        return failure(prefix_of(document.file, where) + message, refused.error().code);
    }
    return failure(message, refused.error().code);
}

}  // namespace biplane
