// The Internet checksum (RFC 1071) over memory of constant size, and its incremental change (RFC 1141, RFC 1624).
#pragma once
#include "datapath/atomics.hpp"
#include "datapath/wire/headers.hpp"

namespace biplane {

// A word of any memory: the compiler must not think that a header of another type, written just before, is something else.
struct __attribute__((packed, may_alias)) AnyWord {
    uint32_t raw;
};

struct __attribute__((packed, may_alias)) AnyHalfWord {
    uint16_t raw;
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

// The same of any piece of a frame, folded: what Packet::sum_bytes() calls, the kernel's out of line. An odd byte at the end counts as
// if a zero followed. no_sum: the piece is too long, or the frame ends before.
constexpr uint32_t summed_bytes_max = 1280;
constexpr uint32_t no_sum = 1u << 16;

// As many whole pieces of `Bytes` bytes as there are, at most `Pieces`; moves behind them. False: the frame ends before.
template <uint32_t Bytes, uint32_t Pieces, typename Packet>
inline bool add_pieces(Packet& packet, uint32_t& offset, uint32_t& bytes, uint64_t& sum) {
    for (uint32_t i = 0; i < Pieces; ++i) {
        if (bytes < Bytes) break;
        const auto* piece = packet.template at<uint8_t[Bytes], 2 * summed_bytes_max>(offset);
        if (!piece) return false;
        sum += sum_of<Bytes>(*piece);
        offset += Bytes;
        bytes -= Bytes;
        forget_value(sum);  // as unknown as the rest: the verifier would take every round for another one
        forget_value(offset);
        forget_value(bytes);
    }
    return true;
}

template <typename Packet>
inline uint32_t sum_piece(Packet& packet, uint32_t offset, uint32_t bytes) {
    constexpr uint32_t large = 32, word = sizeof(AnyWord);
    uint64_t sum = 0;
    if (!add_pieces<large, summed_bytes_max / large>(packet, offset, bytes, sum)) return no_sum;
    if (!add_pieces<word, large / word - 1>(packet, offset, bytes, sum)) return no_sum;
    if (bytes >= word) return no_sum;
    for (uint32_t i = 0; i < word - 1; ++i) {
        if (i >= bytes) break;
        const auto* byte = packet.template at<uint8_t, 2 * summed_bytes_max>(offset + i);
        if (!byte) return no_sum;
        sum += uint64_t{*byte} << 8 * i;
    }
    return fold(sum);
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

// The checksum after a word of what it covers has changed (RFC 1624, section 3, equation 3).
inline be16 checksum_after(be16 checksum, uint32_t word_before, uint32_t word_after) {
    const uint32_t sum = (~checksum.to_host() & 0xffffu) + (~word_before & 0xffffu) + word_after;
    return be16::from_host(static_cast<uint16_t>(~fold(sum)));
}

inline void set_traffic_class(Ipv4Header& header, uint8_t traffic_class) {
    const uint32_t upper = uint32_t{header.version_and_length} << 8;
    header.checksum = checksum_after(header.checksum, upper | header.traffic_class, upper | traffic_class);
    header.traffic_class = traffic_class;
}

inline void set_ttl(Ipv4Header& header, uint8_t ttl) {
    const auto word = [&header](uint8_t value) { return uint32_t{value} << 8 | header.protocol; };
    header.checksum = checksum_after(header.checksum, word(header.ttl), word(ttl));
    header.ttl = ttl;
}

}  // namespace biplane
