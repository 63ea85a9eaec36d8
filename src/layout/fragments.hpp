// The table that joins later fragments to their datagram: what the first fragment said, which alone has the transport header.
// Like the flows one bank, written by both planes.
#pragma once
#include "layout/tables.hpp"

namespace biplane {

constexpr uint32_t fragment_buckets = 1024;  // power of two
constexpr uint32_t fragment_bucket_ways = 8;

// RFC 791 gives a receiver 15 seconds to reassemble, RFC 8200 60; Linux takes 30 for both. No receiver waits for long after an
// entry has gone, and the shorter it stays, the less often a 16-bit identification comes round (RFC 4963).
constexpr uint32_t fragment_lifetime_default_ms = 30'000;

// Key: zone, sender, both addresses, identification; in IPv4 also the protocol (RFC 791), in IPv6 not: a later fragment's next
// header may differ and does not count (RFC 8200, section 4.5).
struct alignas(64) FragmentEntry {
    Address source;
    Address destination;
    be32 identification;  // IPv4: in the lower 16 bits
    uint16_t zone;
    uint16_t source_hop;  // the next hop that leads back to the sender: nobody else's fragments join
    be16 source_port;     // these four: of the flow, as FlowKey and policies want them
    be16 destination_port;
    uint16_t query_type_and_code;
    uint16_t first_bytes;  // that the first fragment carried: no later one may start below
    uint8_t protocol;
    uint8_t is_handed_over;  // the kernel plane has punted the first fragment; whether it goes on is for the user plane to say
    uint8_t pad[6];
    uint64_t state;  // 0: never used. Else tick << 32 | serial << 1 | 1 while somebody writes the rest
};
static_assert(sizeof(FragmentEntry) == 64 && offsetof(FragmentEntry, identification) == 32);
constexpr uint64_t fragment_is_written = 1;

struct alignas(64) FragmentBucket {
    FragmentEntry entries[fragment_bucket_ways];
    uint32_t written;  // how often: the serial number of the next entry
    uint32_t pad[15];
};
static_assert(sizeof(FragmentBucket) == 576);

}  // namespace biplane
