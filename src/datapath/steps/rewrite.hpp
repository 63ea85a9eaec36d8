// The bytes that change when a packet leaves: Ethernet addresses, TTL, tunnel headers (VXLAN, RFC 7348). Room for the tunnel headers
// is made first, before anything is recorded: a kernel may refuse it.
#pragma once
#include "datapath/wire/parse.hpp"

namespace biplane {

enum class Room : uint8_t { tunnel_ipv4, tunnel_ipv6, plain };  // what bytes are inserted for: the kernel keeps GSO right by it

// Ethernet addresses of the inner frame: this router's two ends. Locally administered, the same on every node.
constexpr MacAddress tunnel_inner_destination{{0x02, 0x62, 0x70, 0x00, 0x00, 0x01}};
constexpr MacAddress tunnel_inner_source{{0x02, 0x62, 0x70, 0x00, 0x00, 0x02}};
constexpr uint8_t tunnel_ttl = 64;

inline void write_ethernet(EthernetHeader& ethernet, const NextHop& hop, bool is_ipv6) {
    MacPair::at(ethernet.destination) = MacPair::at(hop.destination_mac);
    ethernet.ethertype = is_ipv6 ? ethertype_ipv6 : ethertype_ipv4;
}

// UDP, VXLAN and the inner Ethernet header, from `offset` on.
template <typename Packet>
inline bool write_tunnel_payload(Packet& packet, const Journey& j, uint32_t offset) {
    uint8_t* headers = bytes_at<sizeof(UdpHeader) + sizeof(VxlanHeader) + sizeof(EthernetHeader)>(packet, offset);
    if (!headers) return false;
    auto* udp = reinterpret_cast<UdpHeader*>(headers);
    auto* vxlan = reinterpret_cast<VxlanHeader*>(headers + sizeof(UdpHeader));
    auto* inner = reinterpret_cast<EthernetHeader*>(headers + sizeof(UdpHeader) + sizeof(VxlanHeader));
    const uint32_t udp_bytes = sizeof(UdpHeader) + sizeof(VxlanHeader) + sizeof(EthernetHeader) + j.network_bytes;
    udp->source_port = j.tunnel_source_port;
    udp->destination_port = vxlan_port;
    udp->length = be16::from_host(static_cast<uint16_t>(udp_bytes));
    udp->checksum = be16{0};  // RFC 7348, section 5; over IPv6 by RFC 6935
    *vxlan = VxlanHeader{be32::from_host(uint32_t{vxlan_flag_vni} << 24), be32::from_host(j.zone->vni << 8)};
    inner->destination = tunnel_inner_destination;
    inner->source = tunnel_inner_source;
    inner->ethertype = j.is_ipv6 ? ethertype_ipv6 : ethertype_ipv4;
    return true;
}

// Padding of a short Ethernet frame is not carried (RFC 894). Where it cannot be cut off it trails the outer packet, which is as good.
template <typename Packet>
inline void trim_padding(Packet& packet, const Journey& j, uint32_t tunnel_bytes) {
    const uint32_t frame_bytes = sizeof(EthernetHeader) + tunnel_bytes + j.network_bytes;
    if (packet.length() > frame_bytes) (void)packet.trim(frame_bytes);
}

template <typename Packet>
inline bool make_room(Packet& packet, const Journey& j) {
    if constexpr (Packet::trims_before_room) trim_padding(packet, j, 0);
    return is_ipv4(j.next_hop->tunnel_destination) ? packet.insert_after_ethernet(tunnel_ipv4_bytes, Room::tunnel_ipv4)
                                                   : packet.insert_after_ethernet(tunnel_ipv6_bytes, Room::tunnel_ipv6);
}

template <typename Packet>
inline void give_room_back(Packet& packet, const Journey& j) {
    const bool tunnel_is_ipv4 = is_ipv4(j.next_hop->tunnel_destination);
    (void)packet.remove_after_ethernet(tunnel_is_ipv4 ? tunnel_ipv4_bytes : tunnel_ipv6_bytes, Room::plain, j.is_ipv6);
}

template <typename Packet>
inline bool encapsulate_ipv4(Packet& packet, const Journey& j) {
    uint8_t* frame = bytes_at<sizeof(EthernetHeader) + sizeof(Ipv4Header)>(packet, 0);
    if (!frame) return false;
    auto* ip = reinterpret_cast<Ipv4Header*>(frame + sizeof(EthernetHeader));
    write_ethernet(*reinterpret_cast<EthernetHeader*>(frame), *j.next_hop, false);
    ip->version_and_length = 0x45;
    ip->traffic_class = j.traffic_class;  // RFC 2983 uniform, RFC 6040 normal mode
    ip->total_length = be16::from_host(static_cast<uint16_t>(tunnel_ipv4_bytes + j.network_bytes));
    ip->identification = be16{0};  // never a fragment (RFC 6864, section 4.1)
    ip->fragment = be16::from_host(ipv4_do_not_fragment);
    ip->ttl = tunnel_ttl;
    ip->protocol = protocol::udp;
    ip->source = ipv4_of(j.next_hop->tunnel_source);
    ip->destination = ipv4_of(j.next_hop->tunnel_destination);
    ip->checksum = be16{0};
    ip->checksum = checksum_of(sum_of<sizeof(Ipv4Header)>(ip));
    return write_tunnel_payload(packet, j, sizeof(EthernetHeader) + sizeof(Ipv4Header));
}

template <typename Packet>
inline bool encapsulate_ipv6(Packet& packet, const Journey& j) {
    uint8_t* frame = bytes_at<sizeof(EthernetHeader) + sizeof(Ipv6Header)>(packet, 0);
    if (!frame) return false;
    auto* ip = reinterpret_cast<Ipv6Header*>(frame + sizeof(EthernetHeader));
    write_ethernet(*reinterpret_cast<EthernetHeader*>(frame), *j.next_hop, true);
    ip->version_class_label = be32::from_host(0x60000000u | uint32_t{j.traffic_class} << 20);
    ip->payload_length = be16::from_host(static_cast<uint16_t>(tunnel_ipv6_bytes - sizeof(Ipv6Header) + j.network_bytes));
    ip->next_header = protocol::udp;
    ip->hop_limit = tunnel_ttl;
    ip->source[0] = j.next_hop->tunnel_source.words[0];
    ip->source[1] = j.next_hop->tunnel_source.words[1];
    ip->destination[0] = j.next_hop->tunnel_destination.words[0];
    ip->destination[1] = j.next_hop->tunnel_destination.words[1];
    return write_tunnel_payload(packet, j, sizeof(EthernetHeader) + sizeof(Ipv6Header));
}

template <typename Packet>
inline bool spend_packet_ttl(Packet& packet, const Journey& j, uint32_t network_offset) {
    if (j.is_ipv6) {
        auto* ip = packet.template at<Ipv6Header>(network_offset);
        if (ip) ip->hop_limit = static_cast<uint8_t>(ip->hop_limit - 1);
        return ip != nullptr;
    }
    auto* ip = packet.template at<Ipv4Header>(network_offset);
    if (ip) spend_ttl(*ip);
    return ip != nullptr;
}

// The inner congestion field at the tunnel's end (RFC 6040, section 4.2, figure 4).
inline uint8_t congestion_after_tunnel(uint8_t inner, uint8_t outer) {
    const uint8_t inner_mark = inner & 3;
    const uint8_t outer_mark = outer & 3;
    if (inner_mark != 0 && outer_mark == 3) return static_cast<uint8_t>(inner | 3);
    if (inner_mark == 2 && outer_mark == 1) return static_cast<uint8_t>((inner & ~3) | 1);
    return inner;
}

template <typename Packet>
inline bool carry_congestion(Packet& packet, const Journey& j) {
    const uint8_t after = congestion_after_tunnel(j.traffic_class, j.tunnel_traffic_class);
    if (after == j.traffic_class) return true;
    constexpr uint32_t network = sizeof(EthernetHeader);  // the tunnel is gone
    if (j.is_ipv6) {
        auto* ip = packet.template at<Ipv6Header>(network);
        if (!ip) return false;
        const uint32_t word = ip->version_class_label.to_host();
        ip->version_class_label = be32::from_host((word & 0xf00fffff) | uint32_t{after} << 20);
        return true;
    }
    auto* ip = packet.template at<Ipv4Header>(network);
    if (ip) set_traffic_class(*ip, after);
    return ip != nullptr;
}

template <typename Packet>
inline bool decapsulate(Packet& packet, const Journey& j) {
    const bool tunnel_is_ipv6 = j.frame_offset == tunnel_ipv6_bytes;
    const bool removed = tunnel_is_ipv6 ? packet.remove_after_ethernet(tunnel_ipv6_bytes, Room::tunnel_ipv6, j.is_ipv6)
                                        : packet.remove_after_ethernet(tunnel_ipv4_bytes, Room::tunnel_ipv4, j.is_ipv6);
    return removed && carry_congestion(packet, j);
}

template <typename Packet>
inline bool rewrite_delivered(Packet& packet, const Journey& j) {
    if (j.came_encapsulated ? !decapsulate(packet, j) : !spend_packet_ttl(packet, j, sizeof(EthernetHeader))) return false;
    auto* ethernet = packet.template at<EthernetHeader>(0);
    if (!ethernet) return false;
    write_ethernet(*ethernet, *j.next_hop, j.is_ipv6);
    return true;
}

// After make_room().
template <typename Packet>
inline bool rewrite_forwarded(Packet& packet, const Journey& j) {
    const bool tunnel_is_ipv4 = is_ipv4(j.next_hop->tunnel_destination);
    const bool done = tunnel_is_ipv4
                          ? spend_packet_ttl(packet, j, sizeof(EthernetHeader) + tunnel_ipv4_bytes) && encapsulate_ipv4(packet, j)
                          : spend_packet_ttl(packet, j, sizeof(EthernetHeader) + tunnel_ipv6_bytes) && encapsulate_ipv6(packet, j);
    if constexpr (!Packet::trims_before_room) trim_padding(packet, j, tunnel_is_ipv4 ? tunnel_ipv4_bytes : tunnel_ipv6_bytes);
    return done;
}

}  // namespace biplane
