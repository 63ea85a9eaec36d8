// What is this packet? One pass over the headers: bounds and validity are checked here and nowhere later. Fills Headers; changes
// nothing.
//
// Packet is what a context offers (SkbPacket, XdpPacket, UserPacket):
//     template <typename T, uint32_t OffsetMax = headers_bytes_max>
//     T* at(uint32_t offset)                          the T at that offset, nullptr if the frame ends before, or the offset is
//                                                     beyond OffsetMax; valid until a resize
//     uint32_t parse_headers(Headers&)                calls parse(); a packed Fate
//     uint32_t rare_step(Headers&, RareStep, offset, end)   calls take_rare_step(); what that returns
//     uint32_t sum_bytes(offset, bytes)               calls sum_piece() of checksum.hpp
//     uint32_t length()                               of the frame, bytes
//     uint32_t segment_payload()                      GSO: transport payload bytes of one segment; else 0
//     uint32_t wire_frames()                          how many frames this is on the wire; before a resize
//     bool has_hidden_vlan_tag()                      a tag that does not stand in the frame, but belongs to it
//     bool insert_after_ethernet(bytes, room)         resize; Room (rewrite.hpp) says what for. What the Ethernet header holds
//                                                     afterwards is undefined, here and in the next one: the caller writes it
//     bool remove_after_ethernet(bytes, room, inner_is_ipv6)
//     bool trim(bytes)                                cut the frame's end to this length
//     bool gather(bytes)                              make so many bytes from the start on accessible: resizes in the sense of at()
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
#include "datapath/wire/extensions.hpp"
#include "datapath/wire/icmp_messages.hpp"
#include "datapath/wire/sctp_chunks.hpp"

namespace biplane {

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
inline uint32_t read_tcp_scale(Packet& packet, uint32_t options, uint32_t end) {
    constexpr uint8_t end_of_list = 0, no_operation = 1, window_scale = 3, scale_max = 14;
    for (uint32_t i = 0; i < tcp_options_max; ++i) {
        forget_value(options);
        options &= 0x3ff;
        if (options + 3 > end) return 0;
        const auto* option = packet.template at<uint8_t[3]>(options);
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
            packet.rare_step(h, RareStep::tcp_scale, h.transport_offset + sizeof(TcpHeader), h.transport_offset + header_bytes));
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
inline Fate parse_sctp(Packet& packet, Headers& h, uint32_t transport_bytes) {
    const auto* sctp = packet.template at<SctpHeader>(h.transport_offset);
    if (!sctp || transport_bytes < sizeof(SctpHeader)) return drop(DropReason::transport_truncated);
    h.key.source_port = sctp->source_port;
    h.key.destination_port = sctp->destination_port;
    h.tcp_sequence = sctp->verification_tag.to_host();
    return Fate::unpack(
        packet.rare_step(h, RareStep::sctp_chunks, h.transport_offset + sizeof(SctpHeader), h.transport_offset + transport_bytes));
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

// The network header: what stands before the transport header, and where that is.
template <typename Packet>
inline Fate parse_ipv4(Packet& packet, Headers& h, bool& has_more_fragments) {
    const auto* ip = packet.template at<Ipv4Header>(h.network_offset());
    if (!ip) return drop(DropReason::frame_truncated);
    const uint32_t header_bytes = ipv4_header_bytes(*ip);
    const uint16_t fragment = ip->fragment.to_host();
    h.fragment_identification = be32{ip->identification.raw};
    if (!is_sound_ipv4(*ip)) return drop(DropReason::ipv4_header_invalid);
    const Fate read = read_ipv4(packet, ip, h, header_bytes);
    if (read.is_decided()) return read;
    if (!is_ipv4_checksum_right(packet, h.network_offset(), header_bytes)) return drop(DropReason::ipv4_checksum_invalid);
    if (header_bytes > sizeof(Ipv4Header)) {
        const Fate fate = check_ipv4_options(packet, h.network_offset(), header_bytes - sizeof(Ipv4Header));
        if (fate.is_decided()) return fate;
    }
    h.is_fragment = (fragment & (ipv4_more_fragments | ipv4_fragment_offset)) != 0;
    h.fragment_offset = static_cast<uint16_t>((fragment & ipv4_fragment_offset) * 8);
    h.fragment_bytes = static_cast<uint16_t>(h.network_bytes - header_bytes);
    h.is_later_fragment = h.fragment_offset != 0;
    // RFC 3128: an offset of one unit would write over the ports that the first fragment was let through with.
    has_more_fragments = (fragment & ipv4_more_fragments) != 0;
    return h.fragment_offset == 8 ? drop(DropReason::fragment_tiny) : go_on();
}

// RareStep::extensions: the packed fate, and in bit 31 whether there are more fragments.
constexpr uint32_t more_fragments = 1u << 31;
template <typename Packet>
inline uint32_t read_extensions(Packet& packet, Headers& h, uint32_t offset, uint32_t end) {
    Carried carried{.offset = offset, .protocol = h.key.protocol};
    const Fate fate = walk_extensions(packet, carried, end);
    if (fate.is_decided()) return fate.packed();
    h.key.protocol = carried.protocol;
    h.transport_offset = static_cast<uint16_t>(carried.offset);
    h.is_fragment = carried.is_fragment();
    h.is_later_fragment = carried.fragment_offset != 0;
    h.fragment_offset = carried.fragment_offset;
    h.fragment_bytes = static_cast<uint16_t>(carried.fragmented_offset ? end - carried.fragmented_offset : 0);
    h.fragment_identification = carried.identification;
    return fate.packed() | (carried.has_more_fragments ? more_fragments : 0);
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
inline Fate parse_ipv6(Packet& packet, Headers& h, bool& has_more_fragments) {
    const auto* ip = packet.template at<Ipv6Header>(h.network_offset());
    if (!ip) return drop(DropReason::frame_truncated);
    const Fate read = read_ipv6(packet, ip, h);
    if (read.is_decided()) return read;
    const uint32_t behind = h.network_offset() + sizeof(Ipv6Header);
    const uint32_t walked = packet.rare_step(h, RareStep::extensions, behind, h.network_offset() + h.network_bytes);
    has_more_fragments = (walked & more_fragments) != 0;
    return Fate::unpack(walked & ~more_fragments);
}

// Packet::rare_step() calls this, the kernel's out of line.
template <typename Packet>
inline uint32_t take_rare_step(Packet& packet, Headers& h, RareStep step, uint32_t offset, uint32_t end) {
    switch (step) {
        case RareStep::extensions:
            return read_extensions(packet, h, offset, end);
        case RareStep::tcp_scale:
            return read_tcp_scale(packet, offset, end);
        case RareStep::sctp_chunks:
            return read_sctp_chunks(packet, h, offset, end).packed();
        case RareStep::embedded:
            return read_embedded(packet, h, offset, end).packed();
        case RareStep::solicitation:
            return read_solicitation(packet, h, offset, end).packed();
    }
    return drop(DropReason::frame_truncated).packed();
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
    const bool is_ip = ethernet->ethertype == ethertype_ipv4 || ethernet->ethertype == ethertype_ipv6;
    if (is_ip) {
        bool has_more_fragments = false;
        const Fate fate = ethernet->ethertype == ethertype_ipv4 ? parse_ipv4(packet, h, has_more_fragments)
                                                                : parse_ipv6(packet, h, has_more_fragments);
        return fate.is_decided() ? fate : parse_transport(packet, h, has_more_fragments);
    }
    if (ethernet->ethertype != ethertype_arp) return drop(DropReason::ethertype_unsupported);
    h.is_arp = true;
    return go_on();
}

}  // namespace biplane
