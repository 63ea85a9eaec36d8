// The tables that policies are judged by: planned, `banks` copies each, written by the agent only.
//
//   RouteEntry::address_class --address_classes--> AddressClass {egress_subject, ingress_subject, peer}
//
//   (egress subject of the sender,    peer of the receiver) --+--policy_pairs--> a list of PolicyRange, one of which decides
//   (ingress subject of the receiver, peer of the sender)   --+
//                                      (subject alone)      -----policy_subjects--> the list for every other peer
//
// A subject is a set of workloads that the same policies select in one direction; a peer is a set of addresses that the same rules
// name. The planner (control/policy_plan) has put all policies together, so what a first packet pays does not depend on how many
// there are: two look-ups and a search among the ports that differ for this pair.
#pragma once
#include "layout/integers.hpp"

namespace biplane {

constexpr uint32_t address_classes_max = 65536;
constexpr uint32_t policy_subjects_max = 65536;  // both directions together
constexpr uint32_t policy_bucket_pairs = 5;
constexpr uint32_t policy_buckets_max = 65536;  // power of two
constexpr uint32_t policy_ranges_max = 1u << 19;
constexpr uint32_t policy_rules_max = 32768;
constexpr uint32_t policy_search_steps = 20;  // a list has less than 2^20 ranges
static_assert(policy_ranges_max < 1u << policy_search_steps);

constexpr uint16_t no_subject = 0;  // nothing restricts this direction
constexpr uint16_t no_peer = 0;     // no rule names this address
constexpr uint16_t no_rule = 0;
constexpr uint16_t no_address_class = 0;

// address_class_node: the node itself, which may always reach its workloads.
constexpr uint16_t address_class_node = 1;

struct AddressClass {
    uint16_t egress_subject;
    uint16_t ingress_subject;
    uint16_t peer;
    uint16_t flags;
};
static_assert(sizeof(AddressClass) == 8);

// Part of policy_ranges: `count` (at least 1) ranges from `first` on. In policy_subjects: the list for every peer without a pair
// of its own; entry 0 belongs to no subject: its `count` is the number of policy buckets of this bank, a power of two.
struct PolicyList {
    uint32_t first;
    uint32_t count;
};

struct PolicyPair {
    uint32_t key;  // subject << 16 | peer; 0: empty
    PolicyList list;
};

struct alignas(64) PolicyBucket {
    PolicyPair pairs[policy_bucket_pairs];
    uint32_t pad;
};
static_assert(sizeof(PolicyBucket) == 64);

// A list covers all of policy_position(): its first range starts at 0, starts rise, each range ends where the next starts.
struct PolicyRange {
    uint32_t start;
    uint32_t decision;
};
static_assert(sizeof(PolicyRange) == 8);

// PolicyRange::decision: the number of the rule in the low 16 bits, and
constexpr uint32_t policy_allow = 1u << 31;
constexpr uint32_t policy_log = 1u << 30;
// denied because no rule allows it: the rule's number then names the policies that isolate the workload
constexpr uint32_t policy_isolated = 1u << 29;

constexpr uint16_t rule_of(uint32_t decision) { return static_cast<uint16_t>(decision); }

// Where in a list a packet stands: by protocol and destination port; ICMP: type and code; others: 0.
constexpr uint32_t policy_position(uint8_t ip_protocol, uint16_t port_or_type_and_code) {
    return uint32_t{ip_protocol} << 16 | port_or_type_and_code;
}
constexpr uint32_t policy_positions = 1u << 24;

// How often a rule decided about a first packet, or about one that it denied. counters[slot * policy_rules_max + rule], one writer
// each, like PortCounters; not banked.
struct RuleCounters {
    uint64_t packets;
};

}  // namespace biplane
