// How many flows each network and each workload may have on this node: what documents ask for, and what holds without them.
//
// Without limits: three quarters of the flow table are given out. A network that is alone may have all of it; of several each is
// guaranteed an equal part of one half, and borrows from the other half what it needs more. One of several ports of a network may
// have seven eighths of what its network may have. Rates are not limited.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "control/documents/desired_state.hpp"
#include "control/numbering/numbering.hpp"
#include "layout/flow_shares.hpp"

namespace biplane {

// What documents say about each network, by name, and about a workload: the smallest of several limits.
std::map<std::string, FlowLimits> network_limits_of(const DesiredState& desired);
FlowLimits workload_limits_of(const DesiredState& desired, const Workload& workload);

// By owner number. `pairs` is what the flow table has room for; 0: nothing is guaranteed or limited but what documents limit.
std::vector<FlowLimit> plan_flow_limits(const DesiredState& desired, const Numbering& numbering, uint32_t pairs);

}  // namespace biplane
