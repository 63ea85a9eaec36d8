// The flow table as pairs, and what must hold of it whatever was sent.
#pragma once
#include <string>
#include <vector>

#include "cases/case.hpp"
#include "datapath/flows/flow_table.hpp"
#include "planes/shared_tables.hpp"

namespace biplane::engines {

struct Pair {
    FlowEntry forward, reverse;
    FlowDetail detail;  // of the forward entry
};

// All pairs. What is wrong with the table is told in `complaints`: half pairs, entries in the wrong place, held locks.
std::vector<Pair> read_pairs(const SharedTables& tables, std::vector<std::string>& complaints);
std::string print(const Pair& pair);

// What differs between a pair and what a case wants; empty if nothing.
bool is_about(const cases::WantedFlow& wanted, const Pair& pair);
std::string compare(const cases::WantedFlow& wanted, const Pair& pair, Plane plane);
std::string print(const cases::WantedFlow& wanted);

}  // namespace biplane::engines
