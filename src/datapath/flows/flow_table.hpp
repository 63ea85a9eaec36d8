// The flow table: finding an entry, making a pair, taking back what is over. Lock-free for readers; whoever makes a pair holds
// the lock of that flow's identity, so that two first packets on two processors make one pair.
#pragma once
#include "datapath/flows/flow_shares.hpp"
#include "datapath/flows/flow_state.hpp"

namespace biplane {

constexpr uint32_t flow_lock_tries = 256;
constexpr uint32_t flow_lock_stale = ticks_from_ms(100);  // nobody makes a pair for that long: the holder died

// What a new pair is made from: the first packet's direction. Lies in the Tables' scratch memory, one per processor: a kernel
// program's stack is too small for it.
struct NewFlow {
    FlowKey key;
    FlowKey reverse_key;  // this and the places are filled by make_pair
    FlowPlace place;
    FlowPlace reverse_place;
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
static_assert(sizeof(NewFlow) == 144);

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
    if (!bucket) return nullptr;
    forget_value(bucket);  // clang 19 would add to the pointer before it is checked (KernelTables::checked_bucket)
    return &bucket->signatures[number % flow_bucket_ways];
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

// The pair no longer counts to its owners. Two may take its two entries at once: the forward one stands for the pair.
template <typename Tables>
inline void refund_pair(const Tables& tables, uint32_t number, bool in_any_case) {
    const auto* entry = tables.flow(number);
    const auto* detail = tables.flow_detail(number);
    if (!entry || !detail) return;
    const bool is_reverse = (entry->mode & flow_mode_reverse) != 0;
    if (in_any_case || !is_reverse) refund_flow(tables, detail->ingress_port, entry->zone);
}

// Takes the pair of entry `number` out of the table and leaves its way claimed by the caller. False if somebody was faster.
// A stale claim is taken over, with what the dead one may have left of a pair: an entry that still names this way.
template <typename Tables>
inline bool take_back(const Tables& tables, uint32_t number, uint32_t now) {
    uint32_t* signature = signature_of(tables, number);
    const auto* detail = tables.flow_detail(number);
    if (!signature || !detail) return false;
    const uint32_t value = load(*signature);
    const bool is_left_behind = is_stale_claim(value, now);
    if (value == signature_free || (is_claimed(value) && !is_left_behind)) return false;
    const uint32_t other = detail->other;
    if (!replace_value(*signature, value, claimed_at(now))) return false;
    if (!is_left_behind) {
        refund_pair(tables, number, false);
        forget_entry(tables, number);
    }
    uint32_t* other_signature = signature_of(tables, other);
    const auto* other_detail = tables.flow_detail(other);
    if (!other_signature || !other_detail) return true;
    const uint32_t other_value = load(*other_signature);
    // Somebody may have taken the other way at the same moment, and filled it anew.
    const bool is_still_ours = other_value != signature_free && !is_claimed(other_value) && load(other_detail->other) == number;
    if (!is_still_ours || !replace_value(*other_signature, other_value, claimed_at(now))) return true;
    refund_pair(tables, other, is_left_behind);
    forget_entry(tables, other);
    publish_value(*other_signature, signature_free);
    return true;
}

// How readily an entry gives way: 0 never, else the greater the sooner (D3: expired, closed, half-open). A network's half-open flows
// give way to those of others only while it has more than its share, and its own TCP ones to each other (a SYN flood).
constexpr uint32_t rank_expired = 3, rank_closed = 2, rank_half_open = 1;

// `zone` is that of the new flow; no_zone: there is none.
template <typename Tables>
inline uint32_t rank_for_reclaim(const Tables& tables, uint32_t number, uint16_t zone, uint32_t now) {
    const auto* entry = tables.flow(number);
    const Config* config = tables.config();
    if (!entry || !config) return 0;
    const uint32_t* signature = signature_of(tables, number);
    if (!signature || is_claimed(load(*signature))) return 0;  // taken already: what it holds is of the past
    if (is_expired(tables, *config, number, *entry, now)) return rank_expired;
    const FlowState state = state_of(entry->mode);
    if (state == FlowState::closed) return rank_closed;
    if (state != FlowState::opening || zone == no_zone) return 0;
    const bool is_tracked = entry->protocol == protocol::tcp || entry->protocol == protocol::sctp;
    const bool competes_with_itself = is_tracked && entry->zone == zone;
    return competes_with_itself || is_above_its_share(tables, entry->zone) ? rank_half_open : 0;
}

template <typename Tables>
inline uint32_t claim_free_way(const Tables& tables, uint32_t bucket_number, uint32_t home_way, uint32_t now) {
    auto* bucket = tables.flow_bucket(bucket_number);
    if (!bucket) return no_flow;
    for (uint32_t i = 0; i < flow_bucket_ways; ++i) {
        const uint32_t way = (home_way + i) & (flow_bucket_ways - 1);
        if (load(bucket->signatures[way]) != signature_free) continue;
        if (replace_value(bucket->signatures[way], signature_free, claimed_at(now))) return bucket_number * flow_bucket_ways + way;
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
inline uint64_t best_victim(const Tables& tables, uint32_t bucket_number, uint16_t zone, uint32_t now) {
    uint64_t best = 0;
    for (uint32_t way = 0; way < flow_bucket_ways; ++way) {
        const uint32_t number = bucket_number * flow_bucket_ways + way;
        const uint64_t rank = tables.reclaim_rank(number, zone, now);
        if (rank > best >> 32) best = rank << 32 | number;
        forget_value(best);
    }
    return best;
}

// A way for a new entry of `zone`: free in the first bucket while that is half empty, free in the emptier one, and claimed; else with
// claim_of_victim a flow that is to be taken back.
constexpr uint32_t claim_of_victim = 1u << 31;

template <typename Tables>
inline uint32_t claim_way(const Tables& tables, const FlowPlace& place, uint16_t zone, uint32_t now) {
    const uint32_t free_in_first = free_ways(tables, place.first_bucket);
    const bool second_is_better = free_in_first < flow_bucket_ways / 2 && free_ways(tables, place.second_bucket) > free_in_first;
    const uint32_t preferred = second_is_better ? place.second_bucket : place.first_bucket;
    const uint32_t alternative = second_is_better ? place.first_bucket : place.second_bucket;
    uint32_t number = claim_free_way(tables, preferred, place.home_way, now);
    if (number == no_flow) number = claim_free_way(tables, alternative, place.home_way, now);
    if (number != no_flow) return number;
    const uint64_t first = best_victim(tables, preferred, zone, now);
    const uint64_t second = best_victim(tables, alternative, zone, now);
    const uint64_t victim = second >> 32 > first >> 32 ? second : first;
    return victim != 0 ? static_cast<uint32_t>(victim) | claim_of_victim : no_flow;
}

// The same, claimed in any case. (Taken back here, because claim_way() is two calls deep in the kernel: 512 bytes of stack are for all.)
template <typename Tables>
inline uint32_t claim(const Tables& tables, const FlowPlace& place, uint16_t zone, uint32_t now) {
    const uint32_t number = tables.claim_flow_way(place, zone, now);
    if (number == no_flow || (number & claim_of_victim) == 0) return number;
    const uint32_t victim = number & ~claim_of_victim;
    return tables.take_flow_back(victim, now) ? victim : no_flow;
}

template <typename Tables>
inline void release_way(const Tables& tables, uint32_t number, uint32_t claim) {
    uint32_t* signature = signature_of(tables, number);
    if (signature) replace_value(*signature, claim, signature_free);
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

enum class Publication : uint8_t { done, withdrawn, taken_back };  // taken_back: by somebody else, who has refunded it

// The reverse is published, and the forward last. It does not happen if a claim does not stand any more, or if the reverse was taken
// back before the forward was there to go with it; then nothing is left of the pair. (FlowBucket::elsewhere may stay too high.)
template <typename Tables>
inline Publication publish_pair(const Tables& tables, const NewFlow& flow, uint32_t reverse) {
    const uint32_t claim = claimed_at(flow.now);
    const uint32_t forward_signature = flow.place.signature;
    const uint32_t reverse_signature = flow.reverse_place.signature;
    uint32_t* reverse_place = signature_of(tables, reverse);
    uint32_t* forward_place = signature_of(tables, flow.entry);
    if (!reverse_place || !forward_place) return Publication::withdrawn;
    if (!replace_value(*reverse_place, claim, reverse_signature)) {
        replace_value(*forward_place, claim, signature_free);
        return Publication::withdrawn;
    }
    uint32_t* left = reverse_place;
    uint32_t left_signature = reverse_signature;
    if (replace_value(*forward_place, claim, forward_signature)) {
        if (load(*reverse_place) == reverse_signature) return Publication::done;
        left = forward_place;
        left_signature = forward_signature;
    }
    return replace_value(*left, left_signature, signature_free) ? Publication::withdrawn : Publication::taken_back;
}

// Both ways claimed, both entries filled. Its owners have paid, and get it back if nothing comes of it.
template <typename Tables>
inline FlowCreation place_pair(const Tables& tables, NewFlow& flow) {
    const uint32_t forward = claim(tables, flow.place, flow.key.zone, flow.now);
    const uint32_t reverse = forward == no_flow ? no_flow : claim(tables, flow.reverse_place, flow.key.zone, flow.now);
    if (reverse == no_flow) {
        if (forward != no_flow) release_way(tables, forward, claimed_at(flow.now));
        refund_flow(tables, flow.ingress_port, flow.key.zone);
        return FlowCreation::table_full;
    }
    fill_entry(tables, reverse, forward, flow.reverse_key, flow.mode | flow_mode_reverse, flow.source_hop, flow.next_hop,
               flow.ingress_rule, flow);
    fill_entry(tables, forward, reverse, flow.key, flow.mode, flow.next_hop, flow.source_hop, flow.egress_rule, flow);
    count_elsewhere(tables, reverse, flow.reverse_place.first_bucket, 1);
    count_elsewhere(tables, forward, flow.place.first_bucket, 1);
    flow.entry = forward;
    switch (publish_pair(tables, flow, reverse)) {
        case Publication::done:
            return FlowCreation::created;
        case Publication::withdrawn:
            refund_flow(tables, flow.ingress_port, flow.key.zone);
            break;
        case Publication::taken_back:
            break;
    }
    return FlowCreation::table_full;
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
    flow.place = place_flow(forward_hash, config->flow_buckets);
    flow.reverse_place = place_flow(reverse_hash, config->flow_buckets);

    auto* lock = tables.flow_lock(static_cast<uint32_t>(forward_hash ^ reverse_hash) & (flow_lock_slots - 1));
    const uint64_t ticket = uint64_t{flow.now} << 1 | 1;
    if (!lock || !lock_flow(tables, *lock, ticket)) return FlowCreation::contended;
    FlowCreation outcome = FlowCreation::existed;
    uint32_t existing = find_flow(tables, flow.place, flow.key);
    forget_value(existing);  // which of sixteen ways it is would multiply what the verifier walks
    flow.entry = existing;
    if (existing == no_flow || gives_way(tables, *config, existing, flow.now)) {
        if (existing != no_flow && tables.take_flow_back(existing, flow.now)) release_way(tables, existing, claimed_at(flow.now));
        outcome = tables.charge(flow.epoch, flow.ingress_port, flow.key.zone, flow.now);
        if (outcome == FlowCreation::created) outcome = place_pair(tables, flow);
    }
    publish_value(lock->holder, uint64_t{0});
    return outcome;
}

}  // namespace biplane
