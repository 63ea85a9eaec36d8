// What stands between a network header and the transport header: IPv4 options (RFC 791, section 3.1), IPv6 extension headers (RFC
// 8200, section 4). Walked in one way wherever a packet is read: as it arrives, quoted in an ICMP error, as a tunnel's outer
// header. So what one step accepts, no other one misses.
#pragma once
#include "datapath/atomics.hpp"
#include "datapath/journey.hpp"

namespace biplane {

constexpr uint32_t ipv6_extensions_max = 6;
constexpr uint32_t ipv4_options_max = 40;

// What a network header carries. Before the walk: what stands right behind its fixed part.
struct Carried {
    uint32_t offset;             // in the frame, of the transport header, or of what a later fragment has
    uint32_t fragmented_offset;  // in the frame, of the part that is fragmented; 0: there is no fragment header
    be32 identification;         // of the datagram that a fragment belongs to
    uint16_t fragment_offset;    // bytes
    uint8_t protocol;
    bool has_more_fragments;

    // Offset 0 and no more: an atomic fragment, which is none (RFC 6946).
    bool is_fragment() const { return fragment_offset != 0 || has_more_fragments; }
};

constexpr uint32_t ipv4_header_bytes(const Ipv4Header& ip) { return (ip.version_and_length & 0x0f) * 4u; }
constexpr bool is_sound_ipv4(const Ipv4Header& ip) {
    return ip.version_and_length >> 4 == 4 && ipv4_header_bytes(ip) >= sizeof(Ipv4Header);
}

// The options of the IPv4 header at `network_offset`. RFC 6274, section 3.13: loose (131) and strict (137) source routes.
template <typename Packet>
inline Fate check_ipv4_options(Packet& packet, uint32_t network_offset, uint32_t option_bytes) {
    uint32_t next = 0;
    for (uint32_t i = 0; i < ipv4_options_max; ++i) {
        forget_value(next);
        next &= 0x3f;
        if (next >= option_bytes) return go_on();
        const auto* type = packet.template at<uint8_t>(network_offset + sizeof(Ipv4Header) + next);
        if (!type) return drop(DropReason::frame_truncated);
        if (*type == 0) return go_on();
        if (*type == 131 || *type == 137) return drop(DropReason::ipv4_source_route);
        if (*type == 1) {
            ++next;
            continue;
        }
        const auto* length = packet.template at<uint8_t>(network_offset + sizeof(Ipv4Header) + next + 1);
        if (!length || *length < 2 || next + *length > option_bytes) return drop(DropReason::ipv4_header_invalid);
        next += *length;
    }
    return go_on();
}

// What is walked. Any other header (AH, ESP, mobility, HIP, one that is not known) counts as a protocol without ports: what stands
// behind it is not looked at, and only a rule without ports allows it.
inline bool is_extension(uint8_t next_header) {
    return next_header == protocol::hop_by_hop || next_header == protocol::destination_options || next_header == protocol::fragment;
}

// One extension header: moves `carried` behind it.
template <typename Packet>
inline Fate skip_extension(Packet& packet, Carried& carried) {
    const uint8_t type = carried.protocol;
    const auto* extension = packet.template at<Ipv6Fragment>(carried.offset);
    if (!extension) return drop(DropReason::ipv6_extension_invalid);
    carried.protocol = extension->next_header;
    if (type != protocol::fragment) {
        carried.offset += (extension->reserved + 1u) * 8u;  // here: the length in units of eight bytes, without the first
        return go_on();
    }
    if (carried.is_fragment()) return drop(DropReason::ipv6_extension_invalid);
    const uint16_t where = extension->offset_and_more.to_host();
    carried.offset += sizeof(Ipv6Fragment);
    carried.fragment_offset = static_cast<uint16_t>(where & ~7u);
    carried.fragmented_offset = carried.offset;
    carried.has_more_fragments = (where & 1) != 0;
    carried.identification = extension->identification;
    return go_on();
}

// Up to the transport header, or to what a later fragment has. `end`: of the packet, in the frame.
template <typename Packet>
inline Fate walk_extensions(Packet& packet, Carried& carried, uint32_t end) {
    for (uint32_t i = 0; i < ipv6_extensions_max; ++i) {
        if (!is_extension(carried.protocol) || carried.fragment_offset != 0) break;
        if (carried.protocol == protocol::hop_by_hop && i > 0) return drop(DropReason::ipv6_extension_invalid);
        if (carried.offset + sizeof(Ipv6Fragment) > end) return drop(DropReason::ipv6_extension_invalid);
        const Fate fate = skip_extension(packet, carried);
        if (fate.is_decided()) return fate;
        if (carried.offset > end || carried.offset > headers_bytes_max) return drop(DropReason::ipv6_extension_invalid);
        forget_value(carried.offset);
    }
    if (carried.fragment_offset != 0) return go_on();
    if (carried.protocol == protocol::routing) return drop(DropReason::ipv6_routing_header);
    return is_extension(carried.protocol) ? drop(DropReason::ipv6_extension_invalid) : go_on();
}

}  // namespace biplane
