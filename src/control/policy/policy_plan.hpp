// From policies to the tables that they are judged by (layout/policy.hpp): who is a subject, who lives where, and what each says about
// each. Does no more work for a pair of workloads than the rules that concern it: everything is looked up by label and by peer.
#pragma once
#include "base/result.hpp"
#include "control/numbering/numbering.hpp"
#include "control/numbering/planned_route.hpp"
#include "layout/table_image.hpp"

namespace biplane {

// Fills the policy tables of `image`, gives the routes their classes, adds routes that only policies need (of the next hop that leads
// there anyway), and numbers the rules in `numbering`, whose rule_cursor is that of `previous`. `node` is this node's name. Pure, and
// the same for the same input. Refused if something does not fit its table: the message says what, how many and the limit.
Status plan_policies(const DesiredState& desired, const std::string& node, const uint32_t (&hash_secret)[10], PlannedRoutes& routes,
                     const Numbering& previous, Numbering& numbering, TableImage& image);

}  // namespace biplane
