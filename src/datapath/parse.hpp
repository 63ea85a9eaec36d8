// What is this packet? One pass over the headers: bounds and validity are checked here and nowhere later. Fills Headers; changes
// nothing.
//
// Packet is what a context offers (SkbPacket, XdpPacket, UserPacket):
//     template <typename T> T* at(uint32_t offset)   the T at that offset, nullptr if the frame ends before; valid until a resize
//     uint32_t parse_headers(Headers&)                calls parse(); a packed Fate
//     uint32_t length()                               of the frame, bytes
//     uint32_t segment_payload()                      GSO: transport payload bytes of one segment; else 0
//     uint32_t wire_frames()                          how many frames this is on the wire
//     bool has_hidden_vlan_tag()                      a tag that does not stand in the frame, but belongs to it
//     bool insert_after_ethernet(bytes, room)         resize; Room (rewrite.hpp) says what for. What the Ethernet header holds
//                                                     afterwards is undefined, here and in the next one: the caller writes it
//     bool remove_after_ethernet(bytes, room, inner_is_ipv6)
//     bool trim(bytes)                                cut the frame's end to this length
//     bool is_traced(nonce)
//     static constexpr Plane plane
//
// Functions marked noinline are rare steps kept out of line, because a kernel program has 512 bytes of stack. They are static,
// because libbpf takes subprograms from the section .text only, and take pointers, because BTF has no references.
#pragma once
#include "datapath/atomics.hpp"
#include "datapath/checksum.hpp"
#include "datapath/fragments.hpp"

