// May the initiator of this flow reach its responder? Both ends have a say: the policies that select the sender, and those that
// select the receiver (layout/policy.hpp). Judged in the initiator's direction, whichever way the packet goes. Reads only.
#pragma once
#include "datapath/atomics.hpp"
#include "datapath/journey.hpp"
#include "datapath/steps/lookup.hpp"

namespace biplane {

template <typename Tables>
inline PolicyList pair_in_bucket(const Tables& tables, uint32_t epoch, uint32_t bucket_number, uint32_t key) {
    const auto* bucket = tables.policy_bucket(epoch, bucket_number);
    if (!bucket) return {};
    for (const PolicyPair& pair : bucket->pairs)
        if (pair.key == key) return pair.list;
    return {};
}

// The list that decides for `subject_and_peer` (PolicyPair::key): the pair's own, else the one that its subject has for all others.
// count 0: there is none; the planner lets that happen to no subject.
template <typename Tables>
inline PolicyList list_for(const Tables& tables, uint32_t epoch, uint32_t subject_and_peer) {
    const auto* shape = tables.policy_subject(epoch, no_subject);
    const auto* others = tables.policy_subject(epoch, subject_and_peer >> 16);
    const Config* config = tables.config();
    if (!shape || !others || !config) return {};
    if (static_cast<uint16_t>(subject_and_peer) == no_peer) return *others;
    const BucketPlace place = place_policy_pair(subject_and_peer, config->hash_secret, shape->count - 1);
    PolicyList list = pair_in_bucket(tables, epoch, place.first_bucket, subject_and_peer);
    if (list.count == 0) list = pair_in_bucket(tables, epoch, place.second_bucket, subject_and_peer);
    return list.count == 0 ? *others : list;
}

// The decision of the range that `position` lies in: the last one that starts at or before it. 0, which allows nothing, if
// the list is empty.
template <typename Tables>
inline uint32_t decision_at(const Tables& tables, uint32_t epoch, PolicyList list, uint32_t position) {
    uint32_t first = list.first;
    uint32_t count = list.count;
    for (uint32_t i = 0; i < policy_search_steps; ++i) {
        if (count <= 1) break;
        const uint32_t half = count / 2;
        const auto* middle = tables.policy_range(epoch, first + half);
        if (!middle) return 0;
        const bool is_behind = middle->start <= position;
        first = is_behind ? first + half : first;
        count = is_behind ? count - half : half;
        forget_value(first);
        forget_value(count);
    }
    const auto* range = tables.policy_range(epoch, first);
    return range && list.count != 0 ? range->decision : 0;
}

constexpr Fate fate_of(uint32_t decision, DropReason isolated) {
    if (decision & policy_allow) return go_on();
    return drop(decision & policy_isolated ? isolated : DropReason::policy_rule_denied);
}

// The position of the flow's first packet, whatever this one is.
constexpr uint32_t policy_position_of(const Headers& h, bool is_reply) {
    if (h.key.protocol == protocol::icmp || h.key.protocol == protocol::icmpv6)
        return policy_position(h.key.protocol, h.query_type_and_code);
    return policy_position(h.key.protocol, (is_reply ? h.key.source_port : h.key.destination_port).to_host());
}

// Fills the journey's classes and decisions. The classes are those of the packet's own source and destination.
template <typename Tables>
inline Fate check_policy(const Tables& tables, Journey& j, uint16_t source_class, uint16_t destination_class) {
    const bool is_reply = j.flow && (j.flow_mode & flow_mode_reverse) != 0;
    j.initiator_class = is_reply ? destination_class : source_class;
    j.responder_class = is_reply ? source_class : destination_class;
    if ((source_class | destination_class) == no_address_class) return go_on();
    const auto* initiator = tables.address_class(j.epoch, j.initiator_class);
    const auto* responder = tables.address_class(j.epoch, j.responder_class);
    if (!initiator || !responder) return drop(DropReason::policy_rule_denied);
    const uint32_t position = policy_position_of(j, is_reply);
    if (initiator->egress_subject != no_subject) {
        j.egress_decision = tables.policy_decision(j.epoch, uint32_t{initiator->egress_subject} << 16 | responder->peer, position);
        const Fate fate = fate_of(j.egress_decision, DropReason::policy_egress_denied);
        if (fate.is_decided()) return fate;
    }
    if (responder->ingress_subject == no_subject || (initiator->flags & address_class_node) != 0) return go_on();
    j.ingress_decision = tables.policy_decision(j.epoch, uint32_t{responder->ingress_subject} << 16 | initiator->peer, position);
    return fate_of(j.ingress_decision, DropReason::policy_ingress_denied);
}

}  // namespace biplane
