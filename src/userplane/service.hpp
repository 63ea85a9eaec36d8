// The life of the program after its options are read: take the lock, wait for the agent's tables, run the user plane, and begin again
// when the agent has made new ones.
#pragma once
#include <atomic>

#include "base/result.hpp"
#include "control/config/node_config.hpp"

namespace biplane {

// Returns when `stop` is set, or with what makes it impossible to go on. One thread; call once.
Status serve_node(const NodeConfig& config, const std::atomic<bool>& stop);

}  // namespace biplane
