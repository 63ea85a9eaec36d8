// Lookups in the planned tables. All read the bank of the given epoch; all loops have a constant bound.
//
// Tables is what a plane offers (KernelTables, SharedTables): one member function per table that returns a pointer to an entry,
// nullptr if there is no such entry, and some that the kernel plane keeps out of line: route_to(), route_with_length(),
// policy_decision(), reclaim_rank(), claim_flow_way(), take_flow_back(), charge(), tidy_flow_bucket(), tidy_flows(), join_fragment(),
// remember_fragment(), and create_flow(), which takes what new_flow() points to.
#pragma once
#include "datapath/hash.hpp"

namespace biplane {

// What the longest matching route says. next_hop 0: no route.
struct RouteMatch {
    uint16_t next_hop;
    uint16_t address_class;
    uint8_t length;  // in 128-bit space
    uint8_t flags;   // of RouteEntry

    // What one entry says, and what a look-up says.
    static constexpr uint32_t pack_entry(const RouteEntry& entry) {
        return uint32_t{entry.address_class} << 16 | uint32_t{entry.flags} << 14 | entry.next_hop;
    }
    constexpr uint64_t packed() const {
        return uint64_t{length} << 32 | uint32_t{address_class} << 16 | uint32_t{flags} << 14 | next_hop;
    }
    static constexpr RouteMatch unpack(uint64_t value) {
        return {static_cast<uint16_t>(value & (next_hops_max - 1)), static_cast<uint16_t>(value >> 16),
                static_cast<uint8_t>(value >> 32), static_cast<uint8_t>(value >> 14 & 3)};
    }
};
constexpr uint32_t no_route_entry = 0;

template <typename Tables>
inline uint16_t port_of_interface(const Tables& tables, uint32_t epoch, uint32_t ifindex) {
    const uint32_t home = port_index_home(ifindex);
    for (uint32_t i = 0; i < probe_limit; ++i) {
        const auto* entry = tables.port_index(epoch, (home + i) & (port_index_slots - 1));
        if (!entry || entry->ifindex == 0) return no_port;
        if (entry->ifindex == ifindex) return entry->port;
    }
    return no_port;
}

template <typename Tables>
inline uint16_t zone_of_vni(const Tables& tables, uint32_t epoch, uint32_t vni) {
    const uint32_t home = vni_index_home(vni);
    for (uint32_t i = 0; i < probe_limit; ++i) {
        const auto* entry = tables.vni_index(epoch, (home + i) & (vni_index_slots - 1));
        if (!entry || entry->vni == 0) return no_zone;
        if (entry->vni == vni) return entry->zone;
    }
    return no_zone;
}

// The next hop that encapsulates to the node with this underlay address; no_next_hop: not a known node.
template <typename Tables>
inline uint16_t node_of_address(const Tables& tables, uint32_t epoch, const Address& address) {
    const uint32_t home = node_home(address);
    for (uint32_t i = 0; i < probe_limit; ++i) {
        const auto* entry = tables.node(epoch, (home + i) & (node_slots - 1));
        if (!entry || (entry->address.words[0] | entry->address.words[1]) == 0) return no_next_hop;
        if (entry->address == address) return entry->next_hop;
    }
    return no_next_hop;
}

template <typename Tables>
inline uint32_t route_in_bucket(const Tables& tables, uint32_t epoch, uint32_t bucket_number, uint16_t zone, uint8_t length,
                                const Address& prefix) {
    const auto* bucket = tables.route_bucket(epoch, bucket_number);
    if (!bucket) return no_route_entry;
    for (uint32_t way = 0; way < route_bucket_ways; ++way) {
        const RouteEntry& entry = bucket->entries[way];
        if (entry.zone == zone && entry.length == length && entry.prefix == prefix) return RouteMatch::pack_entry(entry);
    }
    return no_route_entry;
}

// The route of exactly this prefix length that the destination lies in: RouteMatch::pack_entry, or no_route_entry.
template <typename Tables>
inline uint32_t route_of_length(const Tables& tables, uint32_t epoch, uint16_t zone, uint8_t length, const Address& destination) {
    const Config* config = tables.config();
    if (!config) return no_route_entry;
    const Address prefix = masked(destination, length);
    const BucketPlace place = place_route(zone, length, prefix, config->hash_secret, config->route_bucket_mask);
    const uint32_t entry = route_in_bucket(tables, epoch, place.first_bucket, zone, length, prefix);
    if (entry != no_route_entry) return entry;
    return route_in_bucket(tables, epoch, place.second_bucket, zone, length, prefix);
}

// Longest prefix match (RFC 1812, section 5.2.4.3) in the zone's routes: one probe per prefix length that the zone has.
template <typename Tables>
inline RouteMatch longest_route(const Tables& tables, uint32_t epoch, uint16_t zone_number, const Address& destination) {
    const Zone* zone = tables.zone(epoch, zone_number);
    if (!zone) return {};
    const bool ipv4 = is_ipv4(destination);
    const uint32_t first = ipv4 ? 0 : zone->ipv4_lengths;
    const uint32_t count = ipv4 ? zone->ipv4_lengths : zone->ipv6_lengths;
    // 64 bits: a counter of four bytes may share its stack slot with a lookup key, and the verifier (6.18) loses count.
    for (uint64_t i = 0; i < zone_lengths_max; ++i) {
        if (i >= count) break;
        const uint8_t length = zone->lengths[(first + i) & (zone_lengths_max - 1)];
        const uint32_t entry = tables.route_with_length(epoch, zone_number, length, destination);
        if (entry != no_route_entry) return RouteMatch::unpack(uint64_t{length} << 32 | entry);
    }
    return {};
}

}  // namespace biplane
