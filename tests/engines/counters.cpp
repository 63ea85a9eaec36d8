#include "engines/counters.hpp"

#include <fmt/format.h>

namespace biplane::engines {

PortCounts counts_of(const SharedTables& tables, uint16_t port) {
    PortCounts counts;
    for (uint32_t slot = 0; slot < tables.sizes().counter_slots; ++slot) {
        const PortCounters& row = *tables.counters(slot, port);
        counts["received"] += row.received;
        counts["received bytes"] += row.received_bytes;
        counts["forwarded"] += row.forwarded;
        counts["delivered"] += row.delivered;
        counts["punted"] += row.punted;
        counts["answered"] += row.answered;
        counts["upcalls"] += row.upcalls;
        counts["flows created"] += row.flows_created;
        counts["transmitted"] += row.transmitted;
        counts["transmitted bytes"] += row.transmitted_bytes;
        for (uint32_t reason = 0; reason < drop_reasons; ++reason)
            if (row.drops[reason] != 0) counts[fmt::format("drops.{}", drop_reason_table[reason].name)] += row.drops[reason];
    }
    return counts;
}

PortCounts difference(const PortCounts& before, const PortCounts& after) {
    PortCounts added;
    for (const auto& [name, value] : after) {
        const auto old = before.find(name);
        const uint64_t was = old == before.end() ? 0 : old->second;
        if (value != was) added[name] = value - was;
    }
    return added;
}

std::string print(const PortCounts& counts) {
    std::string text;
    for (const auto& [name, value] : counts)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, static_cast<int64_t>(value));
    return text.empty() ? "nothing" : text;
}

std::string print(Fate fate) {
    switch (fate.verdict) {
        case Verdict::undecided:
            return "undecided";
        case Verdict::forward:
            return "forward";
        case Verdict::deliver:
            return "deliver";
        case Verdict::answer:
            return "answer";
        case Verdict::punt:
            return fmt::format("punt, reason {}", fate.detail);
        case Verdict::cut:
            return "cut";
        case Verdict::drop:
            return fmt::format("drop {}", fate.detail < drop_reasons ? drop_reason_table[fate.detail].name : "?");
    }
    return "?";
}

PortCounts wanted_counts(Fate fate, uint64_t frame_bytes, bool with_error_reply) {
    PortCounts counts{{"received", 1}, {"received bytes", frame_bytes}};
    switch (fate.verdict) {
        case Verdict::forward:
            counts["forwarded"] = 1;
            break;
        case Verdict::deliver:
            counts["delivered"] = 1;
            break;
        case Verdict::answer:
            counts["forwarded"] = 1;
            counts["answered"] = 1;
            break;
        case Verdict::punt:
            counts["punted"] = 1;
            break;
        case Verdict::cut:
        case Verdict::undecided:
            break;
        case Verdict::drop:
            counts[fmt::format("drops.{}", drop_reason_table[fate.detail].name)] = 1;
            break;
    }
    if (with_error_reply) counts["answered"] = 1;
    return counts;
}

}  // namespace biplane::engines
