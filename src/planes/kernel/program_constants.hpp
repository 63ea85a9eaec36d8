// What the loader tells the programs before the kernel verifies them: frozen, so that the verifier knows the values. Shared by
// kernel_tables.hpp and kernel_object.cpp.
#pragma once
#include "layout/integers.hpp"

namespace biplane {

struct ProgramConstants {       // each a power of two less one
    uint32_t flow_mask;         // entries of the flow table - 1
    uint32_t flow_bucket_mask;  // its buckets - 1
    uint32_t route_mask;        // route buckets of both banks - 1
    uint32_t counter_mask;      // entries of the counters - 1
};
inline constexpr char program_constants_map[] = ".rodata.bp";

}  // namespace biplane
