// What an operator does with a store of documents that the agent refuses to use. Neither touches the datapath.
#pragma once
#include "control/config/node_config.hpp"

namespace biplane {

// Prints the newest revision that can still be read whole, as YAML. It may be older than what was committed.
Status salvage_documents(const NodeConfig& config);

// Makes the documents of the file what counts on this node, from the agent's next start on. "-" is standard input.
Status restore_documents(const NodeConfig& config, const std::string& file);

}  // namespace biplane
