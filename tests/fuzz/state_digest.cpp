#include "fuzz/state_digest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>

#include "engines/counters.hpp"
#include "engines/flows.hpp"

namespace biplane::fuzz {

void sum_counters(const SharedTables& tables, CounterSums& sums) {
    for (auto& row : sums) row.fill(0);
    for (uint32_t slot = 0; slot < tables.sizes().counter_slots; ++slot)
        for (uint32_t port = 0; port < world::ports_end; ++port) {
            uint64_t words[counter_words];
            std::memcpy(words, tables.counters(slot, port), sizeof words);
            for (size_t i = 0; i < counter_words; ++i) sums[port][i] += words[i];
        }
    for (auto& row : sums) {
        row[offsetof(PortCounters, icmp_error_window) / sizeof(uint64_t)] = 0;
        row[offsetof(PortCounters, icmp_errors) / sizeof(uint64_t)] = 0;
        // What each processor denied last says nothing as a sum.
        constexpr size_t last_denial = offsetof(PortCounters, last_denial) / sizeof(uint64_t);
        std::fill_n(row.begin() + last_denial, std::size(PortCounters{}.last_denial), 0);
    }
}

void forgive_icmp_errors(SharedTables& tables) {
    for (uint32_t slot = 0; slot < tables.sizes().counter_slots; ++slot)
        for (uint32_t port = 0; port < world::ports_end; ++port) tables.counters(slot, port)->icmp_errors = 0;
}

void put_off_tidying(SharedTables& tables) { tables.flow_share(flow_owner_node)->tidied_at = current_tick() + ticks_from_ms(500); }

std::string compare_counters(const CounterSums& a, const CounterSums& b) {
    if (a == b) return "";
    std::string text;
    for (uint16_t port = 0; port < world::ports_end; ++port)
        for (size_t i = 0; i < counter_words; ++i)
            if (a[port][i] != b[port][i]) {
                const size_t drops = offsetof(PortCounters, drops) / sizeof(uint64_t);
                const std::string name =
                    i >= drops ? fmt::format("drops.{}", drop_reason_table[i - drops].name) : fmt::format("word {}", i);
                text += fmt::format("  {} {}: {} and {}\n", world::name_of(port), name, a[port][i], b[port][i]);
            }
    return text;
}

namespace {

// Both engines ran within the same few seconds.
bool is_about_the_same_time(uint32_t a, uint32_t b) {
    const auto difference = static_cast<int32_t>(a - b);
    return difference < 5000 && difference > -5000;
}

std::string compare_entry(const SharedTables& a, const SharedTables& b, uint32_t n, uint8_t ignored_mode) {
    FlowEntry x = *a.flow(n), y = *b.flow(n);
    FlowDetail u = *a.flow_detail(n), v = *b.flow_detail(n);
    const bool same_times = is_about_the_same_time(x.last_seen, y.last_seen) && is_about_the_same_time(u.created, v.created);
    x.last_seen = y.last_seen = u.created = v.created = 0;
    x.mode &= static_cast<uint8_t>(~ignored_mode);
    y.mode &= static_cast<uint8_t>(~ignored_mode);
    if (same_times && std::memcmp(&x, &y, sizeof x) == 0 && std::memcmp(&u, &v, sizeof u) == 0) return "";
    return fmt::format("  entry {}:\n    {}\n    {}\n", n, engines::print(engines::Pair{x, {}, u}),
                       engines::print(engines::Pair{y, {}, v}));
}

bool is_same(const FragmentEntry& x, const FragmentEntry& y) {
    if (std::memcmp(&x, &y, offsetof(FragmentEntry, state)) != 0) return false;
    const auto tick = [](const FragmentEntry& entry) { return static_cast<uint32_t>(entry.state >> 32); };
    return static_cast<uint32_t>(x.state) == static_cast<uint32_t>(y.state) && is_about_the_same_time(tick(x), tick(y));
}

}  // namespace

std::string compare_fragment_tables(const SharedTables& a, const SharedTables& b) {
    std::string text;
    for (uint32_t n = 0; n < fragment_buckets; ++n)
        for (uint32_t way = 0; way < fragment_bucket_ways; ++way)
            if (!is_same(a.fragment_bucket(n)->entries[way], b.fragment_bucket(n)->entries[way]))
                text += fmt::format("  fragment bucket {}, way {} differs\n", n, way);
    return text;
}

std::string compare_flow_tables(const SharedTables& a, const SharedTables& b, uint8_t ignored_mode) {
    std::string text;
    for (uint32_t n = 0; n < a.sizes().flow_buckets; ++n)
        if (std::memcmp(a.flow_bucket(n), b.flow_bucket(n), offsetof(FlowBucket, entries)) != 0)
            text += fmt::format("  bucket {} differs\n", n);
    for (uint32_t n = 0; n < a.flow_entries(); ++n) text += compare_entry(a, b, n, ignored_mode);
    if (std::memcmp(a.flow_lock(0), b.flow_lock(0), flow_lock_slots * sizeof(FlowLock)) != 0) text += "  a lock is held\n";
    return text;
}

}  // namespace biplane::fuzz
