// Logging of first packets, and of denied ones, by rules that ask for it.
#pragma once
#include "datapath/atomics.hpp"
#include "datapath/journey.hpp"
#include "layout/events.hpp"
#include "layout/policy.hpp"

namespace biplane {

inline bool may_log(EventRing& ring, uint32_t now) {
    const uint32_t window = now >> 10;
    if (ring.window != window) {
        ring.window = window;
        ring.in_window = 0;
    }
    if (ring.in_window < events_per_window) {
        ++ring.in_window;
        return true;
    }
    ++ring.suppressed;
    return false;
}

template <typename Tables>
inline void write_event(const Tables& tables, const Journey& j, uint32_t decision, PolicySide side, bool is_dropped) {
    if ((decision & policy_log) == 0) return;
    EventRing* ring = tables.event_ring();
    if (!ring || !may_log(*ring, j.now)) return;
    PolicyEvent* event = tables.event(static_cast<uint32_t>(ring->written) & (event_slots - 1));
    if (!event) return;
    publish_value(event->number, uint64_t{0});
    event->key = j.key;
    event->decision = decision;
    event->tick = j.now;
    event->port = j.port_number;
    event->side = side;
    event->is_dropped = is_dropped;
    publish_value(event->number, ring->written + 1);
    publish_value(ring->written, ring->written + 1);
}

// Out of line: rare.
template <typename Tables>
[[gnu::noinline]] static void log_decisions(const Tables* tables, const Journey* j, bool is_dropped) {
    write_event(*tables, *j, j->egress_decision, PolicySide::egress, is_dropped);
    write_event(*tables, *j, j->ingress_decision, PolicySide::ingress, is_dropped);
}

}  // namespace biplane
