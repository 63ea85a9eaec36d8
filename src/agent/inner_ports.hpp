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

inline constexpr uint32_t ethernet_mtu = 1500;

enum class InnerPortKind { punt, cut };

inline constexpr InnerPortKind inner_port_kinds[] = {InnerPortKind::punt, InnerPortKind::cut};
const char* to_string(InnerPortKind kind);

struct InnerPort {
    uint32_t outer_index = 0;
    uint32_t inner_index = 0;
};
// Makes the pair, down, if it is missing; of an existing one what is different is changed.
Result<InnerPort> ensure_inner_port(Netlink& netlink, const std::string& node, InnerPortKind kind, uint32_t mtu);
// Does nothing to an end that is up.
Status bring_up_inner_port(Netlink& netlink, InnerPortKind kind);

}  // namespace biplane
