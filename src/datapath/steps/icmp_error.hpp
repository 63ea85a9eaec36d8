// ICMP errors that the router itself sends to a workload: the refused packet becomes the error in place. What is quoted: the
// network header and the first bytes of the transport header, enough for every stack to find its socket (RFC 792, RFC 4443).
#pragma once
#include "datapath/steps/rewrite.hpp"
#include "datapath/wire/parse.hpp"

namespace biplane {

constexpr uint8_t error_ttl = 64;

inline void write_error_ethernet(EthernetHeader& ethernet, const Journey& j) {
    ethernet.destination = j.port->peer_mac;
    ethernet.source = j.port->router_mac;
    ethernet.ethertype = j.is_ipv6 ? ethertype_ipv6 : ethertype_ipv4;
}

template <uint32_t Quote, typename Packet>
inline bool write_error_ipv4(Packet& packet, const Journey& j) {
    constexpr uint32_t inserted = sizeof(Ipv4Header) + sizeof(IcmpHeader);
    if (j.network_bytes < Quote) return false;
    if (!packet.trim(sizeof(EthernetHeader) + Quote) || !packet.insert_after_ethernet(inserted, Room::plain)) return false;
    uint8_t* frame = bytes_at<sizeof(EthernetHeader) + inserted + Quote>(packet, 0);
    if (!frame) return false;
    auto* ip = reinterpret_cast<Ipv4Header*>(frame + sizeof(EthernetHeader));
    auto* icmp = reinterpret_cast<IcmpHeader*>(frame + sizeof(EthernetHeader) + sizeof(Ipv4Header));
    write_error_ethernet(*reinterpret_cast<EthernetHeader*>(frame), j);
    *ip = Ipv4Header{0x45,
                     0,
                     be16::from_host(inserted + Quote),
                     be16{0},
                     be16{0},
                     error_ttl,
                     protocol::icmp,
                     be16{0},
                     ipv4_of(j.config->gateway_ipv4),
                     ipv4_of(j.key.source)};
    ip->checksum = checksum_of(sum_of<sizeof(Ipv4Header)>(ip));
    const bool is_too_big = j.reply == Reply::too_big;
    *icmp = IcmpHeader{is_too_big ? icmp_type::unreachable : icmp_type::time_exceeded,
                       is_too_big ? icmp_code_fragmentation_needed : uint8_t{0}, be16{0}, be16{0},
                       be16::from_host(is_too_big && j.next_hop ? j.next_hop->mtu : uint16_t{0})};
    icmp->checksum = checksum_of(sum_of<sizeof(IcmpHeader) + Quote>(icmp));
    return true;
}

template <uint32_t Quote, typename Packet>
inline bool write_error_ipv6(Packet& packet, const Journey& j) {
    constexpr uint32_t inserted = sizeof(Ipv6Header) + sizeof(IcmpHeader);
    constexpr uint32_t message_bytes = sizeof(IcmpHeader) + Quote;
    if (j.network_bytes < Quote) return false;
    if (!packet.trim(sizeof(EthernetHeader) + Quote) || !packet.insert_after_ethernet(inserted, Room::plain)) return false;
    uint8_t* frame = bytes_at<sizeof(EthernetHeader) + inserted + Quote>(packet, 0);
    if (!frame) return false;
    auto* ip = reinterpret_cast<Ipv6Header*>(frame + sizeof(EthernetHeader));
    auto* icmp = reinterpret_cast<IcmpHeader*>(frame + sizeof(EthernetHeader) + sizeof(Ipv6Header));
    write_error_ethernet(*reinterpret_cast<EthernetHeader*>(frame), j);
    const Address& from = j.config->gateway_ipv6;
    const Address& to = j.key.source;
    *ip = Ipv6Header{be32::from_host(0x60000000),    be16::from_host(message_bytes), protocol::icmpv6, error_ttl,
                     {from.words[0], from.words[1]}, {to.words[0], to.words[1]}};
    const bool is_too_big = j.reply == Reply::too_big;
    *icmp = IcmpHeader{is_too_big ? icmpv6_type::packet_too_big : icmpv6_type::time_exceeded, 0, be16{0}, be16{0},
                       be16::from_host(is_too_big && j.next_hop ? j.next_hop->mtu : uint16_t{0})};
    icmp->checksum = checksum_of(sum_of<message_bytes>(icmp) + sum_of<32>(ip->source) + be16::from_host(message_bytes).raw +
                                 be16::from_host(protocol::icmpv6).raw);
    return true;
}

// True if the packet is now an ICMP error that is to go back through its ingress port. IPv4 options and IPv6 extension headers
// but the fragment header are not quoted: such packets get no error.
template <typename Packet>
[[gnu::noinline]] static bool make_icmp_error(Packet* packet_pointer, const Journey* journey) {
    Packet& packet = *packet_pointer;
    const Journey& j = *journey;
    const bool is_tcp = j.key.protocol == protocol::tcp;
    const uint32_t network_header = j.transport_offset - j.network_offset();
    if (j.is_ipv6) {
        const bool has_fragment_header = j.is_fragment && network_header == sizeof(Ipv6Header) + sizeof(Ipv6Fragment);
        if (network_header != sizeof(Ipv6Header) && !has_fragment_header) return false;
        return is_tcp || has_fragment_header ? write_error_ipv6<sizeof(Ipv6Header) + sizeof(TcpHeader)>(packet, j)
                                             : write_error_ipv6<sizeof(Ipv6Header) + sizeof(UdpHeader)>(packet, j);
    }
    if (network_header != sizeof(Ipv4Header)) return false;
    return is_tcp ? write_error_ipv4<sizeof(Ipv4Header) + sizeof(TcpHeader)>(packet, j)
                  : write_error_ipv4<sizeof(Ipv4Header) + sizeof(UdpHeader)>(packet, j);
}

// RFC 1812, section 4.3.2.8; RFC 4443, section 2.4 f: at most so many per port, processor and second.
inline bool may_send_error(PortCounters& counters, uint32_t now) {
    const uint64_t window = now >> 10;
    if (counters.icmp_error_window != window) {
        counters.icmp_error_window = window;
        counters.icmp_errors = 0;
    }
    if (counters.icmp_errors >= icmp_errors_per_window) return false;
    ++counters.icmp_errors;
    return true;
}

}  // namespace biplane
