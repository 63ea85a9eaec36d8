// Is the sender who it claims to be, and which zone is this? On workload and host ports the Ethernet addresses tell; on fabric
// ports the tunnel does: known node, known network. The network addresses are checked when a flow is judged (judge.hpp), and
// every later packet by its source_hop.
#pragma once
#include "datapath/steps/lookup.hpp"
#include "datapath/wire/address_scopes.hpp"
#include "datapath/wire/parse.hpp"

namespace biplane {

template <typename Packet, typename Tables>
inline Fate enter(const Packet&, const Tables& tables, uint32_t ifindex, Journey& j) {
    j.epoch = load(j.config->epoch);
    j.port_number = port_of_interface(tables, j.epoch, ifindex);
    j.port = tables.port(j.epoch, j.port_number);
    if (j.port_number == no_port || !j.port || j.port->ifindex != ifindex) return drop(DropReason::port_unconfigured);
    j.source_hop = j.port->next_hop;
    j.key.zone = j.port->zone;
    return go_on();
}

inline bool is_group(const MacAddress& mac) { return (mac.bytes[0] & 1) != 0; }

inline Fate check_addresses(const Journey& j) {
    if (j.key.destination == j.key.source) return drop(DropReason::source_is_destination);
    if (is_group(j.key.destination)) return drop(DropReason::multicast_unsupported);
    if (is_martian_source(j.key.source) || is_martian_destination(j.key.destination)) return drop(DropReason::martian_address);
    return go_on();
}

template <typename Packet>
inline Fate check_ethernet(Packet& packet, Journey& j) {
    const auto* ethernet = packet.template at<EthernetHeader>(0);
    if (!ethernet) return drop(DropReason::frame_truncated);
    if (packet.has_hidden_vlan_tag()) return drop(DropReason::ethertype_unsupported);
    if (MacPair::at(ethernet->destination) == MacPair::at(j.port->router_mac)) return go_on();
    if (!(ethernet->source == j.port->peer_mac)) return drop(DropReason::source_mac_spoofed);
    j.is_to_group = is_group(ethernet->destination);
    return j.is_to_group ? go_on() : drop(DropReason::destination_mac_foreign);
}

// The outer headers of a frame on a fabric port: how many bytes they are before the VXLAN header, 0: not a tunnel packet to us.
template <typename Packet>
inline uint32_t outer_bytes(Packet& packet, Journey& j, Address& outer_source) {
    const auto* ethernet = packet.template at<EthernetHeader>(0);
    if (!ethernet) return 0;
    const uint32_t network = sizeof(EthernetHeader);
    if (ethernet->ethertype == ethertype_ipv4) {
        const auto* ip = packet.template at<Ipv4Header>(network);
        if (!ip || ip->version_and_length != 0x45 || ip->protocol != protocol::udp) return 0;
        if ((ip->fragment.to_host() & (ipv4_more_fragments | ipv4_fragment_offset)) != 0) return 0;
        if (!(address_from_ipv4(ip->destination) == j.port->underlay_ipv4)) return 0;
        outer_source = address_from_ipv4(ip->source);
        j.tunnel_traffic_class = ip->traffic_class;
        return network + sizeof(Ipv4Header) + sizeof(UdpHeader);
    }
    if (ethernet->ethertype != ethertype_ipv6) return 0;
    const auto* ip = packet.template at<Ipv6Header>(network);
    if (!ip || ip->version_class_label.to_host() >> 28 != 6 || ip->next_header != protocol::udp) return 0;
    if ((j.port->underlay_ipv6.words[0] | j.port->underlay_ipv6.words[1]) == 0) return 0;
    if (!(Address{{ip->destination[0], ip->destination[1]}} == j.port->underlay_ipv6)) return 0;
    outer_source = {{ip->source[0], ip->source[1]}};
    j.tunnel_traffic_class = static_cast<uint8_t>(ip->version_class_label.to_host() >> 20);
    return network + sizeof(Ipv6Header) + sizeof(UdpHeader);
}

// Fabric port: a VXLAN packet to this node (RFC 7348) is looked into; everything else belongs to the node's own stack.
template <typename Packet, typename Tables>
inline Fate open_tunnel(Packet& packet, const Tables& tables, Journey& j) {
    Address outer_source{};
    const uint32_t vxlan_offset = outer_bytes(packet, j, outer_source);
    if (vxlan_offset == 0 || packet.has_hidden_vlan_tag()) return decided(Verdict::deliver);
    const auto* udp = packet.template at<UdpHeader>(vxlan_offset - sizeof(UdpHeader));
    if (!udp || udp->destination_port != vxlan_port) return decided(Verdict::deliver);
    j.source_hop = node_of_address(tables, j.epoch, outer_source);
    if (j.source_hop == no_next_hop) return drop(DropReason::tunnel_unknown_node);
    const auto* vxlan = packet.template at<VxlanHeader>(vxlan_offset);
    if (!vxlan || (vxlan->flags_and_reserved.to_host() >> 24 & vxlan_flag_vni) == 0) return drop(DropReason::tunnel_invalid);
    j.key.zone = zone_of_vni(tables, j.epoch, vxlan->vni_and_reserved.to_host() >> 8);
    if (j.key.zone == no_zone) return drop(DropReason::tunnel_unknown_vni);
    j.frame_offset = static_cast<uint16_t>(vxlan_offset + sizeof(VxlanHeader));
    j.came_encapsulated = true;
    return go_on();
}

// RFC 6040, section 4.2: a congestion mark on the tunnel must not be lost.
inline Fate check_congestion(const Journey& j) {
    const bool is_marked = (j.tunnel_traffic_class & 3) == 3;
    return is_marked && (j.traffic_class & 3) == 0 ? drop(DropReason::tunnel_congestion) : go_on();
}

}  // namespace biplane
