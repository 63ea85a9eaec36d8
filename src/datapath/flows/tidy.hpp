// Taking back what is over without waiting for a new flow to need its place, so that it does not count to its owners for ever.
// There is no process for that: whoever makes a flow tidies as many buckets as time has gone by since somebody did, in turn. Whoever
// is over a quota tidies some in any case, until that was in vain; then again with the next tick.
#pragma once
#include "datapath/flows/flow_table.hpp"

namespace biplane {

constexpr uint32_t tidy_round = ticks_from_ms(16'000);  // how long a round through the table takes, if flows are made all the time
constexpr uint32_t tidy_buckets_per_tick_max = 16;      // ... but of a very large table no more than this
constexpr uint32_t tidy_buckets_max = 1024;             // by a flow whose owner is over its quota
constexpr uint32_t tidy_buckets_in_passing = 16;        // by any other one; by the former at least, due or not

// Frees the ways of one bucket whose flows have at least this rank, and those whose claims are stale. How many pairs.
template <typename Tables>
inline uint32_t tidy_bucket(const Tables& tables, uint32_t bucket_number, uint32_t least_rank, uint32_t now) {
    uint32_t freed = 0;
    const auto* bucket = tables.flow_bucket(bucket_number);
    if (!bucket) return 0;
    for (uint32_t way = 0; way < flow_bucket_ways; ++way) {
        const uint32_t number = bucket_number * flow_bucket_ways + way;
        const uint32_t value = load(bucket->signatures[way]);
        if (value == signature_free) continue;
        const bool goes = is_claimed(value) ? is_stale_claim(value, now) : tables.reclaim_rank(number, no_zone, now) >= least_rank;
        if (goes && tables.take_flow_back(number, now)) {
            release_way(tables, number, claimed_at(now));
            ++freed;
        }
        forget_value(freed);
    }
    return freed;
}

// How many buckets the caller is to tidy. What is due beyond that stays due, up to one round.
template <typename Tables>
inline uint32_t buckets_to_tidy(const Tables& tables, uint32_t buckets_max, uint32_t now) {
    auto* node = tables.flow_share(flow_owner_node);
    const Config* config = tables.config();
    if (!node || !config) return 0;
    const uint32_t before = load(node->tidied_at);
    uint32_t elapsed = now - before;
    constexpr uint32_t skew = ticks_from_ms(1000);  // another processor's clock may be ahead
    if (elapsed + skew <= skew) return 0;
    if (elapsed > tidy_round) elapsed = tidy_round;
    uint32_t per_tick = config->flow_buckets / tidy_round + 1;
    if (per_tick > tidy_buckets_per_tick_max) per_tick = tidy_buckets_per_tick_max;
    const uint32_t due = elapsed * per_tick;
    const uint32_t count = due < buckets_max ? due : buckets_max;
    return replace_value(node->tidied_at, before, now - (due - count) / per_tick) ? count : 0;
}

// How many pairs were freed.
template <typename Tables>
inline uint32_t tidy(const Tables& tables, bool is_over_quota, uint32_t now) {
    uint32_t count = buckets_to_tidy(tables, is_over_quota ? tidy_buckets_max : tidy_buckets_in_passing, now);
    if (is_over_quota && count < tidy_buckets_in_passing) count = tidy_buckets_in_passing;
    auto* node = tables.flow_share(flow_owner_node);
    const Config* config = tables.config();
    if (count == 0 || !node || !config || config->flow_buckets == 0) return 0;
    uint32_t bucket = add_and_get_old(node->hand, count);
    uint32_t freed = 0;
    for (uint32_t i = 0; i < tidy_buckets_max; ++i) {
        if (i >= count) break;
        freed += tables.tidy_flow_bucket(bucket++ % config->flow_buckets, is_over_quota ? rank_closed : rank_expired, now);
        forget_value(freed);
        forget_value(bucket);
    }
    return freed;
}

}  // namespace biplane
