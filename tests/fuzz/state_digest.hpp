// Comparing what two engines have become: counters after every packet, the flow tables from time to time. Byte for byte, but
// for times, which come from clocks that are read at different moments.
#pragma once
#include <array>
#include <string>

#include "cases/world.hpp"
#include "engines/engine.hpp"

namespace biplane::fuzz {

constexpr size_t counter_words = sizeof(PortCounters) / sizeof(uint64_t);
using CounterSums = std::array<std::array<uint64_t, counter_words>, world::ports_end>;

// All rows of the world's ports added up; the state of the rate limit left out.
void sum_counters(const SharedTables& tables, CounterSums& sums);
// As if no ICMP error had been sent: the rate limit is per processor, and which one runs a test is chance.
void forgive_icmp_errors(SharedTables& tables);
// For half a second: which flow finds that some buckets are due depends on the moment.
void put_off_tidying(SharedTables& tables);
// Empty if equal.
std::string compare_counters(const CounterSums& a, const CounterSums& b);

// Empty if equal. `ignored_mode` are bits of FlowEntry::mode that may differ.
std::string compare_fragment_tables(const SharedTables& a, const SharedTables& b);
std::string compare_flow_tables(const SharedTables& a, const SharedTables& b, uint8_t ignored_mode);

}  // namespace biplane::fuzz
