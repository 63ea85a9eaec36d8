// Fairness (D3): whoever makes a pair pays for it, whoever takes one back refunds it. Counters are exact: they are changed by one
// atomic addition, and an addition that went over a limit is undone. A refusal costs a few loads.
#pragma once
#include "datapath/atomics.hpp"
#include "datapath/steps/lookup.hpp"
#include "layout/flow_shares.hpp"

namespace biplane {

enum class FlowCreation : uint8_t {
    created,
    existed,
    table_full,
    contended,
    rate_workload,
    rate_network,
    quota_workload,
    quota_network,
};

constexpr bool is_over_quota(FlowCreation creation) {
    return creation == FlowCreation::quota_workload || creation == FlowCreation::quota_network;
}

// A clock further ahead than any burst: it was set in another age (ticks wrap), or under a limit that is gone.
constexpr uint64_t flow_token_nonsense = 4096;

inline bool take_token(FlowShare& share, const FlowLimit& limit, uint32_t now) {
    const uint64_t cost = limit.token_cost;
    if (cost == 0) return true;
    const uint64_t time = uint64_t{now} << flow_token_shift;
    const uint64_t burst = limit.token_burst;
    const uint64_t nonsense = burst + flow_token_nonsense * cost;
    const uint64_t seen = load(share.next_token);
    if (seen - time > burst && seen - time < nonsense) return false;
    const uint64_t ahead = add_and_get_old(share.next_token, cost) - time;
    if (ahead <= burst) return true;
    if (ahead < nonsense) {
        add(share.next_token, uint64_t{0} - cost);
        return false;
    }
    replace_value(share.next_token, ahead + time + cost, time + cost);  // it was behind, or is not: from now on
    return true;
}

// One more, if that leaves it within `limit`.
inline bool count_in(int32_t& flows, int32_t limit) {
    if (load(flows) >= limit) return false;
    if (add_and_get_old(flows, 1) < limit) return true;
    add(flows, -1);
    return false;
}

// One pair more for an owner: of its own share, or borrowed from the node's pool.
inline bool count_flow(FlowShare& share, const FlowLimit& limit, FlowShare& node, const FlowLimit& pool) {
    if (limit.own == 0) {
        add(share.own, 1);
        return true;
    }
    if (count_in(share.own, limit.own)) return true;
    if (!count_in(share.borrowed, limit.borrowed)) return false;
    if (count_in(node.own, pool.own)) return true;
    add(share.borrowed, -1);
    return false;
}

// What is borrowed goes back first. Two refunds at once may both see one borrowed flow; then the other one is undone.
inline void refund_zone(FlowShare& share, FlowShare& node) {
    if (load(share.borrowed) > 0) {
        if (add_and_get_old(share.borrowed, -1) > 0) {
            add(node.own, -1);
            return;
        }
        add(share.borrowed, 1);
    }
    add(share.own, -1);
}

// created: paid; else who is over which limit.
template <typename Tables>
inline FlowCreation charge_flow(const Tables& tables, uint32_t epoch, uint16_t port_number, uint16_t zone_number, uint32_t now) {
    auto* port = tables.flow_share(flow_owner_of_port(port_number));
    auto* zone = tables.flow_share(flow_owner_of_zone(zone_number));
    auto* node = tables.flow_share(flow_owner_node);
    const auto* port_limit = tables.flow_limit(epoch, flow_owner_of_port(port_number));
    const auto* zone_limit = tables.flow_limit(epoch, flow_owner_of_zone(zone_number));
    const auto* pool = tables.flow_limit(epoch, flow_owner_node);
    if (!port || !zone || !node || !port_limit || !zone_limit || !pool) return FlowCreation::table_full;
    if (!take_token(*port, *port_limit, now)) return FlowCreation::rate_workload;
    if (!take_token(*zone, *zone_limit, now)) return FlowCreation::rate_network;
    if (!count_flow(*port, *port_limit, *node, *pool)) return FlowCreation::quota_workload;
    if (count_flow(*zone, *zone_limit, *node, *pool)) return FlowCreation::created;
    add(port->own, -1);
    return FlowCreation::quota_network;
}

template <typename Tables>
inline void refund_flow(const Tables& tables, uint16_t port_number, uint16_t zone_number) {
    auto* port = tables.flow_share(flow_owner_of_port(port_number));
    auto* zone = tables.flow_share(flow_owner_of_zone(zone_number));
    auto* node = tables.flow_share(flow_owner_node);
    if (!port || !zone || !node) return;
    add(port->own, -1);
    refund_zone(*zone, *node);
}

// Whether a network has more flows than are guaranteed to it: its half-open ones then give way to others'.
template <typename Tables>
inline bool is_above_its_share(const Tables& tables, uint16_t zone_number) {
    const auto* zone = tables.flow_share(flow_owner_of_zone(zone_number));
    return zone && load(zone->borrowed) > 0;
}

}  // namespace biplane
