// What can be said against new documents on this node before anything is changed.
#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"
#include "control/config/node_config.hpp"
#include "control/documents/documents.hpp"

namespace biplane {

// A network with plane: user needs a user plane on this node. The Error says which network.
Status check_user_plane(const DesiredState& wanted, const NodeConfig& config, const std::vector<Document>& documents);
// Two workloads whose host ends would have the same name, which is made from theirs by a hash.
Status check_interface_names(const DesiredState& wanted, const std::string& node);

// No workload of `documents` lives on another node or in another network namespace as of `before`.
Status check_places(const DesiredState& before, const std::vector<Document>& documents);

// `refused` with the place in the file that it is about, and the document's title, in front.
Status blame(const Status& refused, const std::vector<Document>& documents, const std::string& kind, const std::string& name,
             const std::string& path);

}  // namespace biplane
