// What the loader tells the programs before the kernel verifies them: frozen, so that the verifier knows the values. Shared by
// kernel_tables.hpp and kernel_object.cpp.
#pragma once
#include "layout/tables.hpp"

namespace biplane {

struct ProgramConstants {
    TableSizes sizes;
    uint32_t pad;
};
inline constexpr char program_constants_map[] = ".rodata.bp";

}  // namespace biplane
