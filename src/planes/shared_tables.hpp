// The tables as a user-space process sees them: mapped from their pins, or (tests) in its own memory. This is the native
// counterpart of the kernel program's tables (planes/kernel/kernel_tables.hpp): the same members, so that the pipeline takes
// either. The object owns the mappings; the pointers it hands out live as long as it. Any number of threads may read.
#pragma once
#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "layout/events.hpp"
#include "layout/flow_shares.hpp"
#include "layout/fragments.hpp"
#include "layout/gateway.hpp"
#include "layout/policy.hpp"
#include "layout/tables.hpp"

namespace biplane {

struct NewFlow;  // datapath/flows/flow_table.hpp
struct FlowPlace;
struct Headers;  // datapath/journey.hpp
enum class FlowCreation : uint8_t;

struct TableSizes {
    uint32_t flow_buckets = 1u << 16;   // 8 entries each, a flow takes two
    uint32_t route_buckets = 1u << 13;  // power of two, per bank; 8 routes each
    uint32_t counter_slots = 2;         // power of two: counter_slots_for()
};
// A row of counters per processor, the last one for the user plane.
constexpr uint32_t counter_slots_for(uint32_t processors) { return std::bit_ceil(processors + 1); }

class SharedTables {
   public:
    enum class Access { read, write };

    // Maps what is pinned below `pin_directory`. Refused if something is missing, of another layout version or size.
    static Result<SharedTables> open(const std::string& pin_directory, Access access);
    // The same in anonymous memory: zeroed, then a Config with `sizes`, default timeouts and the given secret filled in.
    static Result<SharedTables> in_memory(const TableSizes& sizes, uint64_t secret_seed);

    SharedTables(SharedTables&& other) noexcept;
    SharedTables& operator=(SharedTables&& other) noexcept;
    ~SharedTables();

    // --- what the pipeline uses (Tables) ---
    Config* config() const { return config_; }
    Port* port(uint32_t epoch, uint32_t n) const { return at(ports_, epoch, n, ports_max); }
    PortIndexEntry* port_index(uint32_t epoch, uint32_t n) const { return at(port_index_, epoch, n, port_index_slots); }
    Zone* zone(uint32_t epoch, uint32_t n) const { return at(zones_, epoch, n, zones_max); }
    VniIndexEntry* vni_index(uint32_t epoch, uint32_t n) const { return at(vni_index_, epoch, n, vni_index_slots); }
    NodeEntry* node(uint32_t epoch, uint32_t n) const { return at(nodes_, epoch, n, node_slots); }
    RouteBucket* route_bucket(uint32_t epoch, uint32_t n) const { return at(routes_, epoch, n, sizes_.route_buckets); }
    NextHop* next_hop(uint32_t epoch, uint32_t n) const { return at(next_hops_, epoch, n, next_hops_max); }
    AddressClass* address_class(uint32_t epoch, uint32_t n) const { return at(address_classes_, epoch, n, address_classes_max); }
    PolicyList* policy_subject(uint32_t epoch, uint32_t n) const { return at(policy_subjects_, epoch, n, policy_subjects_max); }
    PolicyBucket* policy_bucket(uint32_t epoch, uint32_t n) const { return at(policy_buckets_, epoch, n, policy_buckets_max); }
    PolicyRange* policy_range(uint32_t epoch, uint32_t n) const { return at(policy_ranges_, epoch, n, policy_ranges_max); }
    RuleCounters* rule_counters(uint32_t rule) const { return rule_counters(writer_slot_, rule); }
    EventRing* event_ring() const { return event_ring(writer_slot_); }
    PolicyEvent* event(uint32_t n) const { return event(writer_slot_, n); }
    FlowBucket* flow_bucket(uint32_t n) const { return n < sizes_.flow_buckets ? flow_buckets_ + n : nullptr; }
    FlowEntry* flow(uint32_t n) const {
        return n < flow_entries() ? &flow_buckets_[n / flow_bucket_ways].entries[n % flow_bucket_ways] : nullptr;
    }
    FlowDetail* flow_detail(uint32_t n) const {
        return n < flow_entries() ? &flow_buckets_[n / flow_bucket_ways].details[n % flow_bucket_ways] : nullptr;
    }
    FlowLock* flow_lock(uint32_t n) const { return n < flow_lock_slots ? flow_locks_ + n : nullptr; }
    FragmentBucket* fragment_bucket(uint32_t n) const { return n < fragment_buckets ? fragments_ + n : nullptr; }
    FlowLimit* flow_limit(uint32_t epoch, uint32_t owner) const { return at(flow_limits_, epoch, owner, flow_owners_max); }
    FlowShare* flow_share(uint32_t owner) const { return owner < flow_owners_max ? flow_shares_ + owner : nullptr; }
    PortCounters* counters(uint32_t port) const { return counters(writer_slot_, port); }
    UserPlaneStatus* user_plane() const { return user_plane_; }
    TraceRecord* trace() const { return trace_; }
    uint64_t route_to(uint32_t epoch, uint16_t zone, const Address& destination) const;
    uint32_t policy_decision(uint32_t epoch, uint32_t subject_and_peer, uint32_t position) const;
    uint32_t route_with_length(uint32_t epoch, uint16_t zone, uint8_t length, const Address& destination) const;
    uint32_t reclaim_rank(uint32_t flow, uint16_t zone, uint32_t now) const;
    uint32_t claim_flow_way(const FlowPlace& place, uint16_t zone, uint32_t now) const;
    bool take_flow_back(uint32_t flow, uint32_t now) const;
    FlowCreation charge(uint32_t epoch, uint16_t port, uint16_t zone, uint32_t now) const;
    uint32_t tidy_flow_bucket(uint32_t bucket, uint32_t least_rank, uint32_t now) const;
    uint32_t tidy_flows(bool is_over_quota, uint32_t now) const;
    NewFlow* new_flow() const { return new_flow_.get(); }  // one thread per SharedTables object may carry packets
    FlowCreation create_flow(NewFlow& flow) const;
    uint32_t join_fragment(Headers& headers, uint16_t source_hop, uint32_t now) const;
    void remember_fragment(const Headers& headers, uint16_t source_hop, uint32_t now, bool is_handed_over) const;
    uint32_t judge_tracked(uint32_t flow, uint8_t mode, const Headers* headers) const;
    uint32_t write_tracked(uint32_t flow, const Headers* headers) const;
    void pause() const;

