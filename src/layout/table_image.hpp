// The planned tables of one bank as values: made by control/plan, written by planes/publish. Hosted code only.
#pragma once
#include <vector>

#include "layout/flow_shares.hpp"
#include "layout/policy.hpp"
#include "layout/tables.hpp"

namespace biplane {

// The planned tables of one bank, whole. Vectors have the sizes of layout/tables.hpp (routes: route_bucket_mask + 1).
struct TableImage {
    std::vector<Port> ports;
    std::vector<PortIndexEntry> port_index;
    std::vector<Zone> zones;
    std::vector<VniIndexEntry> vni_index;
    std::vector<NodeEntry> nodes;
    std::vector<RouteBucket> routes;
    std::vector<NextHop> next_hops;
    // As long as they need to be; policy_subjects has at least entry 0.
    std::vector<AddressClass> address_classes = {{}};
    std::vector<PolicyList> policy_subjects = {{0, 1}};
    std::vector<PolicyBucket> policy_buckets = {{}};
    std::vector<PolicyRange> policy_ranges;
    std::vector<FlowLimit> flow_limits = std::vector<FlowLimit>(flow_owners_max);  // by owner number
};

}  // namespace biplane
