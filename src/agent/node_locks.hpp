// One agent per node: by the run directory, and by the pins, which two configurations might share.
#pragma once
#include "base/result.hpp"
#include "control/config/node_config.hpp"
#include "host/ground.hpp"

namespace biplane {

struct NodeLocks {
    ProcessLock run_directory;
    ProcessLock pin_directory;
};
Result<NodeLocks> lock_node(const NodeConfig& config);

// Makes sure that the pin directory is there and on a bpffs, and locks it. To be called again when it has gone.
Result<ProcessLock> lock_pins(const std::string& pin_directory);

}  // namespace biplane
