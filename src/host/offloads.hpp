// What an interface does for the stack (ethtool), and which driver it has. In the network namespace of the calling thread.
#pragma once
#include <string>

#include "base/result.hpp"

namespace biplane {

Result<std::string> driver_of(const std::string& interface);

// GRO: a veth end that XDP redirects into drops the frames silently unless it is on.
Status switch_gro(const std::string& interface, bool on);
// Checksum, segmentation and scatter/gather offload of the transmit side. Off: whatever is sent into the interface is cut into
// frames of MTU size, with complete checksums, before it gets there.
Status switch_transmit_offloads(const std::string& interface, bool on);

}  // namespace biplane
