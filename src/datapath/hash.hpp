// The seeded hash of all tables: NH (Black et al., UMAC, RFC 4418 section 5.2.2), one 32 x 32 -> 64 bit multiplication per
// eight bytes of key. For a secret that an attacker does not know, two different keys collide in the 32 bits that count with
// a probability of 2^-32, whatever the keys are. A multiply and shift at the end spreads the bits.
#pragma once
#include "layout/fragments.hpp"
#include "layout/policy.hpp"
#include "layout/tables.hpp"

namespace biplane {

constexpr uint64_t nh_word(uint64_t word, uint32_t secret_low, uint32_t secret_high) {
    const uint32_t low = static_cast<uint32_t>(word) + secret_low;
    const uint32_t high = static_cast<uint32_t>(word >> 32) + secret_high;
    return uint64_t{low} * high;
}

constexpr uint64_t spread(uint64_t h) {
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

// Where a flow's entry may lie, and how it is recognised there.
struct FlowPlace {
    uint32_t first_bucket;
    uint32_t second_bucket;
    uint32_t signature;  // neither signature_free nor a claim
    uint32_t home_way;   // where in a bucket it lies unless somebody else does
};

constexpr uint64_t hash_flow(const FlowKey& key, const uint32_t (&secret)[10]) {
    const uint64_t ends = uint64_t{key.source_port.raw} | uint64_t{key.destination_port.raw} << 16 | uint64_t{key.zone} << 32 |
                          uint64_t{key.protocol} << 48;
    return spread(nh_word(key.source.words[0], secret[0], secret[1]) + nh_word(key.source.words[1], secret[2], secret[3]) +
                  nh_word(key.destination.words[0], secret[4], secret[5]) +
                  nh_word(key.destination.words[1], secret[6], secret[7]) + nh_word(ends, secret[8], secret[9]));
}

constexpr FlowPlace place_flow(uint64_t hash, uint32_t buckets) {
    const uint32_t low = static_cast<uint32_t>(hash);
    const uint32_t high = static_cast<uint32_t>(hash >> 32);
    const uint32_t signature = high | 2;  // bit 1 keeps clear of signature_free and of claims
    const auto bucket_of = [buckets](uint32_t value) { return static_cast<uint32_t>(uint64_t{value} * buckets >> 32); };
    return {bucket_of(low), bucket_of(low ^ (high * 0x5bd1e995u)), signature, low & (flow_bucket_ways - 1)};
}

// Entropy of the inner flow for ECMP on the way, from the dynamic ports (RFC 7348, section 5).
constexpr be16 tunnel_source_port(uint64_t flow_hash) {
    return be16::from_host(static_cast<uint16_t>(0xc000 | ((flow_hash >> 20) & 0x3fff)));
}

// The two buckets that an entry with two choices may lie in.
struct BucketPlace {
    uint32_t first_bucket;
    uint32_t second_bucket;
};

// `prefix` has its host bits cleared.
constexpr BucketPlace place_route(uint16_t zone, uint8_t length, const Address& prefix, const uint32_t (&secret)[10],
                                  uint32_t bucket_mask) {
    const uint64_t hash = spread(nh_word(prefix.words[0], secret[0], secret[1]) + nh_word(prefix.words[1], secret[2], secret[3]) +
                                 nh_word(uint64_t{zone} << 32 | length, secret[4], secret[5]));
    return {static_cast<uint32_t>(hash) & bucket_mask, static_cast<uint32_t>(hash >> 32) & bucket_mask};
}

// Where the pair of a subject and a peer may lie, by PolicyPair::key. `bucket_mask`: buckets - 1.
constexpr BucketPlace place_policy_pair(uint32_t key, const uint32_t (&secret)[10], uint32_t bucket_mask) {
    const uint64_t hash = spread(nh_word(key, secret[0], secret[1]));
    return {static_cast<uint32_t>(hash) & bucket_mask, static_cast<uint32_t>(hash >> 32) & bucket_mask};
}

// The only bucket that a datagram's FragmentEntry may lie in. `identification_and_sender` is identification, zone and source_hop.
constexpr uint32_t place_fragment(const Address& source, const Address& destination, uint64_t identification_and_sender,
                                  const uint32_t (&secret)[10]) {
    const uint64_t hash =
        spread(nh_word(source.words[0], secret[0], secret[1]) + nh_word(source.words[1], secret[2], secret[3]) +
               nh_word(destination.words[0], secret[4], secret[5]) + nh_word(destination.words[1], secret[6], secret[7]) +
               nh_word(identification_and_sender, secret[8], secret[9]));
    return static_cast<uint32_t>(hash >> 32) & (fragment_buckets - 1);
}

// Homes in the open-addressed tables: an entry lies at most probe_limit slots after its home, modulo the size.
constexpr uint32_t port_index_home(uint32_t ifindex) { return ifindex & (port_index_slots - 1); }
constexpr uint32_t vni_index_home(uint32_t vni) { return (vni * 0x9e3779b1u >> 16) & (vni_index_slots - 1); }
constexpr uint32_t node_home(const Address& address) {
    return static_cast<uint32_t>(spread(address.words[0] ^ address.words[1]) >> 32) & (node_slots - 1);
}

// The mask of a prefix length in 128-bit space, in network byte order.
constexpr Address mask_of(uint8_t length) {
    const uint64_t high = length >= 64 ? ~uint64_t{0} : length == 0 ? 0 : ~uint64_t{0} << (64 - length);
    const uint64_t low = length >= 128 ? ~uint64_t{0} : length <= 64 ? 0 : ~uint64_t{0} << (128 - length);
    return Address{{__builtin_bswap64(high), __builtin_bswap64(low)}};
}
constexpr Address masked(const Address& address, uint8_t length) {
    const Address mask = mask_of(length);
    return Address{{address.words[0] & mask.words[0], address.words[1] & mask.words[1]}};
}

}  // namespace biplane
