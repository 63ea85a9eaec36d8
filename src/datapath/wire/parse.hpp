// What is this packet? One pass over the headers: bounds and validity are checked here and nowhere later. Fills Headers; changes
// nothing.
//
// Packet is what a context offers (SkbPacket, XdpPacket, UserPacket):
//     template <typename T> T* at(uint32_t offset)   the T at that offset, nullptr if the frame ends before; valid until a resize
//     uint32_t parse_headers(Headers&)                calls parse(); a packed Fate
//     uint32_t length()                               of the frame, bytes
//     uint32_t segment_payload()                      GSO: transport payload bytes of one segment; else 0
//     uint32_t wire_frames()                          how many frames this is on the wire; before a resize
//     bool has_hidden_vlan_tag()                      a tag that does not stand in the frame, but belongs to it
//     bool insert_after_ethernet(bytes, room)         resize; Room (rewrite.hpp) says what for. What the Ethernet header holds
//                                                     afterwards is undefined, here and in the next one: the caller writes it
//     bool remove_after_ethernet(bytes, room, inner_is_ipv6)
//     bool trim(bytes)                                cut the frame's end to this length
//     bool is_traced(nonce)
//     static constexpr Plane plane
//     static constexpr bool trims_before_room         the frame cannot be shortened any more once it has room for tunnel headers
//     static constexpr bool can_be_cut                whether it may be more than a frame of the wire, see Verdict::cut
//     bool came_cut()                                 it came through the cut port
//     bool must_be_cut()                              the last resize was refused for what the packet is, not for want of memory
//
// Functions marked noinline are rare steps kept out of line, because a kernel program has 512 bytes of stack. They are static,
// because libbpf takes subprograms from the section .text only, and take pointers, because BTF has no references.
#pragma once
#include "datapath/atomics.hpp"
#include "datapath/flows/fragments.hpp"
#include "datapath/wire/checksum.hpp"
#include "datapath/wire/icmp_query.hpp"
#include "datapath/wire/sctp_chunks.hpp"