    // --- for agents and tools ---
    const TableSizes& sizes() const { return sizes_; }
    uint32_t flow_entries() const { return sizes_.flow_buckets * flow_bucket_ways; }
    // Row `slot` of the counters: processor number, or user_plane_slot().
    PortCounters* counters(uint32_t slot, uint32_t port) const;
    RuleCounters* rule_counters(uint32_t slot, uint32_t rule) const {
        return slot < sizes_.counter_slots && rule < policy_rules_max ? rule_counters_ + size_t{slot} * policy_rules_max + rule
                                                                      : nullptr;
    }
    EventRing* event_ring(uint32_t slot) const { return slot < sizes_.counter_slots ? event_rings_ + slot : nullptr; }
    PolicyEvent* event(uint32_t slot, uint32_t n) const {
        return slot < sizes_.counter_slots && n < event_slots ? events_ + size_t{slot} * event_slots + n : nullptr;
    }
    uint32_t user_plane_slot() const { return sizes_.counter_slots - 1; }
    // Which row `counters(port)` above means: the one this process may write. By default user_plane_slot().
    void set_writer_slot(uint32_t slot) { writer_slot_ = slot; }

   private:
    SharedTables();
    template <typename T>
    static T* at(T* base, uint32_t epoch, uint32_t n, uint32_t size) {
        return n < size ? base + size_t{bank_of(epoch)} * size + n : nullptr;
    }
    template <typename T>
    Status map_pin(const std::string& directory, const char* name, Access access, uint64_t wanted_entries, T*& place,
                   uint64_t* found_entries = nullptr);
    template <typename T>
    void allocate(uint64_t entries, T*& place);
    void release();

    struct Mapping {
        void* address;
        size_t length;
    };
    std::vector<Mapping> mappings_;
    std::unique_ptr<NewFlow> new_flow_;
    TableSizes sizes_;
    uint32_t writer_slot_ = 0;
    Config* config_ = nullptr;
    Port* ports_ = nullptr;
    PortIndexEntry* port_index_ = nullptr;
    Zone* zones_ = nullptr;
    VniIndexEntry* vni_index_ = nullptr;
    NodeEntry* nodes_ = nullptr;
    RouteBucket* routes_ = nullptr;
    NextHop* next_hops_ = nullptr;
    AddressClass* address_classes_ = nullptr;
    PolicyList* policy_subjects_ = nullptr;
    PolicyBucket* policy_buckets_ = nullptr;
    PolicyRange* policy_ranges_ = nullptr;
    RuleCounters* rule_counters_ = nullptr;
    EventRing* event_rings_ = nullptr;
    PolicyEvent* events_ = nullptr;
    FlowBucket* flow_buckets_ = nullptr;
    FlowLock* flow_locks_ = nullptr;
    FragmentBucket* fragments_ = nullptr;
    FlowLimit* flow_limits_ = nullptr;
    FlowShare* flow_shares_ = nullptr;
    PortCounters* counters_ = nullptr;
    UserPlaneStatus* user_plane_ = nullptr;
    TraceRecord* trace_ = nullptr;
};

constexpr uint32_t default_user_plane_timeout = ticks_from_ms(100);

// A Config for new tables: defaults, the given sizes and secret, epoch 0, no punt port.
void initialise_config(Config& config, const TableSizes& sizes, const uint32_t (&secret)[10]);

// The default timeouts (RFC 5382, 4787, 5508) in ticks.
FlowTimeouts default_timeouts();
uint32_t current_tick();  // of CLOCK_MONOTONIC_COARSE, the clock both planes use

}  // namespace biplane
