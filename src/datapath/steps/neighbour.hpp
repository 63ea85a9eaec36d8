// ARP (RFC 826) and neighbour discovery (RFC 4861) of workloads, answered by the router from desired state: for the gateway
// and for every address that has a way. Nothing is learned from workloads.
#pragma once
#include "datapath/steps/admit.hpp"

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

constexpr uint32_t solicitation_bytes = sizeof(NeighbourMessage);
constexpr uint32_t solicitation_with_option_bytes = solicitation_bytes + sizeof(LinkLayerOption);

// The sum of the pseudo-header of RFC 8200, section 8.1, for an ICMPv6 message.
inline uint64_t icmpv6_pseudo_sum(const Ipv6Header& ip, uint32_t message_bytes) {
    return sum_of<32>(ip.source) + be16::from_host(static_cast<uint16_t>(message_bytes)).raw +
           be16::from_host(protocol::icmpv6).raw;
}

// RFC 4861, section 7.1.1: what a valid solicitation is. j.transport_offset is constant here: no extension headers.
template <typename Packet>
inline Fate check_solicitation(Packet& packet, const Journey& j) {
    constexpr uint32_t ip_offset = sizeof(EthernetHeader);
    constexpr uint32_t message_offset = ip_offset + sizeof(Ipv6Header);
    const uint8_t* headers = bytes_at<sizeof(Ipv6Header) + solicitation_bytes>(packet, ip_offset);
    if (!headers || j.transport_offset != message_offset || j.ttl != 255) return drop(DropReason::nd_invalid);
    const auto* ip = reinterpret_cast<const Ipv6Header*>(headers);
    const auto* message = reinterpret_cast<const NeighbourMessage*>(headers + sizeof(Ipv6Header));
    if (message->code != 0) return drop(DropReason::nd_invalid);
    const uint32_t bytes = j.network_bytes - sizeof(Ipv6Header);
    uint64_t sum = icmpv6_pseudo_sum(*ip, bytes) + sum_of<solicitation_bytes>(message);
    if (bytes == solicitation_with_option_bytes) {
        const auto* option = packet.template at<LinkLayerOption>(message_offset + solicitation_bytes);
        if (!option || option->length != 1) return drop(DropReason::nd_invalid);
        sum += sum_of<sizeof(LinkLayerOption)>(option);
        if (option->type == 1 && !(option->mac == j.port->peer_mac)) return drop(DropReason::nd_spoofed);
    } else if (bytes != solicitation_bytes) {
        return drop(DropReason::nd_invalid);
    }
    return fold(sum) == 0xffff ? go_on() : drop(DropReason::nd_invalid);
}

template <typename Packet, typename Tables>
inline Fate decide_neighbour_message(Packet& packet, const Tables& tables, Journey& j) {
    if (j.came_encapsulated) return drop(DropReason::nd_unsolicited);
    const Fate fate = check_solicitation(packet, j);
    if (fate.is_decided()) return fate;
    const auto* message = packet.template at<NeighbourMessage>(sizeof(EthernetHeader) + sizeof(Ipv6Header));
    if (!message) return drop(DropReason::nd_invalid);
    const Address target{{message->target[0], message->target[1]}};
    if (is_group(target)) return drop(DropReason::nd_invalid);
    const bool is_probe = (j.key.source.words[0] | j.key.source.words[1]) == 0;  // RFC 4862, section 5.4
    if (is_probe) return drop(DropReason::nd_unanswered);
    if (!is_link_local(j.key.source) && !lives_here(tables, j, j.key.source)) return drop(DropReason::nd_spoofed);
    if (!answers_for(tables, j, target)) return drop(DropReason::nd_unanswered);
    j.reply = Reply::neighbour_advertisement;
    return decided(Verdict::answer);
}

// Both kinds, out of line (see parse.hpp). Returns a packed Fate.
template <typename Packet, typename Tables>
[[gnu::noinline]] static uint32_t decide_answer(Packet* packet, const Tables* tables, Journey* j) {
    return (j->is_arp ? decide_arp(*packet, *tables, *j) : decide_neighbour_message(*packet, *tables, *j)).packed();
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

// The solicitation becomes the advertisement (RFC 4861, section 7.2.4), its option the target's link-layer address.
template <typename Packet>
inline bool write_advertisement(Packet& packet, const Journey& j) {
    constexpr uint32_t ip_offset = sizeof(EthernetHeader);
    constexpr uint32_t message_offset = ip_offset + sizeof(Ipv6Header);
    uint8_t* frame = bytes_at<message_offset + solicitation_bytes>(packet, 0);
    if (!frame) return false;
    auto* ethernet = reinterpret_cast<EthernetHeader*>(frame);
    auto* ip = reinterpret_cast<Ipv6Header*>(frame + ip_offset);
    auto* message = reinterpret_cast<NeighbourMessage*>(frame + message_offset);
    ethernet->destination = j.port->peer_mac;
    ethernet->source = j.port->router_mac;
    ip->destination[0] = ip->source[0];
    ip->destination[1] = ip->source[1];
    ip->source[0] = message->target[0];
    ip->source[1] = message->target[1];
    message->type = icmpv6_type::neighbour_advertisement;
    message->flags = be32::from_host(0xe0000000);
    message->checksum = be16{0};
    const uint32_t bytes = j.network_bytes - sizeof(Ipv6Header);
    uint64_t sum = icmpv6_pseudo_sum(*ip, bytes) + sum_of<solicitation_bytes>(message);
    if (bytes == solicitation_with_option_bytes) {
        auto* option = packet.template at<LinkLayerOption>(message_offset + solicitation_bytes);
        if (!option) return false;
        option->type = 2;
        option->mac = j.port->router_mac;
        sum += sum_of<sizeof(LinkLayerOption)>(option);
    }
    message->checksum = checksum_of(sum);
    return true;
}

template <typename Packet>
[[gnu::noinline]] static bool write_answer(Packet* packet, const Journey* j) {
    return j->reply == Reply::arp ? write_arp_reply(*packet, *j) : write_advertisement(*packet, *j);
}

}  // namespace biplane
