// The kinds of documents, and how one is read from YAML.
#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "control/documents/documents.hpp"
#include "control/documents/names.hpp"
#include "control/yaml/yaml_tree.hpp"

namespace biplane {

struct KindRules {
    const char* name;
    const char* api_version;
    bool is_namespaced;
    Result<std::string> (*parse_name)(std::string_view);  // metadata.name
    // Kubernetes' own kinds are taken as its API server gives them out: what it adds to metadata and as status is dropped.
    bool is_of_kubernetes() const { return std::string_view(api_version) != biplane::api_version; }
};

inline constexpr char network_policy_api_version[] = "networking.k8s.io/v1";
inline constexpr char core_api_version[] = "v1";

// In the order of DocumentValue, which is also the order in which documents can be applied.
inline constexpr std::array<KindRules, std::variant_size_v<DocumentValue>> kind_rules = {{
    {"VirtualNetwork", api_version, false, parse_name},
    {"Node", api_version, false, parse_dns_name},
    {"Namespace", core_api_version, false, parse_name},
    {"Workload", api_version, true, parse_dns_name},
    {"Route", api_version, false, parse_name},
    {"NetworkPolicy", network_policy_api_version, true, parse_dns_name},
    {"BiplanePolicy", api_version, false, parse_dns_name},
}};

// The documents of one tree: one, those of a List of Kubernetes, as kubectl writes several objects, or those of a plain list, as
// `biplane get -o json` does.
Result<std::vector<Document>> read_documents(const YamlNode& tree, const std::string& file);

// Calls visit(kind, &DesiredState::map) for the map of each kind, in the order of kind_rules.
template <typename Visit>
void visit_maps(Visit visit) {
    visit("VirtualNetwork", &DesiredState::networks);
    visit("Node", &DesiredState::nodes);
    visit("Namespace", &DesiredState::namespaces);
    visit("Workload", &DesiredState::workloads);
    visit("Route", &DesiredState::routes);
    visit("NetworkPolicy", &DesiredState::network_policies);
    visit("BiplanePolicy", &DesiredState::policies);
}

}  // namespace biplane
