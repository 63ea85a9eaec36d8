// A document as a tree of plain values: what is written as YAML and as JSON, and compared key by key. Keys keep their order.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "control/documents/documents.hpp"

namespace biplane {

using DocumentTree = nlohmann::ordered_json;

// All of a document: apiVersion, kind, metadata, spec. What has its default and can be left out is left out.
DocumentTree tree_of(const DocumentValue& value);

// Its spec; Namespace has none.
DocumentTree spec_of(const VirtualNetwork& network);
DocumentTree spec_of(const Node& node);
DocumentTree spec_of(const Workload& workload);
DocumentTree spec_of(const Route& route);
DocumentTree spec_of(const NetworkPolicy& policy);
DocumentTree spec_of(const BiplanePolicy& policy);
// {flows, newFlowsPerSecond}, without those that are no limit.
DocumentTree tree_of_limits(const FlowLimits& limits);

// YAML in block style; a list of plain values stands on one line.
std::string yaml_of(const DocumentTree& map);
// The same value on one line.
std::string yaml_in_line(const DocumentTree& value);

// The canonical document of a value that came from no file.
Document document_of(DocumentValue value);

}  // namespace biplane
