// The interfaces that have, or should have, a program. A link of Biplane's own is never up without its program: its host end is set
// down instead, and then nothing passes in either direction.
#pragma once
#include <functional>
#include <vector>

#include "control/config/node_config.hpp"
#include "host/links.hpp"
#include "planes/kernel/kernel_plane.hpp"

namespace biplane {

// Of `links`: the configured fabrics, and Biplane's own that need a program.
std::vector<KernelPlaneOptions::Interface> program_interfaces(const NodeConfig& config, const std::vector<Link>& links);

// Sets down each of `links` that is up, needs a program and has none. What cannot be set down is an Error.
Status close_unattended(Netlink& netlink, const std::string& node, const std::vector<Link>& links,
                        const std::function<bool(uint32_t)>& has_program);

// The same by what the kernel says, for an agent that has not started yet. Returns the interfaces that programs may run on.
Result<std::vector<KernelPlaneOptions::Interface>> close_links_without_program(const NodeConfig& config);

}  // namespace biplane
