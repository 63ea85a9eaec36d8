// Writing down what was decided: a new pair, or an established flow's counters, state and time. Only for packets that leave.
#pragma once
#include "datapath/flows/tidy.hpp"
#include "datapath/steps/judge.hpp"

namespace biplane {

// The state is the pair's: both entries keep it.
template <typename Tables>
inline void write_mode(const Tables& tables, FlowEntry& entry, uint32_t number, uint8_t mode) {
    constexpr uint8_t own = flow_mode_reverse | flow_mode_user_plane | flow_mode_cut;
    entry.mode = mode;
    const auto* detail = tables.flow_detail(number);
    auto* other = detail ? tables.flow(detail->other) : nullptr;
    if (other) other->mode = static_cast<uint8_t>((mode & ~own) | (other->mode & own));
}

template <typename Packet, typename Tables>
inline void account(Packet& packet, const Tables& tables, Journey& j, uint32_t frames) {
    FlowEntry& entry = *j.flow;
    add(entry.bytes, uint64_t{j.network_bytes});
    const uint32_t before = add_and_get_old(entry.packets, frames);
    if (before + frames < before) {
        auto* detail = tables.flow_detail(j.flow_number);
        if (detail) add(detail->packets_high, 1u);
    }
    if (entry.last_seen != j.now) entry.last_seen = j.now;
    if (j.tcp_flags == 0) j.next_mode = j.is_later_fragment ? j.flow_mode : next_mode_untracked(j.flow_mode);
    if (Packet::can_be_cut && packet.came_cut()) j.next_mode |= flow_mode_cut;
    if (j.next_mode != j.flow_mode) write_mode(tables, entry, j.flow_number, j.next_mode);
    if (j.is_tracked) tables.write_tracked(j.flow_number, &j);
}

// A TCP connection that is picked up in its middle is taken for established.
inline FlowState first_state_of(const Journey& j) {
    const bool is_picked_up = j.key.protocol == protocol::tcp && j.tcp_flags != 0 && (j.tcp_flags & tcp_flag::syn) == 0;
    return is_picked_up ? FlowState::established : FlowState::opening;
}

// Over the quota: what of the owner's is over may be won back. What a flood costs that has nothing to win is a look-up.
template <typename Tables>
inline FlowCreation create_or_win_back(const Tables& tables, NewFlow& flow) {
    const FlowCreation creation = tables.create_flow(flow);
    if (!is_over_quota(creation)) {
        if (creation == FlowCreation::created) tables.tidy_flows(false, flow.now);
        return creation;
    }
    auto* owner = tables.flow_share(creation == FlowCreation::quota_workload ? flow_owner_of_port(flow.ingress_port)
                                                                             : flow_owner_of_zone(flow.key.zone));
    if (!owner || load(owner->tidied_at) == flow.now) return creation;
    const uint32_t freed = tables.tidy_flows(true, flow.now);
    const FlowCreation again = freed != 0 ? tables.create_flow(flow) : creation;
    if (is_over_quota(again)) owner->tidied_at = flow.now;
    return again;
}

// The forward policy (next hop) and the reverse policy (zone <-> VNI, way back) of a new flow, written by its first packet.
template <typename Packet, typename Tables>
inline Fate record_new(const Tables& tables, Journey& j) {
    NewFlow* flow = tables.new_flow();
    if (!flow) return drop(DropReason::flow_table_full);
    flow->key = j.key;
    flow->now = j.now;
    flow->epoch = j.epoch;
    flow->vni = j.zone->vni;
    flow->next_hop = j.next_hop_number;
    flow->source_hop = j.source_hop;
    flow->ingress_port = j.port_number;
    flow->egress_rule = rule_of(j.egress_decision);
    flow->ingress_rule = rule_of(j.ingress_decision);
    flow->mode = with_state(Packet::plane == Plane::user ? flow_mode_user_plane : 0, first_state_of(j));
    switch (create_or_win_back(tables, *flow)) {
        case FlowCreation::table_full:
            return drop(DropReason::flow_table_full);
        case FlowCreation::rate_workload:
            return drop(DropReason::flow_rate_workload);
        case FlowCreation::rate_network:
            return drop(DropReason::flow_rate_network);
        case FlowCreation::quota_workload:
            return drop(DropReason::flow_quota_workload);
        case FlowCreation::quota_network:
            return drop(DropReason::flow_quota_network);
        case FlowCreation::contended:
            return go_on();  // whoever holds the lock for so long makes the pair; nothing is lost
        case FlowCreation::existed:
            break;
        case FlowCreation::created:
            j.is_new = true;
            break;
    }
    j.flow_number = flow->entry;
    j.flow = tables.flow(flow->entry);
    if (!j.flow) return drop(DropReason::flow_table_full);
    j.flow_mode = j.flow->mode;
    if (j.tcp_flags != 0) track(tables, j);
    return go_on();
}

// `frames`: how many the packet is on the wire.
template <typename Packet, typename Tables>
inline Fate record(Packet& packet, const Tables& tables, Journey& j, uint32_t frames) {
    if (j.is_related) return go_on();  // an ICMP error never creates, refreshes or changes a flow
    if (!j.flow) {
        const Fate fate = record_new<Packet>(tables, j);
        if (fate.is_decided()) return fate;
    } else if (j.is_judged) {
        j.flow->next_hop = j.next_hop_number;
        j.flow->source_hop = j.source_hop;
        const bool is_reply = (j.flow_mode & flow_mode_reverse) != 0;
        auto* detail = tables.flow_detail(j.flow_number);
        if (detail) detail->rule = rule_of(is_reply ? j.ingress_decision : j.egress_decision);
        publish_value(j.flow->epoch, j.epoch);
    }
    if (j.flow) account(packet, tables, j, frames);
    return go_on();
}

}  // namespace biplane
