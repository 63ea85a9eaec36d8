// The routes of one bank while they are being planned: placed by the two-choice hash, and which prefix lengths each zone has.
#pragma once
#include <bitset>
#include <vector>

#include "base/addresses.hpp"
#include "control/numbering/planned_route.hpp"
#include "control/plan/plan.hpp"

namespace biplane {

class RouteTable {
   public:
    explicit RouteTable(const TableShape& shape)
        : shape_(shape), buckets_(size_t{shape.route_bucket_mask} + 1), lengths_(zones_max) {}

    // The first route to a prefix stays; a second one is left out. False: no room in either bucket.
    [[nodiscard]] bool place(uint16_t zone, const PlannedRoute& route);

    size_t size() const { return size_; }
    size_t capacity() const { return buckets_.size() * route_bucket_ways; }
    // Into Zone::lengths: IPv4 first, longest first. False: more than zone_lengths_max different ones.
    [[nodiscard]] bool write_lengths(uint16_t zone_number, Zone& zone) const;
    std::vector<RouteBucket> take_buckets() { return std::move(buckets_); }

   private:
    struct Lengths {
        std::bitset<address_bits + 1> ipv4, ipv6;
    };

    TableShape shape_;
    std::vector<RouteBucket> buckets_;
    std::vector<Lengths> lengths_;  // by zone
    size_t size_ = 0;
};

}  // namespace biplane
