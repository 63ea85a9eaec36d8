// The punt port: the veth pair through which tcx programs hand frames to the user plane (names in control/config/node_config.hpp).
//
//     tcx --redirect--> biplane-punt0 <== veth ==> biplane-punt1 --XDP--> socket of the user plane
//                       transmit offloads off:     the frames come out cut to size, with checksums filled in
#pragma once
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "host/netlink.hpp"

namespace biplane {

struct PuntPort {
    uint32_t outer_index;
    uint32_t inner_index;
};
// Makes the pair, down, if it is missing; an existing one is used as it is.
Result<PuntPort> ensure_punt_port(Netlink& netlink, const std::string& node, uint32_t mtu);
Status bring_up_punt_port(Netlink& netlink, const PuntPort& port);

}  // namespace biplane
