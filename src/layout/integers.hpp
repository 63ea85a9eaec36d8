// Integers whose byte order is part of their type, and nothing else. Freestanding: also compiled for BPF.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Nothing in a packet is aligned. Other targets must be told (packed); clang for BPF would then read byte by byte, where the
// kernel allows the access as it is. The sizes are asserted, so that both see the same bytes.
#ifdef __bpf__
#define BIPLANE_UNALIGNED
#else
#define BIPLANE_UNALIGNED __attribute__((packed))
#endif

namespace biplane {

// A 16-bit number in network byte order, as it stands in a packet. No alignment is assumed.
struct BIPLANE_UNALIGNED be16 {
    uint16_t raw;

    static constexpr be16 from_host(uint16_t value) { return be16{__builtin_bswap16(value)}; }
    constexpr uint16_t to_host() const { return __builtin_bswap16(raw); }
    friend constexpr bool operator==(be16 a, be16 b) { return a.raw == b.raw; }
};

// A 32-bit number in network byte order, as it stands in a packet. No alignment is assumed.
struct BIPLANE_UNALIGNED be32 {
    uint32_t raw;

    static constexpr be32 from_host(uint32_t value) { return be32{__builtin_bswap32(value)}; }
    constexpr uint32_t to_host() const { return __builtin_bswap32(raw); }
    friend constexpr bool operator==(be32 a, be32 b) { return a.raw == b.raw; }
};

static_assert(sizeof(be16) == 2 && sizeof(be32) == 4);
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "be16 and be32 swap bytes: write the big-endian case first");

}  // namespace biplane
