// Documents and changes as JSON: the same keys as in YAML, docs/api.md.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "api/message.hpp"
#include "control/documents/documents.hpp"

namespace biplane {

const char* to_string(Change::Action action);  // create, update, remove

Json to_json(const Document& document);
// [{action: create|update|remove, kind, name, detail}]
Json to_json(const std::vector<Change>& changes);

// The kind that a user means by "workload", "Workloads" or "wl"; nothing if it is none.
std::optional<std::string> parse_kind(const std::string& text);

}  // namespace biplane
