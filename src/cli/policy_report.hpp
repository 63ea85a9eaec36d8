// What `biplane policy` says, as JSON (docs/api.md) and as text made from it.
#pragma once
#include <optional>
#include <string>

#include "api/message.hpp"
#include "cli/policy_question.hpp"
#include "planes/shared_tables.hpp"
#include "views/table_names.hpp"

namespace biplane {

// What the tables in force say about the same question.
struct DecisionInForce {
    uint32_t epoch = 0;
    bool has_route = true;  // somebody lives at the destination, as far as this node can tell
    bool is_allowed = true;
    std::string egress_rule, ingress_rule;  // that decided; empty: nothing restricts it, or it was not asked
    bool is_ingress_asked = true;           // not after the sender's policies have denied
};
// Nothing if the tables do not know the network.
std::optional<DecisionInForce> decide_in_force(const SharedTables& tables, const Numbering& numbering,
                                               const PolicyQuestion& question);

// Whether tables and documents say the same, rule by rule.
bool agree(const Explanation& explanation, const DecisionInForce& in_force);

Json explanation_to_json(const PolicyQuestion& question, const Explanation& explanation,
                         const std::optional<DecisionInForce>& in_force);
std::string explanation_text(const Json& explanation);

// The agent's answer to POST /v1/policy/test, without its changes.
std::string foreseen_text(const Json& foreseen);

}  // namespace biplane
