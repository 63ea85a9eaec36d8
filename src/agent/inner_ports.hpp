// The node's inner ports: veth pairs through which frames pass on their way through the datapath (names in control/config/node_config.hpp).
//
//     tcx --redirect--> biplane-punt0 <== veth ==> biplane-punt1 --XDP--> socket of the user plane
//     tcx --redirect--> biplane-cut0  <== veth ==> biplane-cut1  --tcx--> on its way
//                       transmit offloads off:     the frames come out cut to size, with checksums filled in
#pragma once
#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "host/netlink.hpp"

namespace biplane {

enum class InnerPortKind { punt, cut };

struct InnerPort {
    uint32_t outer_index;
    uint32_t inner_index;
};
// Makes the pair, down, if it is missing; an existing one is used as it is.
Result<InnerPort> ensure_inner_port(Netlink& netlink, const std::string& node, InnerPortKind kind, uint32_t mtu);
Status bring_up_inner_port(Netlink& netlink, const InnerPort& port);

}  // namespace biplane
