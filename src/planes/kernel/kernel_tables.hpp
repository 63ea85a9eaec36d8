// The tables as the kernel program sees them: BPF arrays that user space maps (D2), and the Tables that the pipeline takes.
// libbpf wants a named struct per map whose members spell the attributes; its loader (kernel_object.cpp) sets the sizes that are
// chosen at start, and the form:
//     direct    one value that holds all entries. The program has its address as a constant: reaching an entry is an addition
//     look-up   one value per entry, reached through the helper that the kernel inlines: several times the instructions
#pragma once
#include "datapath/flows/fragments.hpp"
#include "datapath/flows/tidy.hpp"
#include "datapath/flows/tracking.hpp"
#include "datapath/steps/policy.hpp"
#include "layout/events.hpp"
#include "planes/kernel/bpf_helpers.hpp"
#include "planes/kernel/program_constants.hpp"

// NOLINTBEGIN(bugprone-macro-parentheses): a type cannot be put in parentheses
#define BIPLANE_MAP(name, Entry)                             \
    struct name##_map {                                      \
        int (*type)[BPF_MAP_TYPE_ARRAY];                     \
        int (*map_flags)[BPF_F_MMAPABLE];                    \
        int (*max_entries)[1]; /* set by the loader */       \
        int (*pinning)[1];     /* LIBBPF_PIN_BY_NAME */      \
        int (*key_size)[4];                                  \
        int (*value_size)[sizeof(biplane::Entry)];           \
    };                                                       \
    extern "C" {                                             \
    __attribute__((section(".maps"), used)) name##_map name; \
    }                                                        \
    static_assert(true);
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) BIPLANE_MAP(bp_##table, Entry)
#define BIPLANE_STATE_TABLE(table, Entry, entries) BIPLANE_MAP(bp_##table, Entry)
#include "layout/table_list.def"
#undef BIPLANE_MAP
// NOLINTEND(bugprone-macro-parentheses)

// Memory of the programs alone, per processor; not shared with user space.
struct bp_clock_map {
    int (*type)[BPF_MAP_TYPE_ARRAY];
    int (*map_flags)[BPF_F_MMAPABLE];
    int (*max_entries)[biplane::processors_max];
    int (*key_size)[4];
    int (*value_size)[sizeof(biplane::ProcessorClock)];
};
extern "C" {
__attribute__((section(".maps"), used)) bp_clock_map bp_clock;
}
struct bp_new_flow_map {
    int (*type)[BPF_MAP_TYPE_PERCPU_ARRAY];
    int (*max_entries)[1];
    int (*key_size)[4];
    int (*value_size)[sizeof(biplane::NewFlow)];
};
extern "C" {
__attribute__((section(".maps"), used)) bp_new_flow_map bp_new_flow;
}

struct bp_sockets_map {
    int (*type)[BPF_MAP_TYPE_XSKMAP];
    int (*max_entries)[biplane::socket_slots];
    int (*pinning)[1];
    int (*key_size)[4];
    int (*value_size)[4];
};
extern "C" {
__attribute__((section(".maps"), used)) bp_sockets_map bp_sockets;
}

// Out of line: verified once, each with a stack of its own.
extern "C" uint64_t bp_route_to(uint32_t epoch, uint32_t zone, uint64_t destination_high, uint64_t destination_low);
extern "C" uint32_t bp_route_with_length(uint32_t epoch, uint32_t zone_and_length, uint64_t destination_high,
                                         uint64_t destination_low);
extern "C" uint32_t bp_policy_decision(uint32_t epoch, uint32_t subject_and_peer, uint32_t position);
extern "C" uint32_t bp_reclaim_rank(uint32_t flow, uint32_t zone, uint32_t now);
extern "C" uint32_t bp_claim_flow_way(uint32_t first_bucket, uint32_t second_bucket, uint32_t home_way, uint32_t zone,
                                      uint32_t now);
extern "C" int bp_take_flow_back(uint32_t flow, uint32_t now);
extern "C" int bp_charge_flow(uint32_t epoch, uint32_t port_and_zone, uint32_t now);
extern "C" uint32_t bp_tidy_flow_bucket(uint32_t bucket, uint32_t least_rank, uint32_t now);
extern "C" uint32_t bp_tidy_flows(uint32_t is_over_quota, uint32_t now);
extern "C" int bp_create_flow();
extern "C" uint32_t bp_join_fragment(biplane::Headers* headers, uint32_t source_hop, uint32_t now);
extern "C" int bp_remember_fragment(const biplane::Headers* headers, uint32_t source_hop, uint32_t now, uint32_t is_handed_over);
extern "C" uint32_t bp_judge_tracked(uint32_t flow, uint32_t mode, const biplane::Headers* headers);
extern "C" uint32_t bp_write_tracked(uint32_t flow, const biplane::Headers* headers);

extern "C" {
__attribute__((section(".rodata.bp"), used)) const volatile biplane::ProgramConstants bp_constants = {
    biplane::identity_of_source(biplane::TableForm::BIPLANE_TABLE_FORM), {}, 0};
}

namespace biplane {

constexpr bool has_direct_tables = TableForm::BIPLANE_TABLE_FORM == TableForm::direct;

struct KernelTables {
    // The address of the one value of a map. The empty jump is the loader's mark (kernel_object.cpp); the verifier takes it out.
    template <typename T, auto& Map>
    static T* address_of() {
        T* address = nullptr;
        asm("goto +0\n\t%0 = %1 ll" : "=r"(address) : "i"(&Map));
        return address;
    }
    // Entry n; `mask` is the number of entries - 1, a power of two less one. The mask bounds n for the verifier. The barrier keeps
    // clang from dropping it where n is small enough by its parts: to the verifier of Linux 6.1 an OR or XOR of two unknown numbers
    // is unbounded ("math between map_value pointer and register with unbounded min value").
    template <typename T, auto& Map>
    static T* element(uint32_t n, uint32_t mask) {
        if constexpr (has_direct_tables) {
            if (!__builtin_constant_p(n)) forget_value(n);
            n &= mask;
            T* entry = address_of<T, Map>() + n;
            __builtin_assume(entry != nullptr);
            return entry;
        }
        return static_cast<T*>(bpf::map_lookup_elem(&Map, &n));
    }
    // Entry n of the bank of `epoch`; a bank has `size` entries.
    template <typename T, auto& Map>
    static T* banked(uint32_t epoch, uint32_t n, uint32_t size) {
        return element<T, Map>(bank_of(epoch) * size + n, banks * size - 1);
    }

    Config* config() const { return element<Config, bp_config>(0, 0); }
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries)      \
    Entry* entry(uint32_t epoch, uint32_t n) const {             \
        [[maybe_unused]] const auto& sizes = bp_constants.sizes; \
        return banked<Entry, bp_##table>(epoch, n, entries);     \
    }
#include "layout/table_list.def"
    RuleCounters* rule_counters(uint32_t rule) const {
        rule &= policy_rules_max - 1;
        return element<RuleCounters, bp_rule_counters>(bpf::get_smp_processor_id() * policy_rules_max + rule,
                                                       bp_constants.sizes.counter_slots * policy_rules_max - 1);
    }
    EventRing* event_ring() const {
        return element<EventRing, bp_event_rings>(bpf::get_smp_processor_id(), bp_constants.sizes.counter_slots - 1);
    }
    PolicyEvent* event(uint32_t n) const {
        return element<PolicyEvent, bp_events>(bpf::get_smp_processor_id() * event_slots + n,
                                               bp_constants.sizes.counter_slots * event_slots - 1);
    }
    FlowBucket* flow_bucket(uint32_t n) const {
        if constexpr (has_direct_tables) {
            // The barrier makes clang compare the register that it multiplies. If n is also kept on the stack, the verifier of
            // Linux 6.1 does not relate the two ("R6 unbounded memory access").
            forget_value(n);
            return n < bp_constants.sizes.flow_buckets ? address_of<FlowBucket, bp_flow_buckets>() + n : nullptr;
        }
        return element<FlowBucket, bp_flow_buckets>(n, 0);
    }
    // The barrier keeps clang 19 from adding to the pointer before it is checked ("pointer arithmetic on map_value_or_null").
    FlowBucket* checked_bucket(uint32_t n) const {
        FlowBucket* bucket = flow_bucket(n);
        if (!bucket) return nullptr;
        forget_value(bucket);
        return bucket;
    }
    FlowEntry* flow(uint32_t n) const {
        FlowBucket* bucket = checked_bucket(n / flow_bucket_ways);
        return bucket ? &bucket->entries[n % flow_bucket_ways] : nullptr;
    }
    FlowDetail* flow_detail(uint32_t n) const {
        FlowBucket* bucket = checked_bucket(n / flow_bucket_ways);
        return bucket ? &bucket->details[n % flow_bucket_ways] : nullptr;
    }
    FlowLock* flow_lock(uint32_t n) const { return element<FlowLock, bp_flow_locks>(n, flow_lock_slots - 1); }
    FragmentBucket* fragment_bucket(uint32_t n) const { return element<FragmentBucket, bp_fragments>(n, fragment_buckets - 1); }
    FlowShare* flow_share(uint32_t owner) const { return element<FlowShare, bp_flow_shares>(owner, flow_owners_max - 1); }
    PortCounters* counters(uint32_t port) const {
        if constexpr (has_direct_tables) port &= ports_max - 1;
        return element<PortCounters, bp_counters>(bpf::get_smp_processor_id() * ports_max + port,
                                                  bp_constants.sizes.counter_slots * ports_max - 1);
    }
    ProcessorClock* clock() const { return element<ProcessorClock, bp_clock>(bpf::get_smp_processor_id(), processors_max - 1); }
    UserPlaneStatus* user_plane() const { return element<UserPlaneStatus, bp_user_plane>(0, 0); }
    TraceRecord* trace() const { return element<TraceRecord, bp_trace>(0, 0); }

    uint64_t route_to(uint32_t epoch, uint16_t zone, const Address& destination) const {
        return bp_route_to(epoch, zone, destination.words[0], destination.words[1]);
    }
    uint32_t route_with_length(uint32_t epoch, uint16_t zone, uint8_t length, const Address& destination) const {
        return bp_route_with_length(epoch, uint32_t{zone} << 8 | length, destination.words[0], destination.words[1]);
    }
    uint32_t policy_decision(uint32_t epoch, uint32_t subject_and_peer, uint32_t position) const {
        return bp_policy_decision(epoch, subject_and_peer, position);
    }
    uint32_t reclaim_rank(uint32_t flow, uint16_t zone, uint32_t now) const { return bp_reclaim_rank(flow, zone, now); }
    uint32_t claim_flow_way(const FlowPlace& place, uint16_t zone, uint32_t now) const {
        return bp_claim_flow_way(place.first_bucket, place.second_bucket, place.home_way, zone, now);
    }
    uint32_t join_fragment(Headers& headers, uint16_t source_hop, uint32_t now) const {
        return bp_join_fragment(&headers, source_hop, now);
    }
    void remember_fragment(const Headers& headers, uint16_t source_hop, uint32_t now, bool is_handed_over) const {
        bp_remember_fragment(&headers, source_hop, now, is_handed_over ? 1 : 0);
    }
    bool take_flow_back(uint32_t flow, uint32_t now) const { return bp_take_flow_back(flow, now) != 0; }
    FlowCreation charge(uint32_t epoch, uint16_t port, uint16_t zone, uint32_t now) const {
        return static_cast<FlowCreation>(bp_charge_flow(epoch, uint32_t{port} << 16 | zone, now));
    }
    uint32_t tidy_flow_bucket(uint32_t bucket, uint32_t least_rank, uint32_t now) const {
        return bp_tidy_flow_bucket(bucket, least_rank, now);
    }
    uint32_t tidy_flows(bool is_over_quota, uint32_t now) const { return bp_tidy_flows(is_over_quota ? 1 : 0, now); }
    NewFlow* new_flow() const {
        const uint32_t zero = 0;
        return static_cast<NewFlow*>(bpf::map_lookup_elem(&bp_new_flow, &zero));
    }
    // While another processor holds a lock: a helper that takes about 40 ns and has no other use here.
    void pause() const {
        for (int i = 0; i < 4; ++i) bpf::ktime_get_ns();
    }
    uint32_t judge_tracked(uint32_t flow, uint8_t mode, const Headers* headers) const {
        return bp_judge_tracked(flow, mode, headers);
    }
    uint32_t write_tracked(uint32_t flow, const Headers* headers) const { return bp_write_tracked(flow, headers); }
    FlowCreation create_flow(NewFlow&) const { return static_cast<FlowCreation>(bp_create_flow()); }
};

}  // namespace biplane
