// Reading: one function per kind, each a list of the keys that the kind has. What is wrong goes to `findings`.
#pragma once
#include <string>

#include "control/documents/desired_state.hpp"
#include "control/yaml/yaml_reader.hpp"

namespace biplane {

struct DocumentMetadata {
    std::string name;
    std::string space;  // of kinds that are in a namespace
    Labels labels;
};

VirtualNetwork read_network(Findings& findings, const DocumentMetadata& metadata, YamlMap& spec);
Node read_node(Findings& findings, const DocumentMetadata& metadata, YamlMap& spec);
Workload read_workload(Findings& findings, const DocumentMetadata& metadata, YamlMap& spec);
Route read_route(Findings& findings, const DocumentMetadata& metadata, YamlMap& spec);
NetworkPolicy read_network_policy(Findings& findings, const DocumentMetadata& metadata, YamlMap& spec);
BiplanePolicy read_policy(Findings& findings, const DocumentMetadata& metadata, YamlMap& spec);
// It has no spec.
Namespace make_namespace(const DocumentMetadata& metadata);

// A map of labels: Kubernetes' syntax.
Labels read_labels(Findings& findings, const YamlValue& value);
// {flows, newFlowsPerSecond}, both optional. `value` may be nothing: no limits.
FlowLimits read_limits(Findings& findings, const std::optional<YamlValue>& value);

// The key "protocol": one of the first `count` of protocol_words, TCP without it.
uint8_t read_protocol(YamlMap& map, size_t count);

}  // namespace biplane
