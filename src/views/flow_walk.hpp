// Walking the flow table while both planes work on it: what is visited is a copy, whole and unchanged while it was taken.
#pragma once
#include <functional>

#include "planes/shared_tables.hpp"

namespace biplane {

// A pair as it was at one moment. `forward` is the direction of the first packet.
struct FlowPair {
    FlowEntry forward;
    FlowEntry reverse;
    FlowDetail forward_detail;
    FlowDetail reverse_detail;
};

struct FlowTotals {
    uint64_t pairs = 0;
    uint64_t half_pairs = 0;  // entries whose other direction is missing: there must be none
    uint64_t capacity = 0;    // pairs
};

// Visits every pair that has not expired.
FlowTotals walk_flows(const SharedTables& tables, uint32_t now, const std::function<void(const FlowPair&)>& visit);

// Entries by number, from `begin` up to but not including `end`.
struct FlowRange {
    uint32_t begin;
    uint32_t end;
};

// Visits every pair that has not expired, whose forward entry lies in `range` and is wanted (no function: all are), until `visit`
// says false. Returns the number of the entry to go on from. Any number of threads may walk at once.
uint32_t walk_flows(const SharedTables& tables, FlowRange range, uint32_t now, const std::function<bool(const FlowEntry&)>& wanted,
                    const std::function<bool(const FlowPair&)>& visit);

}  // namespace biplane
