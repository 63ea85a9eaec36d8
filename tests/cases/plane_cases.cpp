// Which plane carries a packet: the kernel plane hands over what is placed in the user plane, and knows
// what to do when there is none; the user plane carries all that reaches it.
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

namespace {

Packet ask(uint16_t port) { return frame_from(port).ipv4("10.0.0.10", "10.0.0.11").udp(5000, 53).filler(16); }

Wanted reaches(uint16_t port, const Packet& packet) { return delivered(port, at(port, packet).ttl(63)); }

WantedFlow asked(Network network, uint16_t from, uint16_t to) {
    return flow(network, 17, "10.0.0.10", 5000, "10.0.0.11", 53).to(to).from(from, from);
}

std::vector<Case> kernel_plane_cases() {
    using enum DropReason;
    using enum PuntReason;
    const Packet from_node =
        coming_from_node(to_node_b, green, inner_frame().ipv4("10.0.0.20", "10.0.0.10").udp(5000, 53).filler(16));
    const Packet arp =
        Packet().ethernet(peer_mac(green_web), broadcast_mac).arp(1, peer_mac(green_web), "10.0.0.10", MacAddress{}, "169.254.1.1");
    const Packet arp_reply = Packet()
                                 .ethernet(router_mac(green_web), peer_mac(green_web))
                                 .arp(2, router_mac(green_web), "169.254.1.1", peer_mac(green_web), "10.0.0.10");
    const auto in_kernel = Holds::in_the_kernel_plane;
    return {
        {"the first packet of a network that is placed in the user plane is handed over",
         {arrives(green_web, ask(green_web)).is(punted(placed)).after(user_plane_is(true))},
         {},
         in_kernel},
        {"a tunnel packet of a network that is placed in the user plane is handed over",
         {arrives(fabric, from_node).is(punted(placed)).after(user_plane_is(true))},
         {},
         in_kernel},
        {"a packet of a network without fallback is handed over to a user plane that is late",
         {arrives(green_web, ask(green_web)).is(punted(placed)).after(user_plane_is(false))},
         {},
         in_kernel},
        {"a network that may fall back is carried by the kernel when there is no user plane",
         {arrives(teal_web, ask(teal_web)).is(reaches(teal_db, ask(teal_web))).after(user_plane_is(false))},
         {asked(teal, teal_web, teal_db)},
         in_kernel},
        {"a network that may fall back is carried by the kernel when a user plane was never there",
         {arrives(teal_web, ask(teal_web)).is(reaches(teal_db, ask(teal_web)))},
         {asked(teal, teal_web, teal_db)},
         in_kernel},
        {"a network that may fall back is handed over while there is a user plane",
         {arrives(teal_web, ask(teal_web)).is(punted(placed)).after(user_plane_is(true))},
         {},
         in_kernel},
        {"a spoofed packet is dropped, not handed over",
         {arrives(green_web, ask(green_web).macs(peer_mac(red_web), router_mac(green_web)))
              .is(dropped(source_mac_spoofed))
              .after(user_plane_is(true))},
         {},
         in_kernel},
        {"a damaged packet is dropped, not handed over",
         {arrives(green_web, ask(green_web).ipv4_checksum(1)).is(dropped(ipv4_checksum_invalid)).after(user_plane_is(true))},
         {},
         in_kernel},
        {"ARP is answered where it arrives, wherever the network is placed",
         {arrives(green_web, arp).is(answered(green_web, arp_reply)).after(user_plane_is(true))},
         {}},
    };
}

// A flow that is placed in the user plane stays there, whatever its network says.
std::vector<Case> flow_placement_cases() {
    const auto flows_are_placed_in_user = [](SharedTables& tables) {
        for (uint32_t n = 0; n < tables.flow_entries(); ++n)
            if (tables.flow(n)->zone != no_zone) tables.flow(n)->mode |= flow_mode_user_plane;
        user_plane_is(true)(tables);
    };
    return {
        {"a flow that was moved to the user plane is handed over",
         {arrives(red_web, ask(red_web)).is(reaches(red_db, ask(red_web))),
          arrives(red_web, ask(red_web)).is(punted(PuntReason::flow_placed)).after(flows_are_placed_in_user)},
         {asked(red, red_web, red_db).seen(1, 0)},
         Holds::in_the_kernel_plane},
        {"the user plane carries the networks that are placed in it",
         {arrives(green_web, ask(green_web)).is(reaches(green_db, ask(green_web)))},
         {asked(green, green_web, green_db)},
         Holds::in_the_user_plane},
    };
}

}  // namespace

std::vector<Case> plane_cases() {
    std::vector<Case> all = kernel_plane_cases();
    for (const auto& some : flow_placement_cases()) all.push_back(some);
    return all;
}

}  // namespace biplane::cases
