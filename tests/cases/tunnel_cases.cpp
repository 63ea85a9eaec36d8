// The overlay: VXLAN (RFC 7348) over IPv4 and IPv6, DSCP and ECN across it (RFC 2983, RFC 6040), and who may send into it.
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

namespace {

constexpr std::string_view web4 = "10.0.0.10", web6 = "fd00:a::10";

// The packet of a workload behind node b (.20) or c (.30), and how the local workload gets it: no TTL spent, one router in all.
Packet from_b() { return inner_frame().ipv4("10.0.0.20", web4).udp(5000, 53).filler(16); }
Packet from_c() { return inner_frame().ipv4("10.0.0.30", web4).udp(5000, 53).filler(16); }
Packet from_b6() { return inner_frame().ipv6("fd00:a::20", web6).udp(5000, 53).filler(16); }

Step tunnelled(const Packet& packet) { return arrives(fabric, packet); }
Wanted to_web(uint16_t port, const Packet& inner) { return delivered(port, at(port, inner)); }

WantedFlow from_node(Network network, std::string source, std::string destination, uint16_t node, uint16_t port) {
    return flow(network, 17, std::move(source), 5000, std::move(destination), 53).to(port).from(node, fabric);
}

std::vector<Case> outward_cases() {
    const auto leaving = [](uint16_t port, std::string_view source, std::string_view destination) {
        return frame_from(port).ip(source, destination).udp(5000, 53).filler(16);
    };
    const auto inner = [](std::string_view source, std::string_view destination) {
        return inner_frame().ip(source, destination).ttl(63).udp(5000, 53).filler(16);
    };
    const Packet to_b = leaving(red_web, web4, "10.0.0.20"), to_c6 = leaving(red_web, web6, "fd00:a::30");
    const Packet marked = to_b.traffic_class(0xbb), marked6 = to_c6.traffic_class(0xbb);
    const WantedFlow to_b_flow = flow(red, 17, "10.0.0.10", 5000, "10.0.0.20", 53).to(to_node_b).from(red_web, red_web);
    const WantedFlow to_c_flow = flow(red, 17, "fd00:a::10", 5000, "fd00:a::30", 53).to(to_node_c).from(red_web, red_web);
    // The outer header copies the inner traffic class: DSCP by RFC 2983's uniform model, ECN by RFC 6040's normal mode.
    const Packet outer_b =
        Packet().ethernet(router_mac(fabric), node_b_mac).ipv4(node_a_ipv4, node_b_ipv4).traffic_class(0xbb).dont_fragment();
    const Packet outer_c = Packet().ethernet(router_mac(fabric), node_c_mac).ipv6(node_a_ipv6, node_c_ipv6).traffic_class(0xbb);
    const auto in_tunnel = [](const Packet& outer, const Packet& packet) {
        return forwarded(outer.udp(50000, 4789).transport_checksum(0).vxlan(100).carrying(packet));
    };
    return {
        {"a packet to a workload behind an IPv4 node leaves in VXLAN with its network's identifier",
         {arrives(red_web, to_b).is(forwarded(towards_node(to_node_b, red, inner(web4, "10.0.0.20"))))},
         {to_b_flow.of_bytes(44, 0)}},
        {"a packet to a workload behind an IPv6 node leaves in VXLAN with its network's identifier",
         {arrives(red_web, leaving(red_web, web4, "10.0.0.30"))
              .is(forwarded(towards_node(to_node_c, red, inner(web4, "10.0.0.30"))))},
         {flow(red, 17, "10.0.0.10", 5000, "10.0.0.30", 53).to(to_node_c).from(red_web, red_web)}},
        {"an IPv6 packet leaves in VXLAN over IPv4",
         {arrives(red_web, leaving(red_web, web6, "fd00:a::20"))
              .is(forwarded(towards_node(to_node_b, red, inner(web6, "fd00:a::20"))))},
         {flow(red, 17, "fd00:a::10", 5000, "fd00:a::20", 53).to(to_node_b).from(red_web, red_web)}},
        {"an IPv6 packet leaves in VXLAN over IPv6",
         {arrives(red_web, to_c6).is(forwarded(towards_node(to_node_c, red, inner(web6, "fd00:a::30"))))},
         {to_c_flow}},
        {"equal packets of two networks leave with different identifiers",
         {arrives(red_web, to_b).is(forwarded(towards_node(to_node_b, red, inner(web4, "10.0.0.20")))),
          arrives(blue_web, leaving(blue_web, web4, "10.0.0.20"))
              .is(forwarded(towards_node(to_node_b, blue, inner(web4, "10.0.0.20"))))},
         {to_b_flow, flow(blue, 17, "10.0.0.10", 5000, "10.0.0.20", 53).to(to_node_b).from(blue_web, blue_web)}},
        {"DSCP and ECN are copied to an outer IPv4 header",
         {arrives(red_web, marked).is(in_tunnel(outer_b, inner(web4, "10.0.0.20").traffic_class(0xbb)))},
         {to_b_flow}},
        {"DSCP and ECN are copied to an outer IPv6 header",
         {arrives(red_web, marked6).is(in_tunnel(outer_c, inner(web6, "fd00:a::30").traffic_class(0xbb)))},
         {to_c_flow}},
        {"Ethernet padding is not carried through the tunnel",
         {arrives(red_web, to_b.trailer(2)).is(forwarded(towards_node(to_node_b, red, inner(web4, "10.0.0.20"))))},
         {to_b_flow}},
        {"IPv4 options travel inside the tunnel",
         {arrives(red_web, frame_from(red_web).ipv4(web4, "10.0.0.20").ipv4_options({1, 1, 1, 1}).udp(5000, 53))
              .is(forwarded(towards_node(to_node_b, red,
                                         inner_frame().ipv4(web4, "10.0.0.20").ipv4_options({1, 1, 1, 1}).ttl(63).udp(5000, 53))))},
         {to_b_flow}},
    };
}

std::vector<Case> inward_cases() {
    const Packet reply = frame_from(red_web).ipv4(web4, "10.0.0.20").udp(53, 5000).filler(8);
    const Packet inner_reply = inner_frame().ipv4(web4, "10.0.0.20").ttl(63).udp(53, 5000).filler(8);
    const Packet padded = from_b();
    return {
        {"a packet from an IPv4 node is delivered in the zone of its identifier",
         {tunnelled(coming_from_node(to_node_b, red, from_b())).is(to_web(red_web, from_b()))},
         {from_node(red, "10.0.0.20", "10.0.0.10", to_node_b, red_web).of_bytes(44, 0)}},
        {"the same packet with another identifier is delivered in the other zone",
         {tunnelled(coming_from_node(to_node_b, blue, from_b())).is(to_web(blue_web, from_b()))},
         {from_node(blue, "10.0.0.20", "10.0.0.10", to_node_b, blue_web)}},
        {"a packet from an IPv6 node is delivered",
         {tunnelled(coming_from_node(to_node_c, red, from_c())).is(to_web(red_web, from_c()))},
         {from_node(red, "10.0.0.30", "10.0.0.10", to_node_c, red_web)}},
        {"an IPv6 packet from a node is delivered",
         {tunnelled(coming_from_node(to_node_b, red, from_b6())).is(to_web(red_web, from_b6()))},
         {from_node(red, "fd00:a::20", "fd00:a::10", to_node_b, red_web)}},
        {"a packet with its last TTL is delivered by the node it was sent to",
         {tunnelled(coming_from_node(to_node_b, red, from_b().ttl(1))).is(to_web(red_web, from_b().ttl(1)))},
         {from_node(red, "10.0.0.20", "10.0.0.10", to_node_b, red_web)}},
        {"reserved bits of the VXLAN header are ignored",
         {tunnelled(coming_from_node(to_node_b, red, from_b()).patched(42, {0xff, 1, 2, 3}).patched(49, {4}))
              .is(to_web(red_web, from_b()))},
         {from_node(red, "10.0.0.20", "10.0.0.10", to_node_b, red_web)}},
        {"the reply to a node leaves through the tunnel, in the flow of the request",
         {tunnelled(coming_from_node(to_node_b, red, from_b())).is(to_web(red_web, from_b())),
          arrives(red_web, reply).is(forwarded(towards_node(to_node_b, red, inner_reply)))},
         {from_node(red, "10.0.0.20", "10.0.0.10", to_node_b, red_web)
              .in_state(FlowState::established)
              .seen(1, 1)
              .of_bytes(44, 36)}},
    };
}

std::vector<Case> refused_cases() {
    using enum DropReason;
    const Packet good = coming_from_node(to_node_b, red, from_b());
    const Packet stranger = Packet()
                                .ethernet(node_b_mac, router_mac(fabric))
                                .ipv4("192.0.2.66", node_a_ipv4)
                                .dont_fragment()
                                .udp(50000, 4789)
                                .transport_checksum(0)
                                .vxlan(100)
                                .carrying(from_b());
    const Packet unknown_vni = Packet()
                                   .ethernet(node_b_mac, router_mac(fabric))
                                   .ipv4(node_b_ipv4, node_a_ipv4)
                                   .dont_fragment()
                                   .udp(50000, 4789)
                                   .transport_checksum(0)
                                   .vxlan(999)
                                   .carrying(from_b());
    const auto inner = [](const Packet& packet) { return tunnelled(coming_from_node(to_node_b, red, packet)); };
    return {
        {"a tunnel packet from an unknown host is dropped", {tunnelled(stranger).is(dropped(tunnel_unknown_node))}},
        {"a tunnel packet with an unknown identifier is dropped", {tunnelled(unknown_vni).is(dropped(tunnel_unknown_vni))}},
        {"a VXLAN header without the I flag is dropped", {tunnelled(good.patched(42, {0})).is(dropped(tunnel_invalid))}},
        {"a tunnel packet that ends within the VXLAN header is dropped",
         {tunnelled(Packet().ethernet(node_b_mac, router_mac(fabric)).ipv4(node_b_ipv4, node_a_ipv4).udp(50000, 4789).filler(7))
              .is(dropped(tunnel_invalid))}},
        {"a tunnel packet that ends within the inner Ethernet header is dropped",
         {tunnelled(good.cut_to(50 + 13)).is(dropped(frame_truncated))}},
        {"a tunnel packet that ends within the inner packet is dropped",
         {tunnelled(good.cut_to(50 + 14 + 43)).is(dropped(ipv4_header_invalid))}},
        {"an inner source that lives behind another node is dropped",
         {inner(inner_frame().ipv4("10.0.0.30", web4).udp(5000, 53)).is(dropped(tunnel_source_mismatch))}},
        {"an inner source that lives on this node is dropped",
         {inner(inner_frame().ipv4("10.0.0.11", web4).udp(5000, 53)).is(dropped(tunnel_source_mismatch))}},
        {"a flow that a node opened cannot be continued by another node",
         {inner(from_b()).is(to_web(red_web, from_b())),
          tunnelled(coming_from_node(to_node_c, red, from_b())).is(dropped(tunnel_source_mismatch))},
         {from_node(red, "10.0.0.20", "10.0.0.10", to_node_b, red_web).seen(1, 0)}},
        {"a packet from a node does not leave to a node",
         {inner(inner_frame().ipv4("10.0.0.20", "10.0.0.30").udp(5000, 53)).is(dropped(fabric_to_fabric))}},
        {"a wrong inner checksum is dropped", {inner(from_b().ipv4_checksum(1)).is(dropped(ipv4_checksum_invalid))}},
        {"ARP in a tunnel is dropped",
         {inner(inner_frame().arp(1, node_b_mac, "10.0.0.20", MacAddress{}, web4)).is(dropped(ethertype_unsupported))}},
        {"a VXLAN packet from a workload is a datagram like others",
         {arrives(blue_web, frame_from(blue_web).ipv4(web4, node_a_ipv4).udp(50000, 4789).vxlan(100).carrying(from_b()))
              .is(dropped(no_route))}},
    };
}

// RFC 6040, section 4.2, figure 4: what the inner ECN field becomes, by the outer one it arrived with.
std::vector<Case> congestion_cases() {
    constexpr uint8_t not_ect = 0, ect1 = 1, ect0 = 2, ce = 3, dscp = 0x48;
    const auto arriving = [](uint8_t outer, uint8_t inner) {
        const Packet header =
            Packet().ethernet(node_b_mac, router_mac(fabric)).ipv4(node_b_ipv4, node_a_ipv4).traffic_class(outer).dont_fragment();
        return tunnelled(header.udp(50000, 4789).transport_checksum(0).vxlan(100).carrying(from_b().traffic_class(dscp | inner)));
    };
    const auto arriving6 = [](uint8_t outer, uint8_t inner) {
        const Packet header =
            Packet().ethernet(node_b_mac, router_mac(fabric)).ipv4(node_b_ipv4, node_a_ipv4).traffic_class(outer).dont_fragment();
        return tunnelled(header.udp(50000, 4789).transport_checksum(0).vxlan(100).carrying(from_b6().traffic_class(dscp | inner)));
    };
    const auto becomes = [](uint8_t ecn) { return to_web(red_web, from_b().traffic_class(dscp | ecn)); };
    const std::vector<WantedFlow> one = {from_node(red, "10.0.0.20", "10.0.0.10", to_node_b, red_web)};
    const std::vector<WantedFlow> one6 = {from_node(red, "fd00:a::20", "fd00:a::10", to_node_b, red_web)};
    return {
        {"a congestion mark of the tunnel is carried to ECT(0)", {arriving(ce, ect0).is(becomes(ce))}, one},
        {"a congestion mark of the tunnel is carried to ECT(1)", {arriving(ce, ect1).is(becomes(ce))}, one},
        {"a congestion mark of the tunnel is carried into an IPv6 packet",
         {arriving6(ce, ect0).is(to_web(red_web, from_b6().traffic_class(dscp | ce)))},
         one6},
        {"a packet that cannot carry the tunnel's congestion mark is dropped",
         {arriving(ce, not_ect).is(dropped(DropReason::tunnel_congestion))}},
        {"an inner congestion mark survives an unmarked tunnel", {arriving(not_ect, ce).is(becomes(ce))}, one},
        {"ECT(0) in a tunnel with ECT(1) becomes ECT(1)", {arriving(ect1, ect0).is(becomes(ect1))}, one},
        {"ECT(1) in a tunnel with ECT(0) stays", {arriving(ect0, ect1).is(becomes(ect1))}, one},
        {"a packet without ECN stays without in a tunnel with ECT(0)", {arriving(ect0, not_ect).is(becomes(not_ect))}, one},
        {"the tunnel's DSCP is not carried inwards", {arriving(0xb8, ect0).is(becomes(ect0))}, one},
    };
}

std::vector<Case> underlay_cases() {
    const Packet outer = Packet().ethernet(node_b_mac, router_mac(fabric)).ipv4(node_b_ipv4, node_a_ipv4);
    const Packet outer6 = Packet().ethernet(node_c_mac, router_mac(fabric)).ipv6(node_c_ipv6, node_a_ipv6);
    const Packet elsewhere = Packet().ethernet(node_b_mac, router_mac(fabric)).ipv4(node_b_ipv4, "192.0.2.77");
    const auto is_the_nodes = [](const std::string& sentence, const Packet& packet) {
        return Case{sentence, {arrives(fabric, packet).is(left_to_the_node())}};
    };
    return {
        is_the_nodes("ssh to the node is the node's", outer.tcp(40000, 22, packets::tcp::syn)),
        is_the_nodes("ssh to the node over IPv6 is the node's", outer6.tcp(40000, 22, packets::tcp::syn)),
        is_the_nodes("a ping of the node is the node's", outer.echo_request(1).filler(56)),
        is_the_nodes("a datagram to another port of the node is the node's", outer.udp(50000, 4788).filler(60)),
        is_the_nodes("VXLAN to another address than the node's underlay address is the node's",
                     elsewhere.udp(50000, 4789).vxlan(100).carrying(from_b())),
        is_the_nodes("a first fragment of a tunnel packet is the node's to reassemble",
                     outer.fragment(0, true).udp(50000, 4789).vxlan(100).carrying(from_b())),
        is_the_nodes("a damaged packet that is no tunnel's is the node's", outer.version(7).filler(8)),
        is_the_nodes("an LLDP frame on the fabric is the node's",
                     Packet().ethernet(node_b_mac, mac("01:80:c2:00:00:0e")).ethertype(0x88cc).filler(46)),
    };
}

}  // namespace

std::vector<Case> tunnel_cases() {
    std::vector<Case> all = outward_cases();
    for (const auto& some : {inward_cases(), refused_cases(), congestion_cases(), underlay_cases()})
        all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
