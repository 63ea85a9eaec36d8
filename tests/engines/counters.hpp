// The counters of the world's ports, all rows added up, and what they say about one packet.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "layout/verdict.hpp"
#include "planes/shared_tables.hpp"

namespace biplane::engines {

// By name: "received", "drops.no-route", ... Those that are state and not counts are left out.
using PortCounts = std::map<std::string, uint64_t>;

PortCounts counts_of(const SharedTables& tables, uint16_t port);
// What was added between two readings; what stayed the same is left out.
PortCounts difference(const PortCounts& before, const PortCounts& after);
std::string print(const PortCounts& counts);
std::string print(Fate fate);

// What a packet of this fate must have added to its ingress port.
PortCounts wanted_counts(Fate fate, uint64_t frame_bytes, bool with_error_reply);

}  // namespace biplane::engines
