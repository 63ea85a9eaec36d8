// Who may reach whom on which ports, compared between the tables in force and planned ones. Workloads that policies treat alike are
// compared once: the work grows with the pairs of kinds of workloads, not with the pairs of workloads.
#pragma once
#include <string>
#include <vector>

#include "api/message.hpp"
#include "control/plan/image_tables.hpp"
#include "planes/shared_tables.hpp"

namespace biplane {

// Positions (layout/policy.hpp) from `first` up to but not including `end`.
struct PositionRange {
    uint32_t first;
    uint32_t end;
    friend bool operator==(const PositionRange&, const PositionRange&) = default;
};
// "TCP 80, UDP 53-54, ICMP 8.0", "everything", "everything but TCP 80". `ranges` in order, apart from each other.
std::string text_of(const std::vector<PositionRange>& ranges);

// `sources` workloads alike, of which one has a name here, may now reach `destinations` workloads alike, or may no longer.
struct ReachabilityChange {
    std::string network;
    std::string source, destination;  // NAMESPACE/NAME of the first one
    uint64_t sources, destinations;
    uint64_t pairs;  // of addresses of one family; nobody with himself
    bool is_ipv4;
    std::vector<PositionRange> ranges;
};

struct ReachabilityDifference {
    std::vector<ReachabilityChange> opens, closes;  // in order of source, then destination; at most `listed_max` each
    uint64_t opens_count = 0, closes_count = 0;     // changes, listed or not
    uint64_t opened_pairs = 0, closed_pairs = 0;
    bool is_whole = true;  // false: there are more kinds of workloads than are compared
};

struct StateInForce {
    const DesiredState& desired;
    const Numbering& numbering;
    const SharedTables& tables;
};
struct PlannedState {
    const DesiredState& desired;
    const Numbering& numbering;
    const ImageTables& tables;
};

// Workloads of one network with each other, as far as they are in both states, with the same address: what comes or goes has its own
// line among the changes.
ReachabilityDifference compare_reachability(const StateInForce& before, const PlannedState& after, size_t listed_max);

// {opens: {count, pairs, changes: [{network, source, sources, destination, destinations, family, pairs, ports}]}, closes: ..., whole}
Json to_json(const ReachabilityDifference& difference);

}  // namespace biplane
