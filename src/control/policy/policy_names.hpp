// What rules are called in Numbering::rules, in counters, logs and explanations.
#pragma once
#include <string>
#include <vector>

#include "control/documents/policies.hpp"

namespace biplane {

enum class Direction : uint8_t { ingress, egress };
constexpr const char* name_of(Direction direction) { return direction == Direction::ingress ? "ingress" : "egress"; }

// "NetworkPolicy/shop/web/ingress/0", "BiplanePolicy/no-telnet/egress/1(telnet)": with the name of the rule if it has one.
std::string rule_name(const NetworkPolicy& policy, Direction direction, size_t index);
std::string rule_name(const BiplanePolicy& policy, Direction direction, size_t index, const BiplaneRule& rule);
// "isolation/ingress/NetworkPolicy/shop/a,shop/b": what denies where these isolate and none of their rules matches. Of many the first
// are named, and the rest is told apart by a number.
std::string isolation_name(Direction direction, const std::vector<std::string>& policy_keys);

}  // namespace biplane
