// ICMP and ICMPv6 messages: queries, errors about packets of other flows, and what concerns the router alone. A step of parse().
#pragma once
#include "datapath/wire/extensions.hpp"
#include "datapath/wire/icmp_query.hpp"
#include "datapath/wire/solicitation.hpp"

namespace biplane {

constexpr uint32_t embedded_transport_bytes = 8;  // that an error quotes at least (RFC 792)

// The network header that an error embeds, from `offset` on; `end` is where the error ends. Its key is turned round: the error
// travels against that packet. Of a fragment only the first is about a flow.
template <typename Packet>
inline Fate read_embedded_ipv4(Packet& packet, Headers& h, uint32_t offset, uint32_t end, Carried& carried) {
    const auto* ip = packet.template at<Ipv4Header>(offset);
    if (!ip || offset + sizeof(Ipv4Header) > end || !is_sound_ipv4(*ip)) return drop(DropReason::icmp_unrelated);
    if ((ip->fragment.to_host() & ipv4_fragment_offset) != 0) return drop(DropReason::icmp_unrelated);
    const uint32_t header_bytes = ipv4_header_bytes(*ip);
    h.key.source = address_from_ipv4(ip->destination);
    h.key.destination = address_from_ipv4(ip->source);
    carried.protocol = ip->protocol;
    carried.offset = offset + header_bytes;
    return header_bytes == sizeof(Ipv4Header) ? go_on() : check_ipv4_options(packet, offset, header_bytes - sizeof(Ipv4Header));
}

template <typename Packet>
inline Fate read_embedded_ipv6(Packet& packet, Headers& h, uint32_t offset, uint32_t end, Carried& carried) {
    const auto* ip = packet.template at<Ipv6Header>(offset);
    if (!ip || offset + sizeof(Ipv6Header) > end || ip->version_class_label.to_host() >> 28 != 6)
        return drop(DropReason::icmp_unrelated);
    h.key.source = {{ip->destination[0], ip->destination[1]}};
    h.key.destination = {{ip->source[0], ip->source[1]}};
    carried.protocol = ip->next_header;
    carried.offset = offset + sizeof(Ipv6Header);
    const Fate fate = walk_extensions(packet, carried, end);
    return carried.fragment_offset != 0 ? drop(DropReason::icmp_unrelated) : fate;
}

// The ports and the number behind them, or the query.
template <typename Packet>
inline bool read_embedded_transport(Packet& packet, Headers& h, const Carried& carried, uint32_t end) {
    h.key.protocol = carried.protocol;
    h.key.source_port = h.key.destination_port = be16{0};
    const bool has_ports =
        carried.protocol == protocol::tcp || carried.protocol == protocol::udp || carried.protocol == protocol::sctp;
    const bool is_icmp = carried.protocol == (h.is_ipv6 ? protocol::icmpv6 : protocol::icmp);
    if (!has_ports && !is_icmp) return true;
    const auto* start = packet.template at<uint8_t[embedded_transport_bytes]>(carried.offset);
    if (!start || carried.offset + embedded_transport_bytes > end) return false;
    if (has_ports) {  // all three begin with their ports; behind them TCP has the sequence number, SCTP the tag
        const auto* ports = reinterpret_cast<const UdpHeader*>(*start);
        h.key.source_port = ports->destination_port;
        h.key.destination_port = ports->source_port;
        h.tcp_sequence = reinterpret_cast<const be32*>(*start + 2 * sizeof(be16))->to_host();
        return true;
    }
    const auto* icmp = reinterpret_cast<const IcmpHeader*>(*start);
    IcmpQuery query = icmp_query_of(icmp->type, h.is_ipv6);
    query.is_reply = !query.is_reply;  // the key is that of the other direction
    read_icmp_query(h, icmp, query);
    return true;
}

// The packet that an ICMP error embeds tells which flow it is about. The flow must be known, and of TCP and SCTP the number behind
// the ports is checked (tracking.hpp). Who sent the error, a router anywhere on the way, is judged by judge.hpp.
template <typename Packet>
inline Fate read_embedded(Packet& packet, Headers& h, uint32_t offset, uint32_t end) {
    const Address error_destination = h.key.destination;
    h.error_source = h.key.source;
    Carried carried{};
    const Fate fate =
        h.is_ipv6 ? read_embedded_ipv6(packet, h, offset, end, carried) : read_embedded_ipv4(packet, h, offset, end, carried);
    if (fate.is_decided() || !(h.key.destination == error_destination)) return drop(DropReason::icmp_unrelated);
    if (!read_embedded_transport(packet, h, carried, end)) return drop(DropReason::icmp_unrelated);
    h.is_related = true;
    return go_on();
}

template <typename Packet>
inline Fate parse_embedded(Packet& packet, Headers& h, uint32_t transport_bytes) {
    if (h.is_fragment) return drop(DropReason::icmp_unrelated);  // none is that long (RFC 1812, section 4.3.2.3; RFC 4443, 2.4 c)
    return Fate::unpack(
        packet.rare_step(h, RareStep::embedded, h.transport_offset + sizeof(IcmpHeader), h.transport_offset + transport_bytes));
}

// No router takes such a packet on; the gateway answers one that asks for it (neighbour.hpp).
inline bool is_echo_on_link(const Headers& h) { return !h.is_fragment && is_link_local(h.key.destination); }

template <typename Packet>
inline Fate parse_icmp(Packet& packet, Headers& h, uint32_t transport_bytes) {
    const auto* icmp = packet.template at<IcmpHeader>(h.transport_offset);
    if (!icmp || transport_bytes < sizeof(IcmpHeader)) return drop(DropReason::transport_truncated);
    const uint8_t type = icmp->type;
    if (type == icmp_type::redirect) return drop(DropReason::icmp_redirect);
    h.is_icmp_error = type == icmp_type::unreachable || type == icmp_type::source_quench || type == icmp_type::time_exceeded ||
                      type == icmp_type::parameter_problem;
    h.is_for_router = type == icmp_type::echo_request && is_echo_on_link(h);
    read_icmp_query(h, icmp, icmp_query_of(type, false));
    return h.is_icmp_error ? parse_embedded(packet, h, transport_bytes) : go_on();
}

template <typename Packet>
inline Fate parse_icmpv6(Packet& packet, Headers& h, uint32_t transport_bytes) {
    const auto* icmp = packet.template at<IcmpHeader>(h.transport_offset);
    if (!icmp || transport_bytes < sizeof(IcmpHeader)) return drop(DropReason::transport_truncated);
    const uint8_t type = icmp->type;
    if (type == icmpv6_type::neighbour_solicitation)
        return Fate::unpack(packet.rare_step(h, RareStep::solicitation, h.transport_offset, h.transport_offset + transport_bytes));
    if (type >= icmpv6_type::router_solicitation && type <= icmpv6_type::redirect) return drop(DropReason::nd_unsolicited);
    h.is_icmp_error = type <= icmpv6_type::last_error;
    h.is_for_router = type == icmpv6_type::echo_request && is_echo_on_link(h);
    read_icmp_query(h, icmp, icmp_query_of(type, true));
    return h.is_icmp_error ? parse_embedded(packet, h, transport_bytes) : go_on();
}

}  // namespace biplane
