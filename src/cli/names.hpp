// Names on the command line that must be those of something.
#pragma once
#include <string>

#include "base/result.hpp"
#include "control/documents/desired_state.hpp"
#include "views/table_names.hpp"

namespace biplane {

// [NAMESPACE/]NAME, as everywhere; without a namespace "default" is meant. What is no name is a usage_error, and where there is
// none of it the error says in which namespaces there is one.
Result<const Workload*> find_workload(const DesiredState& desired, const std::string& text);

// Refuses a network that this node has no number for, and names those that there are. An empty name is no filter.
Status check_network(const TableNames& names, const std::string& network);

}  // namespace biplane
