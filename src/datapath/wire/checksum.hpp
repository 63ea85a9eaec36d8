// The Internet checksum (RFC 1071) over memory of constant size, and its incremental change (RFC 1141, RFC 1624).
#pragma once
#include "datapath/wire/headers.hpp"

namespace biplane {

// A word of any memory: the compiler must not think that a header of another type, written just before, is something else.
struct __attribute__((packed, may_alias)) AnyWord {
    uint32_t raw;
};

// The one's complement sum of `Bytes` bytes (a multiple of four), as it stands in network byte order; not folded. Words of 32
// bits: the sum folds to the same (RFC 1071, section 2, C).
template <uint32_t Bytes>
inline uint64_t sum_of(const void* memory) {
    static_assert(Bytes % 4 == 0 && Bytes <= 512);
    const auto* words = static_cast<const AnyWord*>(memory);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < Bytes / 4; ++i) sum += words[i].raw;
    return sum;
}

inline uint16_t fold(uint64_t sum) {
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
}

// The checksum field for a sum that does not include it.
inline be16 checksum_of(uint64_t sum) { return be16{static_cast<uint16_t>(~fold(sum))}; }

// The TTL goes down by one: the header's checksum goes up by one in its upper byte (RFC 1141). 0xffff is no value that a
// sender computes, so it becomes 0.
inline void spend_ttl(Ipv4Header& header) {
    const uint32_t sum = header.checksum.to_host() + 0x0100u;
    header.checksum = be16::from_host(static_cast<uint16_t>(sum + (sum >= 0xffff ? 1 : 0)));
    header.ttl = static_cast<uint8_t>(header.ttl - 1);
}

// One byte of the traffic class changes: the word that holds it is version_and_length, traffic_class.
inline void set_traffic_class(Ipv4Header& header, uint8_t traffic_class) {
    const uint32_t before = uint32_t{header.version_and_length} << 8 | header.traffic_class;
    const uint32_t after = uint32_t{header.version_and_length} << 8 | traffic_class;
    const uint32_t sum = (~header.checksum.to_host() & 0xffffu) + (~before & 0xffffu) + after;
    header.checksum = be16::from_host(static_cast<uint16_t>(~fold(sum)));
    header.traffic_class = traffic_class;
}

}  // namespace biplane
