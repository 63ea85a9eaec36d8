// The end of Biplane on a node: programs, tables and interfaces go; the documents stay.
#pragma once
#include "base/result.hpp"
#include "control/config/node_config.hpp"

namespace biplane {

Status remove_node(const NodeConfig& config);

}  // namespace biplane
