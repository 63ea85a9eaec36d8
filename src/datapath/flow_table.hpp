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
    uint16_t egress_rule;  // FlowDetail::rule of the forward entry, of the reverse one
    uint16_t ingress_rule;
    uint32_t entry;  // out: number of the forward entry (created), or of the one that was there (existed)
};
static_assert(sizeof(NewFlow) == 112);

constexpr FlowKey reverse_of(const FlowKey& key) {
    return {key.destination, key.source, key.destination_port, key.source_port, key.zone, key.protocol, 0};
}

struct __attribute__((may_alias)) KeyWords {
    uint64_t words[5];
};
static_assert(sizeof(KeyWords) == sizeof(FlowKey) && offsetof(FlowEntry, mode) == offsetof(FlowKey, unused));

// An entry begins with its key, but for the byte that holds its mode. One branch for all of it: the verifier would walk each.
inline bool has_key(const FlowEntry& entry, const FlowKey& key) {
    constexpr uint64_t without_mode = ~uint64_t{0} >> 8;
    const auto& a = reinterpret_cast<const KeyWords&>(entry).words;
    const auto& b = reinterpret_cast<const KeyWords&>(key).words;
    uint64_t difference = (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | ((a[4] ^ b[4]) & without_mode);
    forget_value(difference);
    return difference == 0;
}

constexpr FlowKey key_of(const FlowEntry& entry) {
    return {entry.source, entry.destination, entry.source_port, entry.destination_port, entry.zone, entry.protocol, 0};
}

template <typename Tables>
inline uint32_t find_in_bucket(const Tables& tables, uint32_t bucket_number, const FlowPlace& place, const FlowKey& key) {
    const auto* bucket = tables.flow_bucket(bucket_number);
    if (!bucket) return no_flow;
    // Home first: where that entry lies is known before the signatures are, so the processor fetches both at once.
    const uint32_t home = place.home_way & (flow_bucket_ways - 1);
    if (load(bucket->signatures[home]) == place.signature && has_key(bucket->entries[home], key))
        return bucket_number * flow_bucket_ways + home;
    for (uint32_t way = 0; way < flow_bucket_ways; ++way)
        if (load(bucket->signatures[way]) == place.signature && has_key(bucket->entries[way], key))
            return bucket_number * flow_bucket_ways + way;
    return no_flow;
}

// Number of the entry of `key`, or no_flow.
template <typename Tables>
inline uint32_t find_flow(const Tables& tables, const FlowPlace& place, const FlowKey& key) {
    const uint32_t number = find_in_bucket(tables, place.first_bucket, place, key);
    if (number != no_flow) return number;
    const auto* first = tables.flow_bucket(place.first_bucket);
    return first && load(first->elsewhere) != 0 ? find_in_bucket(tables, place.second_bucket, place, key) : no_flow;
}

// Its network's, or else the node's.
template <typename Tables>
inline uint32_t timeout_of(const Tables& tables, const Config& config, const FlowEntry& entry) {
    const size_t offset = timeout_offset(entry.mode, entry.protocol);
    const auto* zone = tables.zone(load(config.epoch), entry.zone);
    const uint32_t of_network = zone ? timeout_at(zone->timeouts, offset) : 0;
    return of_network != 0 ? of_network : timeout_at(config.timeouts, offset);
}

// A pair is over when neither direction was used within the timeout of its state.
template <typename Tables>
inline bool is_expired(const Tables& tables, const Config& config, uint32_t number, const FlowEntry& entry, uint32_t now) {
    const uint32_t idle = now - load(entry.last_seen);
    if (idle <= flow_timeout_min) return false;
    const uint32_t timeout = timeout_of(tables, config, entry);
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

// Counts an entry that lies in its second bucket, before it is published (+1) or after it is gone (-1).
template <typename Tables>
inline void count_elsewhere(const Tables& tables, uint32_t number, uint32_t first_bucket, uint32_t change) {
    if (number / flow_bucket_ways == first_bucket) return;
    auto* bucket = tables.flow_bucket(first_bucket);
    if (bucket) add(bucket->elsewhere, change);
}

// An entry's way has been taken from it; what it holds is still there.
template <typename Tables>
inline void forget_entry(const Tables& tables, uint32_t number) {
    const auto* entry = tables.flow(number);
    const Config* config = tables.config();
    if (!entry || !config) return;
    const FlowPlace place = place_flow(hash_flow(key_of(*entry), config->hash_secret), config->flow_buckets);
    count_elsewhere(tables, number, place.first_bucket, ~uint32_t{0});
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
    forget_entry(tables, number);
    uint32_t* other_signature = signature_of(tables, other);
    const auto* other_detail = tables.flow_detail(other);
    if (!other_signature || !other_detail) return true;
    const uint32_t other_value = load(*other_signature);
    // Somebody may have taken the other way at the same moment, and filled it anew.
    const bool is_still_ours = other_value != signature_claimed && load(other_detail->other) == number;
    if (!is_still_ours || !replace_value(*other_signature, other_value, signature_claimed)) return true;
    forget_entry(tables, other);
    publish_value(*other_signature, signature_free);
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
    const bool is_tracked = entry->protocol == protocol::tcp || entry->protocol == protocol::sctp;
    return is_tracked && state_of(entry->mode) == FlowState::opening ? 1 : 0;
}

template <typename Tables>
inline uint32_t claim_free_way(const Tables& tables, uint32_t bucket_number, uint32_t home_way) {
    auto* bucket = tables.flow_bucket(bucket_number);
    if (!bucket) return no_flow;
    for (uint32_t i = 0; i < flow_bucket_ways; ++i) {
        const uint32_t way = (home_way + i) & (flow_bucket_ways - 1);
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

// A way for a new entry, claimed: free in the first bucket while that is half empty, free in the emptier one, else taken back from a
// flow that is over.
template <typename Tables>
inline uint32_t claim_way(const Tables& tables, const FlowPlace& place, uint32_t now) {
    const uint32_t free_in_first = free_ways(tables, place.first_bucket);
    const bool second_is_better = free_in_first < flow_bucket_ways / 2 && free_ways(tables, place.second_bucket) > free_in_first;
    const uint32_t preferred = second_is_better ? place.second_bucket : place.first_bucket;
    const uint32_t alternative = second_is_better ? place.first_bucket : place.second_bucket;
    uint32_t number = claim_free_way(tables, preferred, place.home_way);
    if (number == no_flow) number = claim_free_way(tables, alternative, place.home_way);
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
                       uint16_t source_hop, uint16_t rule, const NewFlow& flow) {
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
    detail->rule = rule;
    detail->tcp_end = 0;
    detail->tcp_offer = 0;
}

// Both ways claimed, both entries filled, then the reverse published and the forward last.
template <typename Tables>
inline FlowCreation place_pair(const Tables& tables, NewFlow& flow, const FlowPlace& forward_place,
                               const FlowPlace& reverse_place) {
    const uint32_t forward = tables.claim_flow_way(forward_place, flow.now);
    if (forward == no_flow) return FlowCreation::table_full;
    const uint32_t reverse = tables.claim_flow_way(reverse_place, flow.now);
    if (reverse == no_flow) {
        release_way(tables, forward);
        return FlowCreation::table_full;
    }
    fill_entry(tables, reverse, forward, flow.reverse_key, flow.mode | flow_mode_reverse, flow.source_hop, flow.next_hop,
               flow.ingress_rule, flow);
    fill_entry(tables, forward, reverse, flow.key, flow.mode, flow.next_hop, flow.source_hop, flow.egress_rule, flow);
    count_elsewhere(tables, reverse, reverse_place.first_bucket, 1);
    count_elsewhere(tables, forward, forward_place.first_bucket, 1);
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
    const bool is_ending = state == FlowState::closed || (entry->protocol == protocol::tcp && state == FlowState::closing);
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
    const FlowPlace forward_place = place_flow(forward_hash, config->flow_buckets);
    const FlowPlace reverse_place = place_flow(reverse_hash, config->flow_buckets);

    auto* lock = tables.flow_lock(static_cast<uint32_t>(forward_hash ^ reverse_hash) & (flow_lock_slots - 1));
    const uint64_t ticket = uint64_t{flow.now} << 1 | 1;
    if (!lock || !lock_flow(tables, *lock, ticket)) return FlowCreation::contended;
    FlowCreation outcome = FlowCreation::existed;
    uint32_t existing = find_flow(tables, forward_place, flow.key);
    forget_value(existing);  // which of sixteen ways it is would multiply what the verifier walks
    flow.entry = existing;
    if (existing == no_flow || gives_way(tables, *config, existing, flow.now)) {
        if (existing != no_flow && take_back(tables, existing)) release_way(tables, existing);
        outcome = place_pair(tables, flow, forward_place, reverse_place);
    }
    publish_value(lock->holder, uint64_t{0});
    return outcome;
}

}  // namespace biplane
