// Queries and replies of ICMP and ICMPv6 (RFC 792, RFC 950, RFC 4443, RFC 8335): they alone make flows. A step of parse().
#pragma once
#include "datapath/journey.hpp"

namespace biplane {

// ICMP: the type of the query that a query or a reply belongs to, 0xff: neither. The replies of IPv4 but echo's are one above.
struct IcmpQuery {
    uint8_t type;
    bool is_reply;
    // The identifier stands in the port of the side that asks; the other one tells apart what else has identifiers.
    be16 other_port(bool is_ipv6) const {
        const bool is_echo = type == (is_ipv6 ? icmpv6_type::echo_request : icmp_type::echo_request);
        return be16::from_host(is_echo ? 0 : type);
    }
};
constexpr uint8_t no_icmp_query = 0xff;

inline IcmpQuery icmp_query_of(uint8_t type, bool is_ipv6) {
    if (is_ipv6) {
        const bool is_known = (type & 0xfe) == icmpv6_type::echo_request || (type & 0xfe) == icmpv6_type::extended_echo;
        return {is_known ? static_cast<uint8_t>(type & 0xfe) : no_icmp_query, (type & 1) != 0};
    }
    if (type == icmp_type::echo_request || type == icmp_type::echo_reply)
        return {icmp_type::echo_request, type == icmp_type::echo_reply};
    if (type == icmp_type::extended_echo || type == icmp_type::extended_echo + 1)
        return {icmp_type::extended_echo, type != icmp_type::extended_echo};
    if (type < icmp_type::timestamp || type > icmp_type::address_mask + 1) return {no_icmp_query, false};
    return {static_cast<uint8_t>((type - 1) | 1), (type & 1) == 0};  // 13 to 18: timestamp, information, address mask
}

// Ports, position for policies, and whether it may open a flow.
inline void read_icmp_query(Headers& h, const IcmpHeader* icmp, IcmpQuery query) {
    h.query_type_and_code = static_cast<uint16_t>(icmp->type << 8 | icmp->code);
    if (query.type == no_icmp_query) return;
    h.query_type_and_code = static_cast<uint16_t>(query.type << 8);
    h.is_icmp_query = !query.is_reply;
    h.key.source_port = query.is_reply ? query.other_port(h.is_ipv6) : icmp->identifier;
    h.key.destination_port = query.is_reply ? icmp->identifier : query.other_port(h.is_ipv6);
}

}  // namespace biplane
