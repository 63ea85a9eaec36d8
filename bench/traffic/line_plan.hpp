// What line.bpf.cpp is told: shared with cost.cpp.
#pragma once
#include "layout/integers.hpp"

namespace biplane::traffic {

struct LinePlan {
    uint32_t mask;  // lines - 1; 0: always the same line
    uint32_t next;
};

}  // namespace biplane::traffic
