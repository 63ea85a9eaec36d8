// Network addresses as the tables hold them: always 128 bits, in network byte order, so that IPv4 and IPv6 take one way.
// IPv4 a.b.c.d is held as ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2); IPv6 packets that carry such an address are refused.
#pragma once
#include "layout/integers.hpp"

namespace biplane {

struct alignas(8) Address {
    uint64_t words[2];  // network byte order, words[0] holds the first eight bytes

    friend constexpr bool operator==(const Address& a, const Address& b) {
        return a.words[0] == b.words[0] && a.words[1] == b.words[1];
    }
};
static_assert(sizeof(Address) == 16);

constexpr uint64_t ipv4_words1(be32 address) { return uint64_t{address.raw} << 32 | 0xffff0000u; }
constexpr Address address_from_ipv4(be32 address) { return Address{{0, ipv4_words1(address)}}; }
constexpr bool is_ipv4(const Address& a) { return a.words[0] == 0 && (a.words[1] & 0xffffffffu) == 0xffff0000u; }
constexpr be32 ipv4_of(const Address& a) { return be32{static_cast<uint32_t>(a.words[1] >> 32)}; }

constexpr uint8_t address_bits = 128;
constexpr uint8_t ipv4_prefix_offset = 96;  // an IPv4 /n is a /(96 + n) here

struct MacAddress {
    uint8_t bytes[6];

    [[gnu::always_inline]] friend constexpr bool operator==(const MacAddress& a, const MacAddress& b) {
        return ((a.bytes[0] ^ b.bytes[0]) | (a.bytes[1] ^ b.bytes[1]) | (a.bytes[2] ^ b.bytes[2]) | (a.bytes[3] ^ b.bytes[3]) |
                (a.bytes[4] ^ b.bytes[4]) | (a.bytes[5] ^ b.bytes[5])) == 0;
    }
};
static_assert(sizeof(MacAddress) == 6);

// Two Ethernet addresses that lie one behind the other, destination first as in a frame, moved and compared as words: clang for BPF
// would take them byte by byte.
struct BIPLANE_UNALIGNED __attribute__((may_alias)) MacPair {
    uint32_t words[3];

    static const MacPair& at(const MacAddress& first) { return *reinterpret_cast<const MacPair*>(&first); }
    static MacPair& at(MacAddress& first) { return *reinterpret_cast<MacPair*>(&first); }
    friend constexpr bool operator==(const MacPair& a, const MacPair& b) {
        return a.words[0] == b.words[0] && a.words[1] == b.words[1] && a.words[2] == b.words[2];
    }
    constexpr bool has_destination() const { return (words[0] | (words[1] & 0xffff)) != 0; }  // not all zero
};
static_assert(sizeof(MacPair) == 12);

}  // namespace biplane
