// The flow table: finding an entry, making a pair, taking back what is over. Lock-free for readers; whoever makes a pair holds
// the lock of that flow's identity, so that two first packets on two processors make one pair.
#pragma once
#include "datapath/atomics.hpp"
#include "datapath/flow_state.hpp"
#include "datapath/lookup.hpp"

namespace biplane {

constexpr uint32_t flow_lock_tries = 256;
constexpr uint32_t flow_lock_stale = ticks_from_ms(100);  // nobody makes a pair for that long: the holder died

enum class FlowCreation : uint8_t { created, existed, table_full, contended };

// What a new pair is made from: the first packet's direction. Lies in the Tables' scratch memory, one per processor: a kernel
// program's stack is too small for it.
struct NewFlow {
    FlowKey key;
    FlowKey reverse_key;  // filled by make_pair
    uint32_t now;
    uint32_t epoch;
    uint32_t vni;
    uint16_t next_hop;    // where the first packet goes
    uint16_t source_hop;  // where it came from: the reverse direction's next hop
    uint16_t ingress_port;
    uint8_t mode;  // of the forward entry
    uint8_t pad;
    uint32_t entry;  // out: number of the forward entry (created), or of the one that was there (existed)
};
static_assert(sizeof(NewFlow) == 104);

constexpr FlowKey reverse_of(const FlowKey& key) {
    return {key.destination, key.source, key.destination_port, key.source_port, key.zone, key.protocol, 0};
}

constexpr bool has_key(const FlowEntry& entry, const FlowKey& key) {
    return entry.source == key.source && entry.destination == key.destination && entry.source_port == key.source_port &&
           entry.destination_port == key.destination_port && entry.zone == key.zone && entry.protocol == key.protocol;
}

template <typename Tables>
inline uint32_t find_in_bucket(const Tables& tables, uint32_t bucket_number, uint32_t signature, const FlowKey& key) {
    const auto* bucket = tables.flow_bucket(bucket_number);
    if (!bucket) return no_flow;
    for (uint32_t way = 0; way < flow_bucket_ways; ++way) {
        if (load(bucket->signatures[way]) != signature) continue;
        const uint32_t number = bucket_number * flow_bucket_ways + way;
        const auto* entry = tables.flow(number);
        if (entry && has_key(*entry, key)) return number;
    }
    return no_flow;
}

// Number of the entry of `key`, or no_flow.
template <typename Tables>
inline uint32_t find_flow(const Tables& tables, const FlowPlace& place, const FlowKey& key) {
    const uint32_t number = find_in_bucket(tables, place.first_bucket, place.signature, key);
    if (number != no_flow) return number;
    return find_in_bucket(tables, place.second_bucket, place.signature, key);
}

// A pair is over when neither direction was used within the timeout of its state.
template <typename Tables>
inline bool is_expired(const Tables& tables, const Config& config, uint32_t number, const FlowEntry& entry, uint32_t now) {
    const uint32_t idle = now - load(entry.last_seen);
    if (idle <= flow_timeout_min) return false;
    const uint32_t timeout = timeout_of(entry.mode, entry.protocol, config.timeouts);
    if (idle <= timeout) return false;
    const auto* detail = tables.flow_detail(number);
    const auto* other = detail ? tables.flow(detail->other) : nullptr;
    return !other || now - load(other->last_seen) > timeout;
}

// The signature word of an entry.
template <typename Tables>
inline uint32_t* signature_of(const Tables& tables, uint32_t number) {
    auto* bucket = tables.flow_bucket(number / flow_bucket_ways);
    return bucket ? &bucket->signatures[number % flow_bucket_ways] : nullptr;
}

// Takes the pair of entry `number` out of the table and leaves its way claimed by the caller. False if somebody was faster.
template <typename Tables>
inline bool take_back(const Tables& tables, uint32_t number) {
    uint32_t* signature = signature_of(tables, number);
    const auto* detail = tables.flow_detail(number);
    if (!signature || !detail) return false;
    const uint32_t value = load(*signature);
    if (value == signature_free || value == signature_claimed) return false;
    const uint32_t other = detail->other;
    if (!replace_value(*signature, value, signature_claimed)) return false;
    uint32_t* other_signature = signature_of(tables, other);
    if (other_signature) {
        const uint32_t other_value = load(*other_signature);
        if (other_value != signature_claimed) replace_value(*other_signature, other_value, signature_free);
    }
    return true;
}

// How readily an entry gives way to a new flow: 0 never, else the greater the sooner (D3: expired, closed, half-open).
template <typename Tables>
inline uint32_t rank_for_reclaim(const Tables& tables, uint32_t number, uint32_t now) {
    const auto* entry = tables.flow(number);
    const Config* config = tables.config();
    if (!entry || !config) return 0;
    const uint32_t* signature = signature_of(tables, number);
    if (!signature || load(*signature) == signature_claimed) return 0;  // taken already: what it holds is of the past
    if (is_expired(tables, *config, number, *entry, now)) return 3;
    if (state_of(entry->mode) == FlowState::closed) return 2;
    return entry->protocol == protocol::tcp && state_of(entry->mode) == FlowState::opening ? 1 : 0;
}

template <typename Tables>
inline uint32_t claim_free_way(const Tables& tables, uint32_t bucket_number) {
    auto* bucket = tables.flow_bucket(bucket_number);
    if (!bucket) return no_flow;
    for (uint32_t way = 0; way < flow_bucket_ways; ++way) {
        if (load(bucket->signatures[way]) != signature_free) continue;
        if (replace_value(bucket->signatures[way], signature_free, signature_claimed))
            return bucket_number * flow_bucket_ways + way;
    }
    return no_flow;
}

template <typename Tables>
inline uint32_t free_ways(const Tables& tables, uint32_t bucket_number) {
    const auto* bucket = tables.flow_bucket(bucket_number);
    uint32_t count = 0;
    if (!bucket) return 0;
    for (uint32_t way = 0; way < flow_bucket_ways; ++way) {
        static_assert(signature_free == 0);
        uint64_t below = uint64_t{load(bucket->signatures[way])} - 1;  // BPF compares by branching: 2^8 ways to check
        forget_value(below);
        count += static_cast<uint32_t>(below >> 63);
    }
    return count;
}

// The way with the highest reclaim rank of one bucket, its rank in the upper half; 0 if there is none.
template <typename Tables>
inline uint64_t best_victim(const Tables& tables, uint32_t bucket_number, uint32_t now) {
    uint64_t best = 0;
    for (uint32_t way = 0; way < flow_bucket_ways; ++way) {
        const uint32_t number = bucket_number * flow_bucket_ways + way;
        const uint64_t rank = tables.reclaim_rank(number, now);
        if (rank > best >> 32) best = rank << 32 | number;
        forget_value(best);
    }
    return best;
}

// A way for a new entry, claimed: free in the emptier bucket, free in the other one, else taken back from a flow that is over.
template <typename Tables>
inline uint32_t claim_way(const Tables& tables, const FlowPlace& place, uint32_t now) {
    const bool second_is_emptier = free_ways(tables, place.second_bucket) > free_ways(tables, place.first_bucket);
    const uint32_t preferred = second_is_emptier ? place.second_bucket : place.first_bucket;
    const uint32_t alternative = second_is_emptier ? place.first_bucket : place.second_bucket;
    uint32_t number = claim_free_way(tables, preferred);
    if (number == no_flow) number = claim_free_way(tables, alternative);
    if (number != no_flow) return number;
    const uint64_t first = best_victim(tables, preferred, now);
    const uint64_t second = best_victim(tables, alternative, now);
    const uint64_t victim = second >> 32 > first >> 32 ? second : first;
    if (victim != 0 && take_back(tables, static_cast<uint32_t>(victim))) return static_cast<uint32_t>(victim);
    return no_flow;
}

template <typename Tables>
inline void release_way(const Tables& tables, uint32_t number) {
    uint32_t* signature = signature_of(tables, number);
    if (signature) publish_value(*signature, signature_free);
}

// Fills a claimed way. Invisible until its signature is published.
template <typename Tables>
inline void fill_entry(const Tables& tables, uint32_t number, uint32_t other, const FlowKey& key, uint8_t mode, uint16_t next_hop,
                       uint16_t source_hop, const NewFlow& flow) {
    auto* entry = tables.flow(number);
    auto* detail = tables.flow_detail(number);
    if (!entry || !detail) return;
    entry->source = key.source;
    entry->destination = key.destination;
    entry->source_port = key.source_port;
    entry->destination_port = key.destination_port;
    entry->zone = key.zone;
    entry->protocol = key.protocol;
    entry->mode = mode;
    entry->bytes = 0;
    entry->packets = 0;
    entry->last_seen = flow.now;
    entry->next_hop = next_hop;
    entry->source_hop = source_hop;
    entry->epoch = flow.epoch;
    detail->other = other;
    detail->packets_high = 0;
    detail->created = flow.now;
    detail->vni = flow.vni;
    detail->ingress_port = flow.ingress_port;
}

// Both ways claimed, both entries filled, then the reverse published and the forward last.
template <typename Tables>
inline FlowCreation place_pair(const Tables& tables, NewFlow& flow, const FlowPlace& forward_place,
                               const FlowPlace& reverse_place) {
    const uint32_t forward = claim_way(tables, forward_place, flow.now);
    if (forward == no_flow) return FlowCreation::table_full;
    const uint32_t reverse = claim_way(tables, reverse_place, flow.now);
    if (reverse == no_flow) {
        release_way(tables, forward);
        return FlowCreation::table_full;
    }
    fill_entry(tables, reverse, forward, flow.reverse_key, flow.mode | flow_mode_reverse, flow.source_hop, flow.next_hop, flow);
    fill_entry(tables, forward, reverse, flow.key, flow.mode, flow.next_hop, flow.source_hop, flow);
    uint32_t* reverse_signature = signature_of(tables, reverse);
    uint32_t* forward_signature = signature_of(tables, forward);
    if (reverse_signature) publish_value(*reverse_signature, reverse_place.signature);
    if (forward_signature) publish_value(*forward_signature, forward_place.signature);
    flow.entry = forward;
    return FlowCreation::created;
}

// Making a pair takes a few microseconds when its memory is cold: waiting has to last longer, or one of two first packets that
// meet is lost.
template <typename Tables>
inline bool lock_flow(const Tables& tables, FlowLock& lock, uint64_t ticket) {
    for (uint32_t i = 0; i < flow_lock_tries; ++i) {
        const uint64_t holder = load(lock.holder);
        // Signed: the holder may have read its tick later than this processor did.
        const int32_t age = static_cast<int32_t>(static_cast<uint32_t>(ticket >> 1) - static_cast<uint32_t>(holder >> 1));
        const bool is_free = holder == 0 || age > static_cast<int32_t>(flow_lock_stale);
        if (is_free && replace_value(lock.holder, holder, ticket)) return true;
        tables.pause();
    }
    return false;
}

// Whether a first packet may put a new pair in this one's place: idle for too long, or a TCP connection that is over or ending
// (only a first SYN makes a TCP flow, see starts_anew).
template <typename Tables>
inline bool gives_way(const Tables& tables, const Config& config, uint32_t number, uint32_t now) {
    const auto* entry = tables.flow(number);
    if (!entry) return true;
    const FlowState state = state_of(entry->mode);
    const bool is_ending = entry->protocol == protocol::tcp && (state == FlowState::closed || state == FlowState::closing);
    return is_ending || is_expired(tables, config, number, *entry, now);
}

// Makes the pair of flow.key, or finds the one that somebody else made meanwhile; either way flow.entry is its number.
template <typename Tables>
inline FlowCreation make_pair(const Tables& tables, NewFlow& flow) {
    const Config* config = tables.config();
    if (!config) return FlowCreation::table_full;
    flow.reverse_key = reverse_of(flow.key);
    const uint64_t forward_hash = hash_flow(flow.key, config->hash_secret);
    const uint64_t reverse_hash = hash_flow(flow.reverse_key, config->hash_secret);
    const FlowPlace forward_place = place_flow(forward_hash, config->flow_bucket_mask);
    const FlowPlace reverse_place = place_flow(reverse_hash, config->flow_bucket_mask);

    auto* lock = tables.flow_lock(static_cast<uint32_t>(forward_hash ^ reverse_hash) & (flow_lock_slots - 1));
    const uint64_t ticket = uint64_t{flow.now} << 1 | 1;
    if (!lock || !lock_flow(tables, *lock, ticket)) return FlowCreation::contended;
    FlowCreation outcome = FlowCreation::existed;
    const uint32_t existing = find_flow(tables, forward_place, flow.key);
    flow.entry = existing;
    if (existing == no_flow || gives_way(tables, *config, existing, flow.now)) {
        if (existing != no_flow && take_back(tables, existing)) release_way(tables, existing);
        outcome = place_pair(tables, flow, forward_place, reverse_place);
    }
    publish_value(lock->holder, uint64_t{0});
    return outcome;
}

}  // namespace biplane
