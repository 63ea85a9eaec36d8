#include "views/event_view.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "datapath/atomics.hpp"
#include "views/flow_view.hpp"

namespace biplane {
namespace {

// RFC 3339 with milliseconds, UTC.
std::string time_text(double seconds) {
    const auto whole = static_cast<std::time_t>(seconds);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(whole),
                       static_cast<int>((seconds - static_cast<double>(whole)) * 1000));
}

}  // namespace

std::vector<PolicyEvent> EventReader::read() {
    std::vector<PolicyEvent> events;
    for (uint32_t slot = 0; slot < read_.size(); ++slot) {
        const uint64_t written = load(tables_.event_ring(slot)->written);
        const uint64_t oldest = written > event_slots ? written - event_slots : 0;
        if (read_[slot] < oldest) {
            if (!is_first_) lost_ += oldest - read_[slot];
            read_[slot] = oldest;
        }
        for (; read_[slot] < written; ++read_[slot]) {
            const PolicyEvent& place = *tables_.event(slot, static_cast<uint32_t>(read_[slot]) % event_slots);
            const PolicyEvent event = place;
            const bool is_whole = event.number == read_[slot] + 1 && load(place.number) == event.number;
            if (is_whole)
                events.push_back(event);
            else
                ++lost_;  // its writer has gone round meanwhile
        }
    }
    is_first_ = false;
    std::stable_sort(events.begin(), events.end(),
                     [](const PolicyEvent& a, const PolicyEvent& b) { return static_cast<int32_t>(a.tick - b.tick) < 0; });
    return events;
}

EventTotals event_totals(const SharedTables& tables) {
    EventTotals totals;
    for (uint32_t slot = 0; slot < tables.sizes().counter_slots; ++slot) {
        totals.written += load(tables.event_ring(slot)->written);
        totals.suppressed += load(tables.event_ring(slot)->suppressed);
    }
    return totals;
}

Json event_to_json(const PolicyEvent& event, const TableNames& names, uint32_t now, double now_s) {
    const double age_s = static_cast<double>(now - event.tick) * (1u << tick_shift) / 1e9;
    return {{"time", time_text(now_s - age_s)},
            {"verdict", event.is_dropped ? "drop" : "allow"},
            {"rule", names.rule(rule_of(event.decision))},
            {"side", event.side == PolicySide::egress ? "egress" : "ingress"},
            {"network", names.network(event.key.zone)},
            {"port", names.port_name(event.port)},
            {"protocol", protocol_name(event.key.protocol)},
            {"source", to_string(event.key.source)},
            {"sourcePort", event.key.source_port.to_host()},
            {"destination", to_string(event.key.destination)},
            {"destinationPort", event.key.destination_port.to_host()}};
}

}  // namespace biplane
