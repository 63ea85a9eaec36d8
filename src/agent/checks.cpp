#include "agent/checks.hpp"

#include <fmt/format.h>

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
