// ICMP errors that the router itself sends to a workload: the refused packet becomes the error in place. It quotes as much of the
// packet as fits what every host must take: 576 bytes in IPv4 (RFC 1812, section 4.3.2.3), 1280 in IPv6 (RFC 4443, section 2.4 c).
#pragma once
#include "datapath/steps/rewrite.hpp"
#include "datapath/wire/parse.hpp"

namespace biplane {

constexpr uint8_t error_ttl = 64;
constexpr uint32_t error_ipv4_bytes_max = 576;
constexpr uint32_t error_ipv6_bytes_max = 1280;
constexpr uint32_t error_headers_ipv4 = sizeof(Ipv4Header) + sizeof(IcmpHeader);
constexpr uint32_t error_headers_ipv6 = sizeof(Ipv6Header) + sizeof(IcmpHeader);
static_assert(error_ipv6_bytes_max - error_headers_ipv6 <= summed_bytes_max);

constexpr uint32_t quoted_bytes(const Journey& j) {
    const uint32_t most = j.is_ipv6 ? error_ipv6_bytes_max - error_headers_ipv6 : error_ipv4_bytes_max - error_headers_ipv4;
    return j.network_bytes < most ? j.network_bytes : most;
}

inline void write_error_ethernet(EthernetHeader& ethernet, const Journey& j) {
    ethernet.destination = j.port->peer_mac;
    ethernet.source = j.port->router_mac;
    ethernet.ethertype = j.is_ipv6 ? ethertype_ipv6 : ethertype_ipv4;
}

// Checksum zero: it is written when the quote has been summed.
inline IcmpHeader error_header(const Journey& j) {
    const bool is_too_big = j.reply == Reply::too_big;
    const be16 mtu = be16::from_host(is_too_big && j.next_hop ? j.next_hop->mtu : uint16_t{0});
    if (j.is_ipv6) return {is_too_big ? icmpv6_type::packet_too_big : icmpv6_type::time_exceeded, 0, be16{0}, be16{0}, mtu};
    return {is_too_big ? icmp_type::unreachable : icmp_type::time_exceeded,
            is_too_big ? icmp_code_fragmentation_needed : uint8_t{0}, be16{0}, be16{0}, mtu};
}

template <typename Packet>
inline bool write_error_ipv4(Packet& packet, const Journey& j, uint32_t quote, uint32_t quote_sum) {
    uint8_t* frame = bytes_at<sizeof(EthernetHeader) + error_headers_ipv4>(packet, 0);
    if (!frame) return false;
    auto* ip = reinterpret_cast<Ipv4Header*>(frame + sizeof(EthernetHeader));
    auto* icmp = reinterpret_cast<IcmpHeader*>(frame + sizeof(EthernetHeader) + sizeof(Ipv4Header));
    write_error_ethernet(*reinterpret_cast<EthernetHeader*>(frame), j);
    *ip = Ipv4Header{0x45,
                     0,
                     be16::from_host(static_cast<uint16_t>(error_headers_ipv4 + quote)),
                     be16{0},
                     be16{0},
                     error_ttl,
                     protocol::icmp,
                     be16{0},
                     ipv4_of(j.config->gateway_ipv4),
                     ipv4_of(j.key.source)};
    ip->checksum = checksum_of(sum_of<sizeof(Ipv4Header)>(ip));
    *icmp = error_header(j);
    icmp->checksum = checksum_of(sum_of<sizeof(IcmpHeader)>(icmp) + quote_sum);
    return true;
}

template <typename Packet>
inline bool write_error_ipv6(Packet& packet, const Journey& j, uint32_t quote, uint32_t quote_sum) {
    uint8_t* frame = bytes_at<sizeof(EthernetHeader) + error_headers_ipv6>(packet, 0);
    if (!frame) return false;
    auto* ip = reinterpret_cast<Ipv6Header*>(frame + sizeof(EthernetHeader));
    auto* icmp = reinterpret_cast<IcmpHeader*>(frame + sizeof(EthernetHeader) + sizeof(Ipv6Header));
    write_error_ethernet(*reinterpret_cast<EthernetHeader*>(frame), j);
    const Address& from = j.config->gateway_ipv6;
    const Address& to = j.key.source;
    const auto message_bytes = static_cast<uint16_t>(sizeof(IcmpHeader) + quote);
    *ip = Ipv6Header{be32::from_host(0x60000000),    be16::from_host(message_bytes), protocol::icmpv6, error_ttl,
                     {from.words[0], from.words[1]}, {to.words[0], to.words[1]}};
    *icmp = error_header(j);
    icmp->checksum = checksum_of(sum_of<sizeof(IcmpHeader)>(icmp) + quote_sum + sum_of<32>(ip->source) +
                                 be16::from_host(message_bytes).raw + be16::from_host(protocol::icmpv6).raw);
    return true;
}

// True if the packet is now an ICMP error that is to go back through its ingress port.
template <typename Packet>
[[gnu::noinline]] static bool make_icmp_error(Packet* packet_pointer, const Journey* journey) {
    Packet& packet = *packet_pointer;
    const Journey& j = *journey;
    const uint32_t quote = quoted_bytes(j);
    const uint32_t inserted = j.is_ipv6 ? error_headers_ipv6 : error_headers_ipv4;
    if (!packet.trim(sizeof(EthernetHeader) + quote) || !packet.insert_after_ethernet(inserted, Room::plain)) return false;
    const uint32_t quote_offset = sizeof(EthernetHeader) + inserted;
    if (!packet.gather(quote_offset + quote)) return false;
    const uint32_t quote_sum = packet.sum_bytes(quote_offset, quote);
    if (quote_sum == no_sum) return false;
    return j.is_ipv6 ? write_error_ipv6(packet, j, quote, quote_sum) : write_error_ipv4(packet, j, quote, quote_sum);
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
