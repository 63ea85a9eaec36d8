// Fragments (RFC 791, section 3.2; RFC 8200, section 4.5). Only the first has a transport header, so a later one travels as part
// of the flow that its first was let through with, and none goes before its first: else it would be a way round every policy
// on ports. What the first said is written down when it leaves; so a first fragment that is dropped lets nothing follow.
//
// Every fragment is still judged by its flow: an entry says whose it is, not that it may pass. What is dropped here changes no
// entry, so that nobody can take another's datagram apart: the receiver puts together what came through.
//
// Choices are made without branches where they lie in loops: the verifier would walk each combination.
#pragma once
#include "datapath/atomics.hpp"
#include "datapath/hash.hpp"
#include "datapath/journey.hpp"

namespace biplane {

// A fragment and the circumstances it arrived under.
struct FragmentArrival {
    const Headers& h;
    const Config& config;
    uint32_t now;
    uint16_t source_hop;

    uint64_t identification_and_sender() const {
        return uint64_t{h.fragment_identification.raw} | uint64_t{h.key.zone} << 32 | uint64_t{source_hop} << 48;
    }
};

inline bool is_first_fragment(const Headers& h) { return h.is_fragment && !h.is_later_fragment; }

// All but the last are multiples of eight bytes long, a later one is not empty, and the whole is no longer than IP can say.
inline bool is_sound_fragment(const Headers& h, bool has_more_fragments) {
    if (has_more_fragments && h.fragment_bytes % 8 != 0) return false;
    if (h.is_later_fragment && h.fragment_bytes == 0) return false;
    return uint32_t{h.fragment_offset} + h.fragment_bytes <= 0xffff;
}

// All ones if so, else 0.
inline uint64_t mask_if_zero(uint64_t value) {
    uint64_t sign = value | (0 - value);
    forget_value(sign);
    return (sign >> 63) - 1;
}
inline uint64_t mask_if_below(uint32_t a, uint32_t b) {
    uint64_t difference = uint64_t{a} - b;
    forget_value(difference);
    return 0 - (difference >> 63);
}
inline uint64_t choose(uint64_t mask, uint64_t if_set, uint64_t otherwise) { return otherwise ^ ((otherwise ^ if_set) & mask); }

// Whether an entry counts no more; one that somebody is writing counts. Other processors may be ahead with their clocks.
inline uint64_t mask_if_dead(uint64_t state, const FragmentArrival& a) {
    constexpr uint32_t ahead_max = ticks_from_ms(1000);
    const uint32_t age = a.now - static_cast<uint32_t>(state >> 32) + ahead_max;
    return mask_if_zero(state) | mask_if_below(a.config.fragment_lifetime + ahead_max, age);
}

inline uint64_t identification_and_sender(const FragmentEntry& entry) {
    return uint64_t{entry.identification.raw} | uint64_t{entry.zone} << 32 | uint64_t{entry.source_hop} << 48;
}

// 0 if the entry is that of the packet's datagram.
inline uint64_t difference_of_keys(const FragmentEntry& entry, const FragmentArrival& a) {
    const FlowKey& key = a.h.key;
    const uint32_t other_protocol = a.h.is_ipv6 ? 0 : entry.protocol ^ key.protocol;
    return (entry.source.words[0] ^ key.source.words[0]) | (entry.source.words[1] ^ key.source.words[1]) |
           (entry.destination.words[0] ^ key.destination.words[0]) | (entry.destination.words[1] ^ key.destination.words[1]) |
           (identification_and_sender(entry) ^ a.identification_and_sender()) | other_protocol;
}

template <typename Tables>
inline FragmentBucket* fragment_bucket_of(const Tables& tables, const FragmentArrival& a) {
    return tables.fragment_bucket(
        place_fragment(a.h.key.source, a.h.key.destination, a.identification_and_sender(), a.config.hash_secret));
}

// The way of this packet's datagram; fragment_bucket_ways: none.
inline uint32_t way_of_fragment(const FragmentBucket& bucket, const FragmentArrival& a) {
    uint64_t found = fragment_bucket_ways;
    for (uint32_t way = 0; way < fragment_bucket_ways; ++way) {
        const FragmentEntry& entry = bucket.entries[way];
        const uint64_t is_other = difference_of_keys(entry, a) | mask_if_dead(load(entry.state), a);
        found = choose(mask_if_zero(is_other), way, found);
        forget_value(found);
    }
    return static_cast<uint32_t>(found);
}

inline bool says_the_same(const FragmentEntry& entry, const Headers& h) {
    return entry.source_port == h.key.source_port && entry.destination_port == h.key.destination_port &&
           entry.protocol == h.key.protocol && entry.query_type_and_code == h.query_type_and_code &&
           entry.first_bytes == h.fragment_bytes;
}

// As no load passes an exchange, what is read between two of these was there at one time if both are equal.
inline uint64_t load_in_order(uint64_t& state) { return __atomic_fetch_add(&state, uint64_t{0}, __ATOMIC_SEQ_CST); }

// A later fragment: of which flow it is. Fills in what its own headers do not say.
inline Fate follow_first(FragmentEntry& entry, const FragmentArrival& a, Headers& h) {
    const uint64_t state = load_in_order(entry.state);
    const bool is_it = difference_of_keys(entry, a) == 0;
    const be16 source_port = entry.source_port;
    const be16 destination_port = entry.destination_port;
    const uint16_t query = entry.query_type_and_code;
    const uint16_t first_bytes = entry.first_bytes;
    const uint8_t flow_protocol = entry.protocol;
    const bool is_handed_over = entry.is_handed_over != 0;
    if (!is_it || (state & fragment_is_written) != 0 || load_in_order(entry.state) != state) return go_on();
    if (h.fragment_offset < first_bytes) return drop(DropReason::fragment_overlap);
    h.key.source_port = source_port;
    h.key.destination_port = destination_port;
    h.key.protocol = flow_protocol;
    h.query_type_and_code = query;
    h.lacks_first = is_handed_over;
    return go_on();
}

// Tables::join_fragment(). Changes no table. A later fragment without a first is found out afterwards (find_or_judge): in the
// kernel plane that first may be on its way to the user plane, and this one has to follow it.
template <typename Tables>
inline Fate join_datagram(const Tables& tables, Headers& h, uint16_t source_hop, uint32_t now) {
    h.lacks_first = h.is_later_fragment;
    const Config* config = tables.config();
    if (!config) return go_on();
    const FragmentArrival a{h, *config, now, source_hop};
    FragmentBucket* bucket = fragment_bucket_of(tables, a);
    if (!bucket) return go_on();
    const uint32_t way = way_of_fragment(*bucket, a);
    if (way >= fragment_bucket_ways) return go_on();
    FragmentEntry& entry = bucket->entries[way];
    if (h.is_later_fragment) return follow_first(entry, a, h);
    // Of two packets with one identification the receiver would make one, or none (RFC 5722). In IPv4 the 16 bits come round
    // within seconds at speed (RFC 4963), between the same two hosts also for other ports: there the newer one counts.
    return h.is_ipv6 && !says_the_same(entry, h) ? drop(DropReason::fragment_conflict) : go_on();
}

// --- writing -------------------------------------------------------------------------------------------------------------

// How many living entries of the bucket are of the same sender as this one.
inline uint32_t entries_of_sender(const FragmentBucket& bucket, const FragmentEntry& one, const FragmentArrival& a) {
    uint64_t count = 0;
    for (const FragmentEntry& entry : bucket.entries) {
        const uint64_t other_sender = (identification_and_sender(entry) ^ identification_and_sender(one)) >> 32;
        count += mask_if_zero(other_sender | mask_if_dead(load(entry.state), a)) & 1;
        forget_value(count);
    }
    return static_cast<uint32_t>(count);
}

constexpr uint32_t rank_of_dead_way = 0xffffffff;

// How readily a way is written over: 0 never; else the greater the sooner. First what nobody needs; then of the sender that would
// have most entries here the oldest. So who sends many first fragments takes his own entries' place, and n senders that meet in
// a bucket have 8 / n entries each, if they need them.
inline uint32_t rank_of_way(const FragmentBucket& bucket, uint32_t way, const FragmentArrival& a) {
    constexpr uint32_t age_bits = 27;
    const FragmentEntry& entry = bucket.entries[way & (fragment_bucket_ways - 1)];
    const uint64_t state = load(entry.state);
    const uint64_t is_own = mask_if_zero((identification_and_sender(entry) ^ a.identification_and_sender()) >> 32) & 1;
    const uint64_t share = entries_of_sender(bucket, entry, a) + is_own;
    const uint64_t age = (load(bucket.written) - (static_cast<uint32_t>(state) >> 1)) & ((1u << age_bits) - 1);
    const uint64_t if_alive = (share << age_bits | age) & mask_if_zero(state & fragment_is_written);
    return static_cast<uint32_t>(choose(mask_if_dead(state, a), rank_of_dead_way, if_alive));
}

// The way with the highest rank, and its rank in the upper half.
inline uint64_t best_way(const FragmentBucket& bucket, const FragmentArrival& a) {
    uint64_t best = 0;
    for (uint32_t way = 0; way < fragment_bucket_ways; ++way) {
        const uint32_t rank = rank_of_way(bucket, way, a);
        best = choose(mask_if_below(static_cast<uint32_t>(best >> 32), rank), uint64_t{rank} << 32 | way, best);
        forget_value(best);
    }
    return best;
}

// Nobody else writes to the entry between the two exchanges of its state, and nobody believes what he reads there.
inline void write_entry(FragmentBucket& bucket, FragmentEntry& entry, const FragmentArrival& a, bool is_handed_over) {
    const uint64_t old = load(entry.state);
    if ((old & fragment_is_written) != 0 && mask_if_dead(old, a) == 0) return;
    const uint32_t serial = add_and_get_old(bucket.written, 1u);
    const uint64_t state = uint64_t{a.now} << 32 | static_cast<uint32_t>(serial << 1);
    if (!replace_value(entry.state, old, state | fragment_is_written)) return;
    entry.source = a.h.key.source;
    entry.destination = a.h.key.destination;
    entry.identification = a.h.fragment_identification;
    entry.zone = a.h.key.zone;
    entry.source_hop = a.source_hop;
    entry.source_port = a.h.key.source_port;
    entry.destination_port = a.h.key.destination_port;
    entry.query_type_and_code = a.h.query_type_and_code;
    entry.first_bytes = a.h.fragment_bytes;
    entry.protocol = a.h.key.protocol;
    entry.is_handed_over = is_handed_over ? 1 : 0;
    replace_value(entry.state, state | fragment_is_written, state);
}

// Tables::remember_fragment(). The first fragment leaves, or is handed over to the user plane. If there is no room, or another
// processor is at it, what follows is dropped.
template <typename Tables>
inline void remember_datagram(const Tables& tables, const Headers& h, uint16_t source_hop, uint32_t now, bool is_handed_over) {
    const Config* config = tables.config();
    if (!config) return;
    const FragmentArrival a{h, *config, now, source_hop};
    FragmentBucket* bucket = fragment_bucket_of(tables, a);
    if (!bucket) return;
    uint32_t way = way_of_fragment(*bucket, a);
    if (way < fragment_bucket_ways) {
        // What was let through stays so, also for what is on its way to the user plane at this moment.
        if (is_handed_over && bucket->entries[way].is_handed_over == 0) return;
    } else {
        const uint64_t best = best_way(*bucket, a);
        if (best >> 32 == 0) return;
        way = static_cast<uint32_t>(best) & (fragment_bucket_ways - 1);
    }
    write_entry(*bucket, bucket->entries[way], a, is_handed_over);
}

}  // namespace biplane
