// What the router answers itself: ARP (RFC 826) and neighbour discovery (RFC 4861) of workloads, from desired state, for the gateway
// and for every address that has a way; and pings of the gateway. Nothing is learned from workloads.
#pragma once
#include "datapath/steps/admit.hpp"
#include "datapath/steps/rewrite.hpp"

namespace biplane {

// Whether the router is the way to `target` for whoever is behind this port.
template <typename Tables>
[[gnu::always_inline]] inline bool answers_for(const Tables& tables, const Journey& j, const Address& target) {
    if (target == j.config->gateway_ipv4 || target == j.config->gateway_ipv6) return true;
    if (is_group(target) || is_martian_destination(target)) return false;
    const RouteMatch match = RouteMatch::unpack(tables.route_to(j.epoch, j.key.zone, target));
    if (match.next_hop == no_next_hop || match.next_hop == j.port->next_hop) return false;
    const auto* hop = tables.next_hop(j.epoch, match.next_hop);
    return hop && hop->kind != NextHopKind::discard && hop->kind != NextHopKind::none;
}

template <typename Tables>
inline bool lives_here(const Tables& tables, const Journey& j, const Address& address) {
    return RouteMatch::unpack(tables.route_to(j.epoch, j.key.zone, address)).next_hop == j.port->next_hop;
}

template <typename Packet, typename Tables>
inline Fate decide_arp(Packet& packet, const Tables& tables, Journey& j) {
    if (j.came_encapsulated) return drop(DropReason::ethertype_unsupported);
    const auto* arp = packet.template at<ArpPacket>(sizeof(EthernetHeader));
    if (!arp) return drop(DropReason::arp_invalid);
    if (arp->hardware_type != be16::from_host(1) || arp->protocol_type != ethertype_ipv4 || arp->hardware_length != 6 ||
        arp->protocol_length != 4)
        return drop(DropReason::arp_invalid);
    const bool is_request = arp->operation == be16::from_host(1);
    const bool is_probe = arp->sender_address.raw == 0;  // RFC 5227, section 1.1
    const Address sender = address_from_ipv4(arp->sender_address);
    const Address target = address_from_ipv4(arp->target_address);
    if (!(arp->sender_mac == j.port->peer_mac)) return drop(DropReason::arp_spoofed);
    if (!is_probe && !lives_here(tables, j, sender)) return drop(DropReason::arp_spoofed);
    if (!is_request || !answers_for(tables, j, target)) return drop(DropReason::arp_unanswered);
    j.reply = Reply::arp;
    return decided(Verdict::answer);
}

// A probe, without a source, asks whether an address is taken before it is used (RFC 4862, section 5.4). It is answered as any
// other question: the router is the way to whoever has it.
template <typename Packet, typename Tables>
inline Fate decide_neighbour_message(Packet& packet, const Tables& tables, Journey& j) {
    if (j.came_encapsulated) return drop(DropReason::nd_unsolicited);
    if (j.told_address != 0 && j.told_address != told_address(j.port->peer_mac)) return drop(DropReason::nd_spoofed);
    const auto* message = packet.template at<NeighbourMessage>(j.transport_offset);
    if (!message) return drop(DropReason::nd_invalid);
    const Address target{{message->target[0], message->target[1]}};
    const bool may_ask = is_unspecified(j.key.source) || is_link_local(j.key.source) || lives_here(tables, j, j.key.source);
    if (!may_ask) return drop(DropReason::nd_spoofed);
    if (!answers_for(tables, j, target)) return drop(DropReason::nd_unanswered);
    j.reply = Reply::neighbour_advertisement;
    return decided(Verdict::answer);
}

// RFC 1812, section 4.3.3.6; RFC 4443, section 4.2: who asks the gateway whether it is there is told so. Not limited: an answer is no
// larger than the question, and goes back to where it came from.
template <typename Tables>
inline Fate decide_echo(const Tables& tables, Journey& j) {
    const bool is_gateway = j.key.destination == j.config->gateway_ipv4 || j.key.destination == j.config->gateway_ipv6;
    if (!is_gateway || j.came_encapsulated) return drop(DropReason::martian_address);
    if (j.is_to_group) return drop(DropReason::multicast_unsupported);
    if (j.key.source == j.key.destination) return drop(DropReason::source_is_destination);
    const bool is_neighbour = j.is_ipv6 && is_link_local(j.key.source);
    if (!is_neighbour && !lives_here(tables, j, j.key.source)) return drop(DropReason::source_address_spoofed);
    j.reply = Reply::echo;
    return decided(Verdict::answer);
}

// All kinds, out of line (see parse.hpp). Returns a packed Fate.
template <typename Packet, typename Tables>
[[gnu::noinline]] static uint32_t decide_answer(Packet* packet, const Tables* tables, Journey* j) {
    if (j->is_arp) return decide_arp(*packet, *tables, *j).packed();
    return (j->is_icmp_query ? decide_echo(*tables, *j) : decide_neighbour_message(*packet, *tables, *j)).packed();
}

template <typename Packet>
inline bool write_arp_reply(Packet& packet, const Journey& j) {
    uint8_t* frame = bytes_at<sizeof(EthernetHeader) + sizeof(ArpPacket)>(packet, 0);
    if (!frame) return false;
    auto* ethernet = reinterpret_cast<EthernetHeader*>(frame);
    auto* arp = reinterpret_cast<ArpPacket*>(frame + sizeof(EthernetHeader));
    const be32 asked = arp->target_address;
    ethernet->destination = j.port->peer_mac;
    ethernet->source = j.port->router_mac;
    arp->operation = be16::from_host(2);
    arp->target_mac = j.port->peer_mac;
    arp->target_address = arp->sender_address;
    arp->sender_mac = j.port->router_mac;
    arp->sender_address = asked;
    return true;
}

constexpr MacAddress all_nodes_mac{{0x33, 0x33, 0, 0, 0, 1}};  // RFC 2464, section 7
constexpr uint8_t echo_ttl = 64;
constexpr uint32_t advertisement_bytes = sizeof(NeighbourMessage) + sizeof(LinkLayerOption);
constexpr uint32_t advertisement_frame_bytes = sizeof(EthernetHeader) + sizeof(Ipv6Header) + advertisement_bytes;

// The shortest solicitation lacks an option that the advertisement has.
template <typename Packet>
inline bool make_room_for_advertisement(Packet& packet) {
    if (packet.length() >= advertisement_frame_bytes) return packet.trim(advertisement_frame_bytes);
    return packet.trim(advertisement_frame_bytes - sizeof(LinkLayerOption)) &&
           packet.insert_after_ethernet(sizeof(LinkLayerOption), Room::plain);
}

// RFC 4861, section 7.2.4. A probe is answered to all nodes: who asked has no address yet.
template <typename Packet>
inline bool write_advertisement(Packet& packet, const Journey& j) {
    constexpr uint32_t router = 0x80000000, solicited = 0x40000000, override = 0x20000000;
    const auto* asked = packet.template at<NeighbourMessage>(j.transport_offset);
    if (!asked) return false;
    const Address target{{asked->target[0], asked->target[1]}};
    const bool is_probe = is_unspecified(j.key.source);
    const Address& to = is_probe ? all_nodes_group : j.key.source;
    if (!make_room_for_advertisement(packet)) return false;
    uint8_t* frame = bytes_at<advertisement_frame_bytes>(packet, 0);
    if (!frame) return false;
    auto* ethernet = reinterpret_cast<EthernetHeader*>(frame);
    auto* ip = reinterpret_cast<Ipv6Header*>(frame + sizeof(EthernetHeader));
    auto* message = reinterpret_cast<NeighbourMessage*>(frame + sizeof(EthernetHeader) + sizeof(Ipv6Header));
    auto* option = reinterpret_cast<LinkLayerOption*>(message + 1);
    ethernet->destination = is_probe ? all_nodes_mac : j.port->peer_mac;
    ethernet->source = j.port->router_mac;
    ethernet->ethertype = ethertype_ipv6;
    *ip = Ipv6Header{be32::from_host(0x60000000),
                     be16::from_host(advertisement_bytes),
                     protocol::icmpv6,
                     255,
                     {target.words[0], target.words[1]},
                     {to.words[0], to.words[1]}};
    *message = NeighbourMessage{icmpv6_type::neighbour_advertisement,
                                0,
                                be16{0},
                                be32::from_host(router | override | (is_probe ? 0 : solicited)),
                                {target.words[0], target.words[1]}};
    *option = LinkLayerOption{nd_option_target_address, 1, j.port->router_mac};
    message->checksum = checksum_of(sum_of<advertisement_bytes>(message) + icmpv6_pseudo_sum(target, to, advertisement_bytes));
    return true;
}

// The question becomes its answer, options and extension headers included. The checksums follow from what they were.
template <typename Packet>
inline bool write_echo_reply(Packet& packet, const Journey& j) {
    auto* ethernet = packet.template at<EthernetHeader>(0);
    if (!ethernet) return false;
    ethernet->destination = j.port->peer_mac;
    ethernet->source = j.port->router_mac;
    auto* icmp = packet.template at<IcmpHeader>(j.transport_offset);
    if (!icmp) return false;
    const uint8_t type = j.is_ipv6 ? icmpv6_type::echo_reply : icmp_type::echo_reply;
    icmp->checksum = checksum_after(icmp->checksum, uint32_t{icmp->type} << 8, uint32_t{type} << 8);
    icmp->type = type;
    if (j.is_ipv6) {
        auto* ip = packet.template at<Ipv6Header>(sizeof(EthernetHeader));
        if (!ip) return false;
        for (uint32_t i = 0; i < 2; ++i) {
            ip->source[i] = j.key.destination.words[i];
            ip->destination[i] = j.key.source.words[i];
        }
        ip->hop_limit = echo_ttl;
        return true;
    }
    auto* ip = packet.template at<Ipv4Header>(sizeof(EthernetHeader));
    if (!ip) return false;
    ip->source = ipv4_of(j.key.destination);
    ip->destination = ipv4_of(j.key.source);
    set_ttl(*ip, echo_ttl);
    return true;
}

template <typename Packet>
[[gnu::noinline]] static bool write_answer(Packet* packet, const Journey* j) {
    if (j->reply == Reply::arp) return write_arp_reply(*packet, *j);
    return j->reply == Reply::echo ? write_echo_reply(*packet, *j) : write_advertisement(*packet, *j);
}

}  // namespace biplane
