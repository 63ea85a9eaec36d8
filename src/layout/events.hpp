// What a rule with `log` leaves behind: one ring per writer (processor, user plane), like the counters. Nobody waits for a reader.
#pragma once
#include "layout/tables.hpp"

namespace biplane {

constexpr uint32_t event_slots = 1024;                // per ring, power of two
constexpr uint32_t events_per_window = 500;           // and ring; a window is 2^10 ticks, about a second. More are counted only
static_assert(2 * events_per_window <= event_slots);  // whoever reads once a second misses none

enum class PolicySide : uint8_t { egress, ingress };  // whose policies: the initiator's or the responder's

struct PolicyEvent {
    FlowKey key;        // of the packet, as it travels
    uint64_t number;    // in its ring, from 1 on; written last, 0 while the event is being written
    uint32_t decision;  // PolicyRange::decision
    uint32_t tick;
    uint16_t port;  // ingress
    PolicySide side;
    uint8_t is_dropped;
    uint8_t pad[4];
};
static_assert(sizeof(PolicyEvent) == 64);

struct EventRing {
    uint64_t written;     // events so far; the last lies in slot (written - 1) % event_slots
    uint64_t suppressed;  // beyond events_per_window
    uint32_t window;
    uint32_t in_window;
    uint64_t pad[5];
};
static_assert(sizeof(EventRing) == 64);

}  // namespace biplane
