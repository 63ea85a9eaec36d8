// Lookups in a planned image, written for the tests from the words of layout/tables.hpp alone and as simply as it can be: a
// search through what the layout says may hold the entry. It does not use the datapath's lookups, so a mistake there does not
// hide one in the plan.
#pragma once
#include <cstring>
#include <string>

#include "control/plan/plan.hpp"
#include "datapath/hash.hpp"

namespace biplane {

// The entry of `table` that `matches`, if it lies where a probe from `home` finds it: no free slot in between.
template <typename Entry, typename IsFree, typename Matches>
const Entry* probe(const std::vector<Entry>& table, uint32_t home, IsFree is_free, Matches matches) {
    for (uint32_t i = 0; i < probe_limit; ++i) {
        const Entry& entry = table[(home + i) % table.size()];
        if (is_free(entry)) return nullptr;
        if (matches(entry)) return &entry;
    }
    return nullptr;
}

inline uint16_t port_of_interface(const TableImage& image, uint32_t ifindex) {
    const auto* found = probe(
        image.port_index, port_index_home(ifindex), [](auto& e) { return e.ifindex == 0; },
        [&](auto& e) { return e.ifindex == ifindex; });
    return found ? found->port : no_port;
}

inline uint16_t zone_of_vni(const TableImage& image, uint32_t vni) {
    const auto* found =
        probe(image.vni_index, vni_index_home(vni), [](auto& e) { return e.vni == 0; }, [&](auto& e) { return e.vni == vni; });
    return found ? found->zone : no_zone;
}

inline uint16_t node_of_address(const TableImage& image, const Address& address) {
    const auto* found = probe(
        image.nodes, node_home(address), [](auto& e) { return e.address == Address{}; },
        [&](auto& e) { return e.address == address; });
    return found ? found->next_hop : no_next_hop;
}

// The entry of exactly this prefix; nullptr: there is none.
inline const RouteEntry* route_entry(const Plan& plan, const std::string& network, const Prefix& prefix) {
    for (const RouteBucket& bucket : plan.image.routes)
        for (const RouteEntry& entry : bucket.entries)
            if (entry.zone == plan.numbering.zones.at(network) && entry.length == prefix.length && entry.prefix == prefix.address)
                return &entry;
    return nullptr;
}

// The longest matching prefix, by comparing the leading bits of `destination` bit by bit, in the order of the zone's lengths.
inline uint16_t longest_route(const Plan& plan, const TableShape& shape, const std::string& network, const Address& destination) {
    const uint16_t number = plan.numbering.zones.at(network);
    const Zone& zone = plan.image.zones[number];
    const bool ipv4 = is_ipv4(destination);
    const uint8_t* lengths = zone.lengths + (ipv4 ? 0 : zone.ipv4_lengths);
    for (int n = 0; n < (ipv4 ? zone.ipv4_lengths : zone.ipv6_lengths); ++n) {
        Address prefix{};
        const auto* from = reinterpret_cast<const unsigned char*>(&destination);
        auto* to = reinterpret_cast<unsigned char*>(&prefix);
        for (int bit = 0; bit < lengths[n]; ++bit) to[bit / 8] |= static_cast<unsigned char>(from[bit / 8] & (0x80 >> bit % 8));
        const BucketPlace place = place_route(number, lengths[n], prefix, shape.hash_secret, shape.route_bucket_mask);
        for (const uint32_t bucket : {place.first_bucket, place.second_bucket})
            for (const RouteEntry& entry : plan.image.routes[bucket].entries)
                if (entry.zone == number && entry.length == lengths[n] && std::memcmp(&entry.prefix, &prefix, sizeof prefix) == 0)
                    return entry.next_hop;
    }
    return no_next_hop;
}

}  // namespace biplane
