// What line.bpf.cpp is told, and which line comes next: shared with cost.cpp.
#pragma once
#include "layout/integers.hpp"

namespace biplane::traffic {

struct LinePlan {
    uint32_t mask;  // lines - 1; 0: always the same line
    uint32_t next;
};

// Numbers in no order that a processor could foresee (Wellons' lowbias32): with a constant stride it does, and waits for less.
constexpr uint32_t scattered(uint32_t number) {
    number = (number ^ number >> 16) * 0x7feb352du;
    number = (number ^ number >> 15) * 0x846ca68bu;
    return number ^ number >> 16;
}

}  // namespace biplane::traffic
