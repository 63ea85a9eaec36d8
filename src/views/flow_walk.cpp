#include "views/flow_walk.hpp"

#include <unistd.h>

#include <algorithm>

#include "datapath/flows/flow_table.hpp"

namespace biplane {
namespace {

bool is_entry(uint32_t signature) { return signature != signature_free && !is_claimed(signature); }
bool is_reverse(const FlowEntry& entry) { return (entry.mode & flow_mode_reverse) != 0; }

// Copies are made in place: a walk spends its time with them.
struct Place {
    FlowEntry& entry;
    FlowDetail& detail;
};

// What lies in way `number`, read between two looks at its signature. False if it holds no entry, or not the same one any more.
bool read_way(const SharedTables& tables, uint32_t number, Place place) {
    const uint32_t* signature = signature_of(tables, number);
    if (signature == nullptr) return false;
    const uint32_t before = load(*signature);
    if (!is_entry(before)) return false;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    place.entry = *tables.flow(number);
    place.detail = *tables.flow_detail(number);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return load(*signature) == before;
}

bool read_other(const SharedTables& tables, uint32_t number, FlowPair& pair) {
    return read_way(tables, pair.forward_detail.other, {pair.reverse, pair.reverse_detail}) &&
           pair.reverse_detail.other == number && has_key(pair.reverse, reverse_of(key_of(pair.forward)));
}

// Reads the entry in way `number` as pair.forward, whichever direction it is, and its other direction. A pair that is being made
// or taken back right now looks like a half for a moment, so a half is one that stays a half.
enum class Sighting { nothing, half, whole };
Sighting look_at(const SharedTables& tables, uint32_t number, FlowPair& pair) {
    constexpr int looks = 3;
    constexpr useconds_t pause_us = 200;
    for (int look = 0; look < looks; ++look) {
        if (look > 0) ::usleep(pause_us);
        if (!read_way(tables, number, {pair.forward, pair.forward_detail})) return Sighting::nothing;
        if (read_other(tables, number, pair)) return Sighting::whole;
    }
    return Sighting::half;
}

// Entries of a few ways that lie side by side. Which ways hold one is as good as random: they are picked out without branches,
// before anything else is done with them.
struct Picked {
    static constexpr uint32_t ways_max = 256;
    uint32_t count = 0;
    uint32_t numbers[ways_max];

    // Keeps the numbers that `keeps` says true for.
    template <typename Keeps>
    void keep_if(Keeps keeps) {
        const uint32_t before = count;
        count = 0;
        for (uint32_t i = 0; i < before; ++i) {
            const uint32_t number = numbers[i];
            numbers[count] = number;
            count += keeps(number);
        }
    }
};

Picked pick_entries(const SharedTables& tables, uint32_t begin, uint32_t end) {
    Picked picked;
    for (uint32_t number = begin; number < std::min(end, begin + Picked::ways_max); ++number) {
        picked.numbers[picked.count] = number;
        picked.count += is_entry(load(*signature_of(tables, number)));
    }
    return picked;
}

// The other direction lies anywhere in the table. Loads that wait for nothing bring the lines of all that is picked into the cache
// at once. (Prefetching each entry a few ahead of its turn took more than twice as long.)
void fetch_lines(const SharedTables& tables, const Picked& picked) {
    uint32_t others[Picked::ways_max];
    for (uint32_t i = 0; i < picked.count; ++i) {
        (void)load(tables.flow(picked.numbers[i])->mode);
        const uint32_t other = load(tables.flow_detail(picked.numbers[i])->other);
        others[i] = other < tables.flow_entries() ? other : 0;
    }
    for (uint32_t i = 0; i < picked.count; ++i) {
        (void)load(*signature_of(tables, others[i]));
        (void)load(tables.flow(others[i])->mode);
        (void)load(tables.flow_detail(others[i])->other);
    }
}

}  // namespace

FlowTotals walk_flows(const SharedTables& tables, uint32_t now, const std::function<void(const FlowPair&)>& visit) {
    FlowTotals totals;
    totals.capacity = tables.flow_entries() / 2;
    FlowPair pair;
    for (uint32_t begin = 0; begin < tables.flow_entries(); begin += Picked::ways_max) {
        const Picked picked = pick_entries(tables, begin, tables.flow_entries());
        fetch_lines(tables, picked);
        for (uint32_t i = 0; i < picked.count; ++i) {
            const uint32_t number = picked.numbers[i];
            const Sighting sighting = look_at(tables, number, pair);
            if (sighting == Sighting::half) ++totals.half_pairs;
            if (sighting != Sighting::whole || is_reverse(pair.forward)) continue;
            if (is_expired(tables, *tables.config(), number, pair.forward, now)) continue;
            ++totals.pairs;
            visit(pair);
        }
    }
    return totals;
}

uint32_t walk_flows(const SharedTables& tables, FlowRange range, uint32_t now, const std::function<bool(const FlowEntry&)>& wanted,
                    const std::function<bool(const FlowPair&)>& visit) {
    const uint32_t end = std::min(range.end, tables.flow_entries());
    FlowPair pair;
    for (uint32_t begin = range.begin; begin < end; begin += Picked::ways_max) {
        Picked picked = pick_entries(tables, begin, end);
        picked.keep_if([&](uint32_t number) { return !is_reverse(*tables.flow(number)); });
        if (wanted) picked.keep_if([&](uint32_t number) { return wanted(*tables.flow(number)); });
        fetch_lines(tables, picked);
        for (uint32_t i = 0; i < picked.count; ++i) {
            const uint32_t number = picked.numbers[i];
            if (look_at(tables, number, pair) != Sighting::whole) continue;
            if (is_reverse(pair.forward) || (wanted && !wanted(pair.forward))) continue;  // another one has moved in
            if (is_expired(tables, *tables.config(), number, pair.forward, now)) continue;
            if (!visit(pair)) return number + 1;
        }
    }
    return end;
}

}  // namespace biplane
