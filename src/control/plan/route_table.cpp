#include "control/plan/route_table.hpp"

#include "datapath/hash.hpp"

namespace biplane {
namespace {

uint32_t count_routes(const RouteBucket& bucket) {
    uint32_t count = 0;
    while (count < route_bucket_ways && bucket.entries[count].zone != no_zone) ++count;
    return count;
}

bool holds(const RouteBucket& bucket, uint16_t zone, const Prefix& destination) {
    for (const RouteEntry& entry : bucket.entries)
        if (entry.zone == zone && entry.length == destination.length && entry.prefix == destination.address) return true;
    return false;
}

}  // namespace

bool RouteTable::place(uint16_t zone, const PlannedRoute& route) {
    const Prefix& destination = route.destination;
    const BucketPlace place =
        place_route(zone, destination.length, destination.address, shape_.hash_secret, shape_.route_bucket_mask);
    RouteBucket& first = buckets_[place.first_bucket];
    RouteBucket& second = buckets_[place.second_bucket];
    if (holds(first, zone, destination) || holds(second, zone, destination)) return true;

    const uint32_t in_first = count_routes(first), in_second = count_routes(second);
    const uint32_t way = in_first <= in_second ? in_first : in_second;
    if (way == route_bucket_ways) return false;
    RouteBucket& emptier = in_first <= in_second ? first : second;
    emptier.entries[way] = {.prefix = destination.address,
                            .zone = zone,
                            .next_hop = route.next_hop,
                            .length = destination.length,
                            .flags = route.flags,
                            .address_class = route.address_class};
    (is_ipv4(destination.address) ? lengths_[zone].ipv4 : lengths_[zone].ipv6).set(destination.length);
    ++size_;
    return true;
}

bool RouteTable::write_lengths(uint16_t zone_number, Zone& zone) const {
    const Lengths& lengths = lengths_[zone_number];
    if (lengths.ipv4.count() + lengths.ipv6.count() > zone_lengths_max) return false;
    uint32_t next = 0;
    for (int length = address_bits; length >= ipv4_prefix_offset; --length)
        if (lengths.ipv4[length]) zone.lengths[next++] = static_cast<uint8_t>(length);
    zone.ipv4_lengths = static_cast<uint8_t>(next);
    for (int length = address_bits; length >= 0; --length)
        if (lengths.ipv6[length]) zone.lengths[next++] = static_cast<uint8_t>(length);
    zone.ipv6_lengths = static_cast<uint8_t>(next - zone.ipv4_lengths);
    return true;
}

}  // namespace biplane