namespace biplane {

constexpr uint32_t ipv6_extensions_max = 6;
constexpr uint32_t ipv4_options_max = 40;
constexpr uint32_t headers_bytes_max = 512;  // from the frame's start: a transport header beyond it is refused (RFC 7112)

// Several headers under one check of the bounds: the verifier does not see that the check of a longer piece covers a shorter one.
template <uint32_t Bytes, typename Packet>
inline uint8_t* bytes_at(Packet& packet, uint32_t offset) {
    auto* bytes = packet.template at<uint8_t[Bytes]>(offset);
    return bytes ? *bytes : nullptr;
}

inline bool is_legal_tcp(uint8_t flags) {
    using namespace tcp_flag;
    const uint8_t meaning = flags & (fin | syn | rst | ack);
    return meaning == syn || meaning == (syn | ack) || meaning == rst || meaning == (rst | ack) || meaning == (fin | ack) ||
           meaning == ack;
}

template <typename Packet>
inline Fate parse_tcp(Packet& packet, Headers& h, uint32_t transport_bytes) {
    const auto* tcp = packet.template at<TcpHeader>(h.transport_offset);
    if (!tcp || transport_bytes < sizeof(TcpHeader)) return drop(DropReason::transport_truncated);
    const uint32_t header_bytes = (tcp->data_offset >> 4) * 4u;
    if (header_bytes < sizeof(TcpHeader) || header_bytes > transport_bytes)
        return drop(h.is_fragment ? DropReason::fragment_tiny : DropReason::tcp_header_invalid);
    if (!is_legal_tcp(tcp->flags)) return drop(DropReason::tcp_flags_illegal);
    h.tcp_flags = tcp->flags;
    h.key.source_port = tcp->source_port;
    h.key.destination_port = tcp->destination_port;
    if (packet.segment_payload()) {
        const uint32_t headers = h.transport_offset - h.network_offset() + header_bytes;
        h.segment_bytes = static_cast<uint16_t>(headers + packet.segment_payload());
    }
    return go_on();
}

template <typename Packet>
inline Fate parse_udp(Packet& packet, Headers& h, uint32_t transport_bytes) {
    const auto* udp = packet.template at<UdpHeader>(h.transport_offset);
    if (!udp || transport_bytes < sizeof(UdpHeader)) return drop(DropReason::transport_truncated);
    const uint32_t length = udp->length.to_host();
    // The length is that of the whole datagram.
    if (length < sizeof(UdpHeader) || (length > transport_bytes && !h.is_fragment)) return drop(DropReason::udp_length_invalid);
    h.key.source_port = udp->source_port;
    h.key.destination_port = udp->destination_port;
    if (packet.segment_payload()) {
        const uint32_t headers = h.transport_offset - h.network_offset() + sizeof(UdpHeader);
        h.segment_bytes = static_cast<uint16_t>(headers + packet.segment_payload());
    }
    return go_on();
}

// SCTP has its ports where UDP has them (RFC 9260, section 3.1).
template <typename Packet>
inline Fate parse_sctp(Packet& packet, Headers& h, uint32_t transport_bytes) {
    constexpr uint32_t common_header_bytes = 12;
    const auto* ports = packet.template at<be16[2]>(h.transport_offset);
    if (!ports || transport_bytes < common_header_bytes) return drop(DropReason::transport_truncated);
    h.key.source_port = (*ports)[0];
    h.key.destination_port = (*ports)[1];
    return go_on();
}

// The packet that an ICMP error embeds tells which flow it is about. The error travels against that packet, so its key is the
// embedded one turned round (RFC 5927 asks for more checks of TCP; the flow must be known in any case).
template <typename Packet>
inline Fate read_embedded(Packet& packet, Headers& h) {
    const uint32_t embedded = h.transport_offset + sizeof(IcmpHeader);
    const Address error_destination = h.key.destination;
    h.error_source = h.key.source;
    uint32_t embedded_transport = 0;
    if (h.is_ipv6) {
        const auto* ip = packet.template at<Ipv6Header>(embedded);
        if (!ip) return drop(DropReason::icmp_unrelated);
        h.key.source = {{ip->destination[0], ip->destination[1]}};
        h.key.destination = {{ip->source[0], ip->source[1]}};
        h.key.protocol = ip->next_header;
        embedded_transport = embedded + sizeof(Ipv6Header);
        if (h.key.protocol == protocol::fragment) {  // of the first fragment: as in IPv4
            const auto* fragment = packet.template at<Ipv6Fragment>(embedded_transport);
            if (!fragment || (fragment->offset_and_more.to_host() & ~7u) != 0) return drop(DropReason::icmp_unrelated);
            h.key.protocol = fragment->next_header;
            embedded_transport += sizeof(Ipv6Fragment);
        }
    } else {
        const auto* ip = packet.template at<Ipv4Header>(embedded);
        if (!ip) return drop(DropReason::icmp_unrelated);
        if ((ip->fragment.to_host() & ipv4_fragment_offset) != 0) return drop(DropReason::icmp_unrelated);
        h.key.source = address_from_ipv4(ip->destination);
        h.key.destination = address_from_ipv4(ip->source);
        h.key.protocol = ip->protocol;
        embedded_transport = embedded + (ip->version_and_length & 0x0f) * 4u;
    }
    if (!(h.key.destination == error_destination)) return drop(DropReason::icmp_unrelated);
    h.key.source_port = h.key.destination_port = be16{0};
    if (h.key.protocol == protocol::tcp || h.key.protocol == protocol::udp || h.key.protocol == protocol::sctp) {
        const auto* ports = packet.template at<be16[2]>(embedded_transport);
        if (!ports) return drop(DropReason::icmp_unrelated);
        h.key.source_port = (*ports)[1];
        h.key.destination_port = (*ports)[0];
    } else if (h.key.protocol == protocol::icmp || h.key.protocol == protocol::icmpv6) {
        const auto* icmp = packet.template at<IcmpHeader>(embedded_transport);
        if (!icmp) return drop(DropReason::icmp_unrelated);
        const bool is_request = icmp->type == (h.is_ipv6 ? icmpv6_type::echo_request : icmp_type::echo_request);
        const bool is_reply = icmp->type == (h.is_ipv6 ? icmpv6_type::echo_reply : icmp_type::echo_reply);
        if (is_request) h.key.destination_port = icmp->identifier;
        if (is_reply) h.key.source_port = icmp->identifier;
        const uint8_t echo = h.is_ipv6 ? icmpv6_type::echo_request : icmp_type::echo_request;
        h.query_type_and_code = static_cast<uint16_t>(is_request || is_reply ? echo << 8 : icmp->type << 8 | icmp->code);
    }
    h.is_related = true;
    return go_on();
}

template <typename Packet>
[[gnu::noinline]] static uint32_t read_embedded_out_of_line(Packet* packet, Headers* h) {
    return read_embedded(*packet, *h).packed();
}

template <typename Packet>
inline Fate parse_embedded(Packet& packet, Headers& h) {
    if (h.is_fragment) return drop(DropReason::icmp_unrelated);  // none is that long (RFC 1812, section 4.3.2.3; RFC 4443, 2.4 c)
    return Fate::unpack(read_embedded_out_of_line(&packet, &h));
}

template <typename Packet>
inline Fate parse_icmp(Packet& packet, Headers& h, uint32_t transport_bytes) {
    const auto* icmp = packet.template at<IcmpHeader>(h.transport_offset);
    if (!icmp || transport_bytes < sizeof(IcmpHeader)) return drop(DropReason::transport_truncated);
    const uint8_t type = icmp->type;
    if (type == icmp_type::redirect) return drop(DropReason::icmp_redirect);
    h.is_icmp_error = type == icmp_type::unreachable || type == icmp_type::source_quench || type == icmp_type::time_exceeded ||
                      type == icmp_type::parameter_problem;
    if (type == icmp_type::echo_request) h.key.source_port = icmp->identifier;
    if (type == icmp_type::echo_reply) h.key.destination_port = icmp->identifier;
    const bool is_echo = type == icmp_type::echo_request || type == icmp_type::echo_reply;
    h.query_type_and_code = is_echo ? uint16_t{icmp_type::echo_request << 8} : static_cast<uint16_t>(type << 8 | icmp->code);
    return h.is_icmp_error ? parse_embedded(packet, h) : go_on();
}

template <typename Packet>
inline Fate parse_icmpv6(Packet& packet, Headers& h, uint32_t transport_bytes) {
    const auto* icmp = packet.template at<IcmpHeader>(h.transport_offset);
    if (!icmp || transport_bytes < sizeof(IcmpHeader)) return drop(DropReason::transport_truncated);
    const uint8_t type = icmp->type;
    if (type == icmpv6_type::neighbour_solicitation) {
        h.is_neighbour_message = true;
        return go_on();
    }
    if (type >= icmpv6_type::router_solicitation && type <= icmpv6_type::redirect) return drop(DropReason::nd_unsolicited);
    h.is_icmp_error = type <= icmpv6_type::last_error;
    if (type == icmpv6_type::echo_request) h.key.source_port = icmp->identifier;
    if (type == icmpv6_type::echo_reply) h.key.destination_port = icmp->identifier;
    const bool is_echo = type == icmpv6_type::echo_request || type == icmpv6_type::echo_reply;
    h.query_type_and_code = is_echo ? uint16_t{icmpv6_type::echo_request << 8} : static_cast<uint16_t>(type << 8 | icmp->code);
    return h.is_icmp_error ? parse_embedded(packet, h) : go_on();
}

template <typename Packet>
inline Fate parse_protocol(Packet& packet, Headers& h) {
    const uint32_t transport_bytes = h.network_offset() + h.network_bytes - h.transport_offset;
    Fate fate = go_on();
    switch (h.key.protocol) {
        case protocol::tcp:
            fate = parse_tcp(packet, h, transport_bytes);
            break;
        case protocol::udp:
            fate = parse_udp(packet, h, transport_bytes);
            break;
        case protocol::sctp:
            fate = parse_sctp(packet, h, transport_bytes);
            break;
        case protocol::icmp:
            if (!h.is_ipv6) fate = parse_icmp(packet, h, transport_bytes);
            break;
        case protocol::icmpv6:
            if (h.is_ipv6) fate = parse_icmpv6(packet, h, transport_bytes);
            break;
        default:
            break;
    }
    return fate;
}

// A first fragment has its ports like a whole packet; a later one has none (fragments.hpp).
template <typename Packet>
inline Fate parse_transport(Packet& packet, Headers& h, bool has_more_fragments) {
    const Fate fate = h.is_later_fragment ? go_on() : parse_protocol(packet, h);
    if (!h.is_fragment) return fate;
    if (fate.drop_reason() == DropReason::transport_truncated) return drop(DropReason::fragment_tiny);
    return fate.is_decided() || is_sound_fragment(h, has_more_fragments) ? fate : drop(DropReason::fragment_invalid);
}

// RFC 6274, section 3.13: loose (131) and strict (137) source routes.
template <typename Packet>
inline Fate parse_ipv4_options(Packet& packet, const Headers& h, uint32_t option_bytes) {
    uint32_t next = 0;
    for (uint32_t i = 0; i < ipv4_options_max; ++i) {
        forget_value(next);
        next &= 0x3f;
        if (next >= option_bytes) return go_on();
        const auto* type = packet.template at<uint8_t>(h.network_offset() + sizeof(Ipv4Header) + next);
        if (!type) return drop(DropReason::frame_truncated);
        if (*type == 0) return go_on();
        if (*type == 131 || *type == 137) return drop(DropReason::ipv4_source_route);
        if (*type == 1) {
            ++next;
            continue;
        }
        const auto* length = packet.template at<uint8_t>(h.network_offset() + sizeof(Ipv4Header) + next + 1);
        if (!length || *length < 2 || next + *length > option_bytes) return drop(DropReason::ipv4_header_invalid);
        next += *length;
    }
    return go_on();
}

template <typename Packet>
inline bool is_ipv4_checksum_right(Packet& packet, uint32_t offset, uint32_t header_bytes) {
    const auto* header = packet.template at<Ipv4Header>(offset);
    if (!header) return false;
    uint64_t sum = sum_of<sizeof(Ipv4Header)>(header);
    for (uint32_t i = sizeof(Ipv4Header); i < sizeof(Ipv4Header) + ipv4_options_max; i += 4) {
        if (i >= header_bytes) break;
        const auto* word = packet.template at<be32>(offset + i);
        if (!word) return false;
        sum += word->raw;
    }
    return fold(sum) == 0xffff;
}

// What the fixed part of the header says. `header_bytes` with options.
template <typename Packet>
inline Fate read_ipv4(Packet& packet, const Ipv4Header* ip, Headers& h, uint32_t header_bytes) {
    h.network_bytes = ip->total_length.to_host();
    if (h.network_bytes < header_bytes || h.network_offset() + h.network_bytes > packet.length())
        return drop(DropReason::ipv4_header_invalid);
    h.segment_bytes = static_cast<uint16_t>(h.network_bytes);
    h.ttl = ip->ttl;
    h.traffic_class = ip->traffic_class;
    h.key.protocol = ip->protocol;
    h.key.source = address_from_ipv4(ip->source);
    h.key.destination = address_from_ipv4(ip->destination);
    h.may_fragment = (ip->fragment.to_host() & ipv4_do_not_fragment) == 0;
    h.transport_offset = static_cast<uint16_t>(h.network_offset() + header_bytes);
    return go_on();
}

template <typename Packet>
inline Fate parse_ipv4(Packet& packet, Headers& h) {
    const auto* ip = packet.template at<Ipv4Header>(h.network_offset());
    if (!ip) return drop(DropReason::frame_truncated);
    const uint32_t header_bytes = (ip->version_and_length & 0x0f) * 4u;
    const uint16_t fragment = ip->fragment.to_host();
    h.fragment_identification = be32{ip->identification.raw};
    if (ip->version_and_length >> 4 != 4 || header_bytes < sizeof(Ipv4Header)) return drop(DropReason::ipv4_header_invalid);
    const Fate read = read_ipv4(packet, ip, h, header_bytes);
    if (read.is_decided()) return read;
    if (!is_ipv4_checksum_right(packet, h.network_offset(), header_bytes)) return drop(DropReason::ipv4_checksum_invalid);
    if (header_bytes > sizeof(Ipv4Header)) {
        const Fate fate = parse_ipv4_options(packet, h, header_bytes - sizeof(Ipv4Header));
        if (fate.is_decided()) return fate;
    }
    h.is_fragment = (fragment & (ipv4_more_fragments | ipv4_fragment_offset)) != 0;
    h.fragment_offset = static_cast<uint16_t>((fragment & ipv4_fragment_offset) * 8);
    h.fragment_bytes = static_cast<uint16_t>(h.network_bytes - header_bytes);
    h.is_later_fragment = h.fragment_offset != 0;
    // RFC 3128: an offset of one unit would write over the ports that the first fragment was let through with.
    if (h.fragment_offset == 8) return drop(DropReason::fragment_tiny);
    return parse_transport(packet, h, (fragment & ipv4_more_fragments) != 0);
}

// One extension header: moves `offset` behind it and h.key.protocol to what follows.
template <typename Packet>
inline Fate skip_extension(Packet& packet, Headers& h, uint32_t& offset, bool& has_more_fragments) {
    const uint8_t type = h.key.protocol;
    const auto* extension = packet.template at<Ipv6Fragment>(offset);
    if (!extension) return drop(DropReason::ipv6_extension_invalid);
    h.key.protocol = extension->next_header;
    if (type != protocol::fragment) {
        offset += (extension->reserved + 1u) * 8u;  // here: the length in units of eight bytes, without the first
        return go_on();
    }
    if (h.is_fragment) return drop(DropReason::ipv6_extension_invalid);
    const uint16_t where = extension->offset_and_more.to_host();
    offset += sizeof(Ipv6Fragment);
    h.is_fragment = (where & ~6u) != 0;  // offset 0 and no more: an atomic fragment (RFC 6946)
    h.fragment_offset = static_cast<uint16_t>(where & ~7u);
    h.fragment_bytes = static_cast<uint16_t>(h.network_offset() + h.network_bytes - offset);
    h.is_later_fragment = h.fragment_offset != 0;
    has_more_fragments = (where & 1) != 0;
    h.fragment_identification = extension->identification;
    return go_on();
}

// What is walked. Any other header (AH, ESP, mobility, HIP, one that is not known) counts as a protocol without ports: what stands
// behind it is not looked at, and only a rule without ports allows it.
inline bool is_extension(uint8_t next_header) {
    return next_header == protocol::hop_by_hop || next_header == protocol::destination_options || next_header == protocol::fragment;
}

// Walks the extension headers (RFC 8200, section 4.1) up to the transport header, or to the end of what a later fragment has.
template <typename Packet>
inline Fate parse_ipv6_extensions(Packet& packet, Headers& h) {
    uint32_t offset = h.network_offset() + sizeof(Ipv6Header);
    const uint32_t end = h.network_offset() + h.network_bytes;
    bool has_more_fragments = false;
    for (uint32_t i = 0; i < ipv6_extensions_max; ++i) {
        if (!is_extension(h.key.protocol) || h.is_later_fragment) break;
        if (h.key.protocol == protocol::hop_by_hop && i > 0) return drop(DropReason::ipv6_extension_invalid);
        if (offset + sizeof(Ipv6Fragment) > end) return drop(DropReason::ipv6_extension_invalid);
        const Fate fate = skip_extension(packet, h, offset, has_more_fragments);
        if (fate.is_decided()) return fate;
        if (offset > end || offset > headers_bytes_max) return drop(DropReason::ipv6_extension_invalid);
        forget_value(offset);
    }
    h.transport_offset = static_cast<uint16_t>(offset);
    if (!h.is_later_fragment) {
        if (h.key.protocol == protocol::routing) return drop(DropReason::ipv6_routing_header);
        if (is_extension(h.key.protocol)) return drop(DropReason::ipv6_extension_invalid);
    }
    return parse_transport(packet, h, has_more_fragments);
}

template <typename Packet>
inline Fate read_ipv6(Packet& packet, const Ipv6Header* ip, Headers& h) {
    const uint32_t first_word = ip->version_class_label.to_host();
    h.network_bytes = sizeof(Ipv6Header) + ip->payload_length.to_host();
    if (first_word >> 28 != 6 || h.network_offset() + h.network_bytes > packet.length())
        return drop(DropReason::ipv6_header_invalid);
    h.is_ipv6 = true;
    h.segment_bytes = static_cast<uint16_t>(h.network_bytes > 0xffff ? 0xffff : h.network_bytes);
    h.ttl = ip->hop_limit;
    h.traffic_class = static_cast<uint8_t>(first_word >> 20);
    h.key.protocol = ip->next_header;
    h.key.source = {{ip->source[0], ip->source[1]}};
    h.key.destination = {{ip->destination[0], ip->destination[1]}};
    return is_ipv4(h.key.source) || is_ipv4(h.key.destination) ? drop(DropReason::martian_address) : go_on();
}

template <typename Packet>
inline Fate parse_ipv6(Packet& packet, Headers& h) {
    const auto* ip = packet.template at<Ipv6Header>(h.network_offset());
    if (!ip) return drop(DropReason::frame_truncated);
    const Fate read = read_ipv6(packet, ip, h);
    return read.is_decided() ? read : parse_ipv6_extensions(packet, h);
}

// --- The usual packet ----------------------------------------------------------------------------------------------------
// TCP or UDP right behind an IPv4 header without options or an IPv6 header, no fragment, in a frame that starts at one of the
// places it usually does. Inlined, with constant offsets; the steps are those of parse(), and so is what they say.

template <typename Packet>
inline Fate parse_plain_transport(Packet& packet, Headers& h, uint32_t transport_bytes) {
    return h.key.protocol == protocol::tcp ? parse_tcp(packet, h, transport_bytes) : parse_udp(packet, h, transport_bytes);
}

inline bool is_tcp_or_udp(uint8_t number) { return number == protocol::tcp || number == protocol::udp; }

template <uint32_t FrameOffset, typename Packet>
inline bool parse_plain_at(Packet& packet, Headers& h, Fate& fate) {
    constexpr uint32_t network = FrameOffset + sizeof(EthernetHeader);
    const auto* ethernet = packet.template at<EthernetHeader>(FrameOffset);
    if (!ethernet) return false;
    if (ethernet->ethertype == ethertype_ipv4) {
        const auto* ip = packet.template at<Ipv4Header>(network);
        constexpr be16 fragment_bits = be16::from_host(ipv4_more_fragments | ipv4_fragment_offset);
        if (!ip || ip->version_and_length != 0x45 || (ip->fragment.raw & fragment_bits.raw) != 0) return false;
        if (!is_tcp_or_udp(ip->protocol)) return false;
        fate = read_ipv4(packet, ip, h, sizeof(Ipv4Header));
        h.transport_offset = network + sizeof(Ipv4Header);  // constant from here on
        if (!fate.is_decided() && fold(sum_of<sizeof(Ipv4Header)>(ip)) != 0xffff) fate = drop(DropReason::ipv4_checksum_invalid);
        if (!fate.is_decided()) fate = parse_plain_transport(packet, h, h.network_bytes - sizeof(Ipv4Header));
        return true;
    }
    if (!(ethernet->ethertype == ethertype_ipv6)) return false;
    const auto* ip = packet.template at<Ipv6Header>(network);
    if (!ip || !is_tcp_or_udp(ip->next_header)) return false;
    fate = read_ipv6(packet, ip, h);
    h.transport_offset = network + sizeof(Ipv6Header);
    if (!fate.is_decided()) fate = parse_plain_transport(packet, h, h.network_bytes - sizeof(Ipv6Header));
    return true;
}

// False: not the usual packet, nothing is filled in.
template <typename Packet>
inline bool parse_plain(Packet& packet, Headers& h, Fate& fate) {
    if (h.frame_offset == 0) return parse_plain_at<0>(packet, h, fate);
    if (h.frame_offset == tunnel_ipv4_bytes) return parse_plain_at<tunnel_ipv4_bytes>(packet, h, fate);
    return false;
}

// The frame whose Ethernet header lies at h.frame_offset. Packet::parse_headers() calls this, the kernel's out of line.
template <typename Packet>
inline Fate parse(Packet& packet, Headers& h) {
    const auto* ethernet = packet.template at<EthernetHeader>(h.frame_offset);
    if (!ethernet) return drop(DropReason::frame_truncated);
    if (ethernet->ethertype == ethertype_ipv4) return parse_ipv4(packet, h);
    if (ethernet->ethertype == ethertype_ipv6) return parse_ipv6(packet, h);
    if (ethernet->ethertype != ethertype_arp) return drop(DropReason::ethertype_unsupported);
    h.is_arp = true;
    return go_on();
}

}  // namespace biplane
