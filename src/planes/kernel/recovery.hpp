// Programs that still run though their pins are gone, because another process holds them, or because they are tc filters. They are
// found on the interfaces, and their tables by the programs: so no flow is lost with the pins.
#pragma once
#include <vector>

#include "planes/kernel/kernel_plane.hpp"
#include "planes/pin_directory.hpp"

namespace biplane {

// Pins the maps, the program and the link of each attachment that is not marked in the directory. What runs with other maps than the
// pinned ones is detached. Returns how many attachments are marked again.
Result<uint32_t> recover_attachments(PinDirectory& directory, const std::vector<KernelPlaneOptions::Interface>& interfaces);

}  // namespace biplane