namespace biplane {

constexpr uint32_t ipv6_extensions_max = 6;
constexpr uint32_t ipv4_options_max = 40;
constexpr uint32_t tcp_options_max = 40;

// Several headers under one check of the bounds: the verifier does not see that the check of a longer piece covers a shorter one.
template <uint32_t Bytes, typename Packet>
inline uint8_t* bytes_at(Packet& packet, uint32_t offset) {
    auto* bytes = packet.template at<uint8_t[Bytes]>(offset);
    return bytes ? *bytes : nullptr;
}

inline bool is_tcp_or_udp(uint8_t number) { return number == protocol::tcp || number == protocol::udp; }

inline bool is_legal_tcp(uint8_t flags) {
    using namespace tcp_flag;
    const uint8_t meaning = flags & (fin | syn | rst | ack);
    return meaning == syn || meaning == (syn | ack) || meaning == rst || meaning == (rst | ack) || meaning == (fin | ack) ||
           meaning == ack;
}

// The window scale option of a SYN (RFC 7323, section 2); greater ones count as 14 (section 2.3).
template <typename Packet>
[[gnu::noinline]] static uint32_t read_tcp_scale(Packet* packet, uint32_t options, uint32_t end) {
    constexpr uint8_t end_of_list = 0, no_operation = 1, window_scale = 3, scale_max = 14;
    for (uint32_t i = 0; i < tcp_options_max; ++i) {
        forget_value(options);
        options &= 0x3ff;
        if (options + 3 > end) return 0;
        const auto* option = packet->template at<uint8_t[3]>(options);
        if (!option || (*option)[0] == end_of_list) return 0;
        if ((*option)[0] == window_scale && (*option)[1] == 3) return ((*option)[2] < scale_max ? (*option)[2] : scale_max) + 1u;
        if ((*option)[0] != no_operation && (*option)[1] < 2) return 0;
        options += (*option)[0] == no_operation ? 1 : (*option)[1];
    }
    return 0;
}

// `header_bytes` of the TCP header, `transport_bytes` of it and what it carries. Of a GSO packet all of it.
template <typename Packet>
inline void read_segment(Packet& packet, const TcpHeader* tcp, Headers& h, uint32_t header_bytes, uint32_t transport_bytes) {
    const uint8_t flags = tcp->flags;
    h.tcp_flags = flags;
    h.tcp_window = tcp->window.to_host();
    h.tcp_sequence = tcp->sequence.to_host();
    h.tcp_acknowledgment = flags & tcp_flag::ack ? tcp->acknowledgment.to_host() : 0;
    h.tcp_end = h.tcp_sequence + (transport_bytes - header_bytes);
    if (flags & (tcp_flag::syn | tcp_flag::fin)) ++h.tcp_end;
    if (flags & tcp_flag::syn)
        h.tcp_scale = static_cast<uint8_t>(
            read_tcp_scale(&packet, h.transport_offset + sizeof(TcpHeader), h.transport_offset + header_bytes));
}

// Of GSO: how large a segment is on the wire. Where the headers do not tell, the packet is cut before it is judged: what a device
// merged from whole packets, so that only the first one's headers are looked at; and datagrams in a tunnel, because Linux (6.18) leaves
// the tunnel's mark on a packet whose tunnel headers are removed, and a stack that has to segment such a packet loses it.
template <typename Packet>
inline Fate measure_segment(Packet& packet, Headers& h, uint32_t transport_header_bytes) {
    const bool is_one_packet = h.network_offset() + h.network_bytes == packet.length();
    const bool is_datagram_in_tunnel = h.key.protocol == protocol::udp && h.frame_offset != 0;
    if (!is_one_packet || is_datagram_in_tunnel) return decided(Verdict::cut);
    const uint32_t headers = h.transport_offset - h.network_offset() + transport_header_bytes;
    h.segment_bytes = static_cast<uint16_t>(headers + packet.segment_payload());
    return go_on();
}

template <typename Packet>
inline Fate parse_tcp(Packet& packet, Headers& h, uint32_t transport_bytes) {
    const auto* tcp = packet.template at<TcpHeader>(h.transport_offset);
    if (!tcp || transport_bytes < sizeof(TcpHeader)) return drop(DropReason::transport_truncated);
    const uint32_t header_bytes = (tcp->data_offset >> 4) * 4u;
    if (header_bytes < sizeof(TcpHeader) || header_bytes > transport_bytes)
        return drop(h.is_fragment ? DropReason::fragment_tiny : DropReason::tcp_header_invalid);
    if (!is_legal_tcp(tcp->flags)) return drop(DropReason::tcp_flags_illegal);
    h.key.source_port = tcp->source_port;
    h.key.destination_port = tcp->destination_port;
    read_segment(packet, tcp, h, header_bytes, transport_bytes);
    return packet.segment_payload() ? measure_segment(packet, h, header_bytes) : go_on();
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
    return packet.segment_payload() ? measure_segment(packet, h, sizeof(UdpHeader)) : go_on();
}

template <typename Packet>
[[gnu::noinline]] static uint32_t read_sctp_chunks_out_of_line(Packet* packet, Headers* h, uint32_t offset, uint32_t end) {
    return read_sctp_chunks(*packet, *h, offset, end).packed();
}

template <typename Packet>
inline Fate parse_sctp(Packet& packet, Headers& h, uint32_t transport_bytes) {
    const auto* sctp = packet.template at<SctpHeader>(h.transport_offset);
    if (!sctp || transport_bytes < sizeof(SctpHeader)) return drop(DropReason::transport_truncated);
    h.key.source_port = sctp->source_port;
    h.key.destination_port = sctp->destination_port;
    h.tcp_sequence = sctp->verification_tag.to_host();
    return Fate::unpack(
        read_sctp_chunks_out_of_line(&packet, &h, h.transport_offset + sizeof(SctpHeader), h.transport_offset + transport_bytes));
}

// The packet that an ICMP error embeds tells which flow it is about. The error travels against that packet, so its key is the
// embedded one turned round. The flow must be known, and of TCP and SCTP the number behind the ports is checked (tracking.hpp).
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
        const auto* start = packet.template at<UdpHeader>(embedded_transport);  // all three begin with their ports
        const auto* sequence = packet.template at<be32>(embedded_transport + 2 * sizeof(be16));
        if (!start || !sequence) return drop(DropReason::icmp_unrelated);
        h.key.source_port = start->destination_port;
        h.key.destination_port = start->source_port;
        h.tcp_sequence = sequence->to_host();
    } else if (h.key.protocol == protocol::icmp || h.key.protocol == protocol::icmpv6) {
        const auto* icmp = packet.template at<IcmpHeader>(embedded_transport);
        if (!icmp) return drop(DropReason::icmp_unrelated);
        IcmpQuery query = icmp_query_of(icmp->type, h.is_ipv6);
        query.is_reply = !query.is_reply;  // the key is that of the other direction
        read_icmp_query(h, icmp, query);
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
    read_icmp_query(h, icmp, icmp_query_of(type, false));
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
    read_icmp_query(h, icmp, icmp_query_of(type, true));
    return h.is_icmp_error ? parse_embedded(packet, h) : go_on();
}

// GSO of other protocols (GRE, IPIP, SCTP) is cut first: only the kernel knows where its segments' headers end.
template <typename Packet>
inline Fate parse_protocol(Packet& packet, Headers& h) {
    const uint32_t transport_bytes = h.network_offset() + h.network_bytes - h.transport_offset;
    if (packet.segment_payload() && !is_tcp_or_udp(h.key.protocol)) return decided(Verdict::cut);
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

// BIG TCP: more than a length field can say stands there as 0. It is cut first.
template <typename Packet>
inline bool is_beyond_length_fields(Packet& packet, be16 length) {
    return length.raw == 0 && packet.segment_payload() && packet.length() > 0xffff;
}

// What the fixed part of the header says. `header_bytes` with options.
template <typename Packet>
inline Fate read_ipv4(Packet& packet, const Ipv4Header* ip, Headers& h, uint32_t header_bytes) {
    h.network_bytes = ip->total_length.to_host();
    if (h.network_bytes < header_bytes || h.network_offset() + h.network_bytes > packet.length())
        return is_beyond_length_fields(packet, ip->total_length) ? decided(Verdict::cut) : drop(DropReason::ipv4_header_invalid);
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
    if (is_beyond_length_fields(packet, ip->payload_length)) return decided(Verdict::cut);
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
