// Ports, drops, rules and routes as the tables in force have them.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "api/message.hpp"
#include "control/documents/desired_state.hpp"
#include "planes/shared_tables.hpp"
#include "views/table_names.hpp"

namespace biplane {

// Counters of one port, all processors together, per plane.
struct PortReading {
    uint16_t number = no_port;
    Port port;
    PortCounters kernel;
    PortCounters user;
};
// Every port in force, and every former one that has counted something.
std::vector<PortReading> read_ports(const SharedTables& tables);
PortCounters sum(const PortCounters& a, const PortCounters& b);

// What is attached where: ifindex -> "tcx", "xdp", ... (AttachedHook as text).
using HooksByInterface = std::map<uint32_t, std::string>;
// From the marks in `pin_directory` (HOOK-KIND_IFINDEX, planes/kernel/hooks.hpp); for tools that load no programs themselves.
HooksByInterface read_pinned_hooks(const std::string& pin_directory);

Json ports_to_json(const std::vector<PortReading>& ports, const TableNames& names, const HooksByInterface& hooks);
// One element per (port, plane, reason); `with_zeros`: also what has not happened.
Json drops_to_json(const std::vector<PortReading>& ports, const TableNames& names, bool with_zeros);
// How many packets each rule has decided about: first packets, and all that it denied. Sorted by name.
Json rules_to_json(const SharedTables& tables, const TableNames& names);
// Sorted by network, then destination.
Json routes_to_json(const SharedTables& tables, const TableNames& names, const DesiredState* desired);

const char* to_string(PortKind kind);

}  // namespace biplane
