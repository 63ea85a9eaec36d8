// What the kernel says about a BPF link of an interface (xdp, tcx).
#pragma once
#include <cstdint>

namespace biplane {

// ifindex is 0 when the interface is gone or the link was detached: then it never does anything again.
struct LinkState {
    uint32_t ifindex = 0;
    uint32_t program_id = 0;
};
LinkState state_of_link(int link);

}  // namespace biplane
