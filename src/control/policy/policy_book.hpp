// All policies as one list per direction, in the order in which they are judged, with the workloads that each selects and the peers
// that each rule names looked up. What a rule says stays where it was written.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "control/policy/policy_names.hpp"
#include "control/policy/workload_index.hpp"

namespace biplane {

constexpr std::array directions = {Direction::ingress, Direction::egress};

// Equal peers of different rules are one.
struct BookPeer {
    const AddressBlock* block = nullptr;  // nullptr: workloads
    WorkloadIndex::Numbers workloads;
};

struct BookRule {
    std::string name;  // rule_name()
    const std::vector<PolicyPort>* ports;
    PolicyAction action;
    bool log;
    bool is_for_everybody;  // names no peers
    bool names_ports;
    std::vector<uint32_t> peers;  // indices of PolicyBook::peers
};

struct BookPolicy {
    std::string key;  // of a NetworkPolicy, which isolates what it selects: "shop/web"; empty: a BiplanePolicy
    uint32_t first_rule;
    uint32_t rules;
    std::vector<const PolicyPort*> named_ports;  // in its rules
    WorkloadIndex::Numbers workloads;            // that it selects
};

struct DirectionBook {
    std::vector<BookPolicy>
        policies;                 // that say something about this direction: BiplanePolicies by order, then NetworkPolicies by key
    std::vector<BookRule> rules;  // in the order of their policies
    uint32_t first_network_rule = 0;  // those before are BiplanePolicies'
};

struct PolicyBook {
    std::array<DirectionBook, 2> books;
    std::vector<BookPeer> peers;
    const DirectionBook& operator[](Direction direction) const { return books[static_cast<size_t>(direction)]; }
};

// Keeps pointers into `desired`.
PolicyBook write_policy_book(const DesiredState& desired, WorkloadIndex& workloads);

}  // namespace biplane
