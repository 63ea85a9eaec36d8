// Addresses of interfaces, routes, and neighbours: what Linux's own stack needs to know around Biplane's ports.
// Prefix lengths are in 128-bit space (base/addresses.hpp).
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/addresses.hpp"
#include "base/result.hpp"
#include "host/netlink.hpp"

namespace biplane {

// Without those of link scope (fe80::...), which Linux makes itself.
Result<std::vector<Prefix>> list_addresses(Netlink& netlink, uint32_t ifindex);
// IPv6 addresses are usable at once: no duplicate address detection. One that is there already is left as it is.
Status add_address(Netlink& netlink, uint32_t ifindex, const Prefix& address);
Status remove_address(Netlink& netlink, uint32_t ifindex, const Prefix& address);

struct LinuxRoute {
    Prefix destination;
    std::optional<Address> gateway;  // none: on the link itself
    uint32_t ifindex = 0;
};
// In the main table; the gateway need not lie in a subnet of the interface (onlink). Replaces a route to the same destination.
Status put_route(Netlink& netlink, const LinuxRoute& route);
// The same, but a route to the same destination through another interface is an Error with code EEXIST.
Status add_route(Netlink& netlink, const LinuxRoute& route);
Status remove_route(Netlink& netlink, const LinuxRoute& route);

// How Linux would send to `destination`.
struct Way {
    uint32_t ifindex = 0;
    std::optional<Address> gateway;
    std::optional<Address> source;
};
Result<Way> find_way(Netlink& netlink, const Address& destination);

// The link-layer address of a neighbour, if it is known.
Result<std::optional<MacAddress>> find_neighbour(Netlink& netlink, uint32_t ifindex, const Address& address);
// Asks the kernel to resolve the neighbour and, from Linux 5.16 on, to keep it resolved without traffic (NTF_EXT_MANAGED).
Status keep_neighbour_resolved(Netlink& netlink, uint32_t ifindex, const Address& address);
// One empty UDP datagram to the discard port (RFC 863): Linux has to resolve the way for it, asking with `source`, an address of
// this node.
Status send_discarded_datagram(const Address& source, const Address& destination);
Status put_permanent_neighbour(Netlink& netlink, uint32_t ifindex, const Address& address, const MacAddress& mac);
Status remove_neighbour(Netlink& netlink, uint32_t ifindex, const Address& address);

}  // namespace biplane
