// Why may, or may not, this reach that? Read from the documents alone, rule by rule: what the tables say must be the same, and a test
// holds the two against each other. For people, so it takes its time.
#pragma once
#include <string>
#include <vector>

#include "control/documents/desired_state.hpp"
#include "control/policy/policy_names.hpp"

namespace biplane {

// One end of a flow in a network. An own address of a workload makes that workload the end; an address that a Route leads to a workload
// is under its policies, but is not named by its labels; an address of this node that a Route leads to the host is the node.
struct PolicyEnd {
    std::string network;
    Address address;
};

enum class RuleOutcome : uint8_t {
    decided,      // it matches, and no rule before it did
    matched_too,  // it matches, but another one before it decides
    passed,       // it matches, and leaves it to the NetworkPolicies
    other_peer,   // none of its peers is the other end: see `note`
    other_port,   // its peers match, its ports do not: see `note`
};
std::string to_string(RuleOutcome outcome);

struct ExplainedRule {
    std::string name;  // as in Numbering::rules
    PolicyAction action;
    RuleOutcome outcome;
    std::string note;  // e.g. "shop/db: namespace shop is not selected"
};

struct ExplainedDirection {
    std::string subject;                   // key of the workload that is selected; empty: nobody is
    std::vector<std::string> isolated_by;  // keys of NetworkPolicies
    std::vector<ExplainedRule> rules;      // of all policies that select it, in the order in which they are judged
    bool is_allowed = true;
    std::string decided_by;  // name of the rule, or of the isolation as in Numbering::rules; empty: nothing restricts it
    bool log = false;
};

struct Explanation {
    ExplainedDirection egress;   // of the source
    ExplainedDirection ingress;  // of the destination
    bool is_same_port = false;   // nobody is kept from reaching himself
    bool is_from_node = false;   // the node may always reach its workloads
    bool is_allowed() const { return is_same_port || (egress.is_allowed && ingress.is_allowed); }
};

// `position`: policy_position() of layout/policy.hpp. `node`: the name of the node that judges.
Explanation explain(const DesiredState& desired, const std::string& node, const PolicyEnd& source, const PolicyEnd& destination,
                    uint32_t position);

}  // namespace biplane
