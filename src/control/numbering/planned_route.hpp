// A route on its way into the tables: where it leads, and who lives there.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "control/documents/desired_state.hpp"

namespace biplane {

struct PlannedRoute {
    enum class Owner : uint8_t {
        nobody,            // a node, discard: nothing is known of who lives there
        workload_address,  // a workload's own
        behind_workload,   // what a workload's port may send and receive besides
        host,              // this node's stack
    };
    Prefix destination;
    uint16_t next_hop;
    Owner owner = Owner::nobody;
    const Workload* workload = nullptr;
    uint8_t flags = 0;  // of RouteEntry
    uint16_t address_class = 0;
};

// By network; in order of precedence: the first route to a prefix counts.
using PlannedRoutes = std::map<std::string, std::vector<PlannedRoute>>;

}  // namespace biplane
