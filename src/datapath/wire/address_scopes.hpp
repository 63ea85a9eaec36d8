// How far an address reaches, and which ones no router sends on.
#pragma once
#include "layout/address.hpp"

namespace biplane {

constexpr bool is_unspecified(const Address& a) { return (a.words[0] | a.words[1]) == 0; }

inline bool is_link_local(const Address& a) {
    return (a.words[0] & 0xc0ff) == 0x80fe || (is_ipv4(a) && (ipv4_of(a).raw & 0xffff) == 0xfea9);
}

// Groups and the limited broadcast address.
inline bool is_group(const Address& a) {
    if (!is_ipv4(a)) return static_cast<uint8_t>(a.words[0]) == 0xff;
    const uint32_t host = ipv4_of(a).to_host();
    return host >> 28 == 0xe || host == 0xffffffff;
}

// ff02::1:ff00:0/104 (RFC 4291, section 2.7.1).
constexpr bool is_solicited_node_group(const Address& a) {
    return a.words[0] == __builtin_bswap64(0xff02000000000000) &&
           (__builtin_bswap64(a.words[1]) & 0xffffffffff000000) == 0x00000001ff000000;
}
constexpr Address all_nodes_group{{__builtin_bswap64(0xff02000000000000), __builtin_bswap64(1)}};

// What no router sends on: nobody's address, loopback, class E, and what is meant for one link only (RFC 1812, section 5.3.7;
// RFC 3927, section 2.7; RFC 4291, sections 2.5.2, 2.5.3 and 2.5.6).
inline bool is_martian_destination(const Address& a) {
    if (is_link_local(a)) return true;
    if (!is_ipv4(a)) return (a.words[0] | (a.words[1] & ~(uint64_t{1} << 56))) == 0;
    const uint32_t host = ipv4_of(a).to_host();
    return host >> 24 == 0 || host >> 24 == 127 || host >> 28 == 0xf;
}

// A link-local source is none that lives behind a port: it is found out when the flow is judged.
inline bool is_martian_source(const Address& a) { return is_group(a) || (is_martian_destination(a) && !is_link_local(a)); }

}  // namespace biplane
