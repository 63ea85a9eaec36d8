// The link: interfaces without a port, Ethernet addresses, ARP (RFC 826, RFC 5227) and neighbour discovery (RFC 4861, RFC 4862).
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

namespace {

const MacAddress web_mac = peer_mac(red_web);
const MacAddress router = router_mac(red_web);
const MacAddress nobody{};
const MacAddress stranger = mac("02:00:00:00:99:99");

std::vector<Case> ethernet_cases() {
    using enum DropReason;
    const Packet datagram = Packet().ipv4("10.0.0.10", "10.0.0.11").udp(5000, 53).filler(16);
    const auto tagged = [](const MacAddress& source, const MacAddress& destination) {
        return Packet().ethernet(source, destination).ethertype(0x8100).payload(Bytes{0, 5, 0x08, 0x00});  // VLAN 5, then IPv4
    };
    const auto framed = [&](const MacAddress& source, const MacAddress& destination) {
        return Packet().ethernet(source, destination).carrying(datagram);
    };
    return {
        {"a frame on an interface without a port is dropped",
         {arrives(no_such_port, framed(web_mac, router)).is(dropped(port_unconfigured))}},
        {"a frame that ends within the Ethernet header is dropped",
         {arrives(red_web, framed(web_mac, router).cut_to(13)).is(dropped(frame_truncated))}},
        {"a frame from another Ethernet address than the workload's is dropped",
         {arrives(red_web, framed(stranger, router)).is(dropped(source_mac_spoofed))}},
        {"a frame from the router's own address is dropped",
         {arrives(red_web, framed(router, router)).is(dropped(source_mac_spoofed))}},
        {"a frame to another Ethernet address than the router's is dropped",
         {arrives(red_web, framed(web_mac, stranger)).is(dropped(destination_mac_foreign))}},
        {"a unicast packet in a broadcast frame is not forwarded",
         {arrives(red_web, framed(web_mac, broadcast_mac)).is(dropped(multicast_unsupported))}},
        {"a frame with a VLAN tag is dropped",
         {arrives(red_web, tagged(web_mac, router).carrying(datagram)).is(dropped(ethertype_unsupported))}},
        {"a tagged frame on the fabric is the node's",
         {arrives(
              fabric,
              tagged(node_b_mac, router_mac(fabric)).carrying(Packet().ipv4(node_b_ipv4, node_a_ipv4).udp(50000, 4789).vxlan(100)))
              .is(left_to_the_node())}},
        {"an LLDP frame is dropped",
         {arrives(red_web, Packet().ethernet(web_mac, mac("01:80:c2:00:00:0e")).ethertype(0x88cc).filler(46))
              .is(dropped(ethertype_unsupported))}},
    };
}

std::vector<Case> arp_cases() {
    using enum DropReason;
    const Packet broadcast = Packet().ethernet(web_mac, broadcast_mac);
    const auto who_has = [&](std::string_view target) { return broadcast.arp(1, web_mac, "10.0.0.10", nobody, target); };
    const auto is_at_router = [&](std::string_view target) {
        return Packet().ethernet(router, web_mac).arp(2, router, target, web_mac, "10.0.0.10");
    };
    const auto answers = [&](std::string_view target) {
        return arrives(red_web, who_has(target)).is(answered(red_web, is_at_router(target)));
    };
    const auto is_silent_about = [&](std::string_view target) {
        return arrives(red_web, who_has(target)).is(dropped(arp_unanswered));
    };
    return {
        {"the router answers ARP for the gateway", {answers("169.254.1.1")}},
        {"the router answers ARP for a workload of this node", {answers("10.0.0.11")}},
        {"the router answers ARP for a workload of another node", {answers("10.0.0.20")}},
        {"the router answers ARP for what the default route reaches", {answers("203.0.113.7")}},
        {"an ARP request padded to 60 bytes is answered",
         {arrives(red_web, who_has("169.254.1.1").trailer(18)).is(answered(red_web, is_at_router("169.254.1.1").trailer(18)))}},
        {"an ARP request sent to the router alone is answered",
         {arrives(red_web, who_has("169.254.1.1").macs(web_mac, router)).is(answered(red_web, is_at_router("169.254.1.1")))}},
        {"the router is silent about the workload's own address", {is_silent_about("10.0.0.10")}},
        {"the router is silent about an address of a discard route", {is_silent_about("10.0.0.99")}},
        {"the router is silent about an address whose next hop is gone", {is_silent_about("10.0.0.50")}},
        {"the router is silent about an address without a route",
         {arrives(
              blue_web,
              Packet().ethernet(peer_mac(blue_web), broadcast_mac).arp(1, peer_mac(blue_web), "10.0.0.10", nobody, "203.0.113.7"))
              .is(dropped(arp_unanswered))}},
        {"the router is silent about a group address, whatever the default route says", {is_silent_about("224.0.0.1")}},
        {"the router is silent about loopback, whatever the default route says", {is_silent_about("127.0.0.1")}},
        {"the router is silent about other addresses of the link, whatever the default route says",
         {is_silent_about("169.254.7.7")}},
        {"an ARP probe of the own address is left alone",
         {arrives(red_web, broadcast.arp(1, web_mac, "0.0.0.0", nobody, "10.0.0.10")).is(dropped(arp_unanswered))}},
        {"an ARP announcement of the own address is left alone",
         {arrives(red_web, broadcast.arp(1, web_mac, "10.0.0.10", nobody, "10.0.0.10")).is(dropped(arp_unanswered))}},
        {"an ARP reply is left alone",
         {arrives(red_web, broadcast.arp(2, web_mac, "10.0.0.10", router, "169.254.1.1")).is(dropped(arp_unanswered))}},
        {"an ARP reply in the name of another workload is dropped",
         {arrives(red_web, broadcast.arp(2, web_mac, "10.0.0.11", nobody, "10.0.0.11")).is(dropped(arp_spoofed))}},
        {"an ARP reply in the name of the gateway is dropped",
         {arrives(red_web, broadcast.arp(2, web_mac, "169.254.1.1", router, "10.0.0.11")).is(dropped(arp_spoofed))}},
        {"an ARP probe for another workload's address is answered: it is taken (RFC 5227)",
         {arrives(red_web, broadcast.arp(1, web_mac, "0.0.0.0", nobody, "10.0.0.11"))
              .is(answered(red_web, Packet().ethernet(router, web_mac).arp(2, router, "10.0.0.11", web_mac, "0.0.0.0")))}},
        {"an ARP request in the name of another address is dropped",
         {arrives(red_web, broadcast.arp(1, web_mac, "10.0.0.11", nobody, "169.254.1.1")).is(dropped(arp_spoofed))}},
        {"an ARP request in the name of another Ethernet address is dropped",
         {arrives(red_web, broadcast.arp(1, stranger, "10.0.0.10", nobody, "169.254.1.1")).is(dropped(arp_spoofed))}},
        {"an ARP announcement of the gateway's address is dropped",
         {arrives(red_web, broadcast.arp(1, web_mac, "169.254.1.1", nobody, "169.254.1.1")).is(dropped(arp_spoofed))}},
        {"ARP for other hardware than Ethernet is dropped",
         {arrives(red_web, who_has("169.254.1.1").patched(14, {0, 6})).is(dropped(arp_invalid))}},
        {"ARP for another protocol than IPv4 is dropped",
         {arrives(red_web, who_has("169.254.1.1").patched(16, {0x86, 0xdd})).is(dropped(arp_invalid))}},
        {"ARP with addresses of wrong lengths is dropped",
         {arrives(red_web, who_has("169.254.1.1").patched(18, {6, 16})).is(dropped(arp_invalid))}},
        {"ARP that is cut off is dropped", {arrives(red_web, who_has("169.254.1.1").cut_to(14 + 27)).is(dropped(arp_invalid))}},
        {"an ARP request that comes from a node is dropped",
         {arrives(fabric, coming_from_node(to_node_b, red, inner_frame().arp(1, node_b_mac, "10.0.0.20", nobody, "10.0.0.10")))
              .is(dropped(ethertype_unsupported))}},
        {"ARP on the fabric belongs to the node",
         {arrives(fabric, Packet().ethernet(node_b_mac, broadcast_mac).arp(1, node_b_mac, "192.0.2.2", nobody, "192.0.2.1"))
              .is(left_to_the_node())}},
    };
}

}  // namespace

std::vector<Case> neighbour_cases();  // neighbour_cases.cpp

std::vector<Case> link_cases() {
    std::vector<Case> all = ethernet_cases();
    for (const auto& some : {arp_cases(), neighbour_cases()}) all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
