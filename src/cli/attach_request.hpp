// What `biplane attach` asks the agent for, and how it says what the agent had against it.
#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"

namespace biplane {

struct AttachOptions {
    std::string name, network, netns, interface = "eth0", hook, mac;
    std::vector<std::string> addresses, labels;
    bool replaces = false;  // also a workload of this name that lives elsewhere
};

// The document of the workload, as JSON. The agent checks its values.
Result<std::string> document_of(const AttachOptions& options, const std::string& node);

// `message` is about keys of a document that the user has not written: it gets the names of the options in their place.
std::string said_of_options(const std::string& message);

}  // namespace biplane
