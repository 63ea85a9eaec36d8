// What the loader tells the programs before the kernel verifies them: frozen, so that the verifier knows the values. Shared by
// kernel_tables.hpp and kernel_object.cpp.
#pragma once
#include "layout/integers.hpp"

namespace biplane {

struct ProgramConstants {
    uint32_t flow_buckets;
    uint32_t route_mask;         // route buckets of all banks - 1; a power of two less one
    uint32_t counter_mask;       // entries of the counters - 1; likewise
    uint32_t rule_counter_mask;  // entries of the rules' counters - 1; likewise
    uint32_t event_mask;         // events of all rings - 1; likewise
    uint32_t pad;
};
inline constexpr char program_constants_map[] = ".rodata.bp";

}  // namespace biplane
