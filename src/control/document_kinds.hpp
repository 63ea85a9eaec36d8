// The four kinds of documents: their names, how one is read from YAML, and how it is written down as fields.
#pragma once
#include <string>
#include <variant>
#include <vector>

#include "control/documents.hpp"
#include "control/yaml_tree.hpp"

namespace biplane {

using DocumentValue = std::variant<VirtualNetwork, Node, Workload, Route>;

// In the order of DocumentValue, which is also the order in which documents can be applied.
const std::vector<std::string>& kind_names();

Result<Document> read_document(const YamlNode& tree, const std::string& file);

// A value as its document shows it. `value` is ready to stand in YAML.
struct Field {
    std::string section;  // "metadata", "metadata.labels" or "spec"
    std::string key;
    std::string value;
};
std::vector<Field> fields_of(const DocumentValue& value);

// The canonical document of a value that came from no file.
Document document_of(const DocumentValue& value);

}  // namespace biplane
