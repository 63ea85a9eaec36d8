// Settings of an interface below /proc/sys/net, in the network namespace of the calling thread.
#pragma once
#include <string>

#include "base/result.hpp"

namespace biplane {

// Writes net.<family>.conf.<interface>.<key>, family "ipv4" or "ipv6". A kernel without that family has nothing to set: done.
Status set_interface_sysctl(const std::string& family, const std::string& interface, const std::string& key,
                            const std::string& value);

}  // namespace biplane
