// The node on which the cases play: its ports, networks, routes and neighbours, and the tables that say so.
//
//                         this node (192.0.2.1, 2001:db8::1)
//   red   VNI 100   web .10   db .11   narrow .12 (MTU 1280)   host port -------- default route
//   blue  VNI 200   web .10   db .11                                              no default route
//   green VNI 300   web .10   db .11    placed in the user plane; without one: dropped
//   teal  VNI 400   web .10   db .11    placed in the user plane; without one: carried by the kernel
//   amber VNI 500   web .10   db .11   host port .1                               with policies: world_policies.cpp
//         in each: 10.0.0.0/24 and fd00:a::/64 (discard), .20 behind node b, .30 behind node c,
//                  .40 behind node d, whose link-layer address is not known, .50 a route to a next hop that is gone
//   red also: 198.51.100.0/24 behind node b, in it .128/25 behind node c, in that .200/32 discard; 2001:db8:1::/48 likewise
//             172.16.0.0/24 and 2001:db8:2::/48 behind narrow, which routes for them
//
//   fabric port: node b 192.0.2.2, node c 2001:db8::3, node d 192.0.2.4
//
// All networks use the same addresses: what crosses is a failure. Written out here by hand, so that a mistake of the planner
// does not hide a mistake of the datapath.
#pragma once
#include <string_view>

#include "layout/table_image.hpp"
#include "packets/packet.hpp"

namespace biplane::world {

enum Network : uint16_t { red = 1, blue = 2, green = 3, teal = 4, amber = 5 };  // the value is the zone
constexpr uint32_t vni_of(Network network) { return network * 100u; }

// The value is the number of the port and of the next hop that delivers to it.
enum PortNumber : uint16_t {
    red_web = 1,
    red_db,
    red_narrow,
    red_host,
    blue_web,
    blue_db,
    green_web,
    green_db,
    teal_web,
    teal_db,
    amber_web,
    amber_db,
    amber_host,
    fabric,
    no_such_port = 99  // an interface without a port entry
};
constexpr uint16_t fabric_socket_slot = 8;
constexpr uint16_t ports_end = fabric + 1;
constexpr uint32_t ifindex_of(uint16_t port) { return 2000u + port; }
const char* name_of(uint16_t port);

enum NextHopNumber : uint16_t { to_node_b = 20, to_node_c, to_node_d, to_nowhere, next_hop_gone };

// Link-layer addresses: of what is behind a port, and of the router on it.
MacAddress peer_mac(uint16_t port);
MacAddress router_mac(uint16_t port);
extern const MacAddress node_b_mac, node_c_mac, broadcast_mac;

constexpr uint16_t workload_mtu = 1450, narrow_mtu = 1280, tunnel_ipv4_mtu = 1450, tunnel_ipv6_mtu = 1430;
constexpr std::string_view node_a_ipv4 = "192.0.2.1", node_b_ipv4 = "192.0.2.2", node_d_ipv4 = "192.0.2.4",
                           node_a_ipv6 = "2001:db8::1", node_c_ipv6 = "2001:db8::3";

// The planned tables of this node. `secret` and `route_bucket_mask` are those of the tables they are meant for.
TableImage tables(const uint32_t (&secret)[10], uint32_t route_bucket_mask);

// --- policies of amber; both families alike ---
//
//   web may send           to db     TCP 23, 5432 and 5433, pings, any SCTP
//                          to .20    everything
//   db may be sent         by web    TCP 5432, pings; TCP 23 is denied by a rule of its own
//                          by .20    UDP 53 to 59
//   and nothing else in those two directions; the node at .1 reaches db all the same
enum Rule : uint16_t {
    web_to_db = 1,
    web_to_node_b,
    db_from_web,
    db_ping,
    db_no_telnet,
    db_from_node_b,
    web_isolated,
    db_isolated
};
enum Class : uint16_t { class_of_web = 1, class_of_db, class_of_node_b, class_of_node };

void write_policies(TableImage& image, const uint32_t (&secret)[10]);
uint16_t class_of(Network network, std::string_view prefix);

}  // namespace biplane::world
