#include "planes/link_state.hpp"

#include <bpf/bpf.h>

namespace biplane {

// Both kinds tell their interface in the same place.
LinkState state_of_link(int link) {
    bpf_link_info info{};
    uint32_t bytes = sizeof info;
    if (link < 0 || bpf_obj_get_info_by_fd(link, &info, &bytes) != 0) return {};
    return {info.xdp.ifindex, info.prog_id};
}

}  // namespace biplane
