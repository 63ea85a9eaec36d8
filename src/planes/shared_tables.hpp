// The tables as a user-space process sees them: mapped from their pins, or (tests) in its own memory. This is the native
// counterpart of the kernel program's tables (planes/kernel/kernel_tables.hpp): the same members, so that the pipeline takes
// either. The object owns the mappings; the pointers it hands out live as long as it. Any number of threads may read.
#pragma once
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
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

// A row of counters per processor, the last one for the user plane.
constexpr uint32_t counter_slots_for(uint32_t processors) { return std::bit_ceil(processors + 1); }

class SharedTables {
   public:
    enum class Access { read, write };

    // Maps what is pinned below `pin_directory`. Refused if something is missing, of another layout version or size; with ENODATA if
    // the tables were created and their Config is still empty.
    static Result<SharedTables> open(const std::string& pin_directory, Access access);
    // The same of tables that may have been created just now, with these sizes: their Config is filled in if it is empty.
    static Result<SharedTables> open_or_initialise(const std::string& pin_directory, const TableSizes& sizes,
                                                   const uint32_t (&secret)[10]);
    // The same in anonymous memory: zeroed, then a Config with `sizes`, default timeouts and the given secret filled in.
    static Result<SharedTables> in_memory(const TableSizes& sizes, uint64_t secret_seed);

    // What the pinned Config says, whatever its version; nothing if there is none.
    static Result<std::optional<Config>> read_config(const std::string& pin_directory);

    SharedTables(SharedTables&& other) noexcept;
    SharedTables& operator=(SharedTables&& other) noexcept;
    ~SharedTables();

    // --- what the pipeline uses (Tables) ---
    Config* config() const { return at_.config; }
    // Entry n of a planned table in the bank of `epoch`; nullptr beyond its end.
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries)                                  \
    Entry* entry(uint32_t epoch, uint32_t n) const {                                         \
        [[maybe_unused]] const TableSizes& sizes = sizes_;                                   \
        return n < (entries) ? at_.table + size_t{bank_of(epoch)} * (entries) + n : nullptr; \
    }
#include "layout/table_list.def"
    RuleCounters* rule_counters(uint32_t rule) const { return rule_counters(writer_slot_, rule); }
    EventRing* event_ring() const { return event_ring(writer_slot_); }
    PolicyEvent* event(uint32_t n) const { return event(writer_slot_, n); }
    FlowBucket* flow_bucket(uint32_t n) const { return n < sizes_.flow_buckets ? at_.flow_buckets + n : nullptr; }
    FlowEntry* flow(uint32_t n) const {
        return n < flow_entries() ? &at_.flow_buckets[n / flow_bucket_ways].entries[n % flow_bucket_ways] : nullptr;
    }
    FlowDetail* flow_detail(uint32_t n) const {
        return n < flow_entries() ? &at_.flow_buckets[n / flow_bucket_ways].details[n % flow_bucket_ways] : nullptr;
    }
    FlowLock* flow_lock(uint32_t n) const { return n < flow_lock_slots ? at_.flow_locks + n : nullptr; }
    FragmentBucket* fragment_bucket(uint32_t n) const { return n < fragment_buckets ? at_.fragments + n : nullptr; }
    FlowShare* flow_share(uint32_t owner) const { return owner < flow_owners_max ? at_.flow_shares + owner : nullptr; }
    PortCounters* counters(uint32_t port) const { return counters(writer_slot_, port); }
    UserPlaneStatus* user_plane() const { return at_.user_plane; }
    TraceRecord* trace() const { return at_.trace; }
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
    // Bytes of all tables of these sizes.
    static uint64_t bytes_of(const TableSizes& sizes);
    uint32_t flow_entries() const { return sizes_.flow_buckets * flow_bucket_ways; }
    // Row `slot` of the counters: processor number, or user_plane_slot().
    PortCounters* counters(uint32_t slot, uint32_t port) const;
    RuleCounters* rule_counters(uint32_t slot, uint32_t rule) const {
        return slot < sizes_.counter_slots && rule < policy_rules_max ? at_.rule_counters + size_t{slot} * policy_rules_max + rule
                                                                      : nullptr;
    }
    EventRing* event_ring(uint32_t slot) const { return slot < sizes_.counter_slots ? at_.event_rings + slot : nullptr; }
    PolicyEvent* event(uint32_t slot, uint32_t n) const {
        return slot < sizes_.counter_slots && n < event_slots ? at_.events + size_t{slot} * event_slots + n : nullptr;
    }
    uint32_t user_plane_slot() const { return sizes_.counter_slots - 1; }
    // Which row `counters(port)` above means: the one this process may write. By default user_plane_slot().
    void set_writer_slot(uint32_t slot) { writer_slot_ = slot; }

   private:
    SharedTables();
    Status map_config(const std::string& directory, Access access);
    Status map_all(const std::string& directory, Access access);
    Status map_pin(const std::string& directory, const char* name, Access access, uint64_t entries, size_t entry_bytes,
                   void*& place);
    Status allocate(uint64_t bytes, void*& place);
    void release();

    struct Mapping {
        void* address;
        size_t length;
    };
    std::vector<Mapping> mappings_;
    std::unique_ptr<NewFlow> new_flow_;
    TableSizes sizes_;
    uint32_t writer_slot_ = 0;
    struct Tables {
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) Entry* table = nullptr;
#define BIPLANE_STATE_TABLE(table, Entry, entries) Entry* table = nullptr;
#include "layout/table_list.def"
    };
    Tables at_;
};

constexpr uint32_t default_user_plane_timeout = ticks_from_ms(100);

// A Config for new tables: defaults, the given sizes and secret, epoch 0, no punt port.
void initialise_config(Config& config, const TableSizes& sizes, const uint32_t (&secret)[10]);

// The default timeouts (RFC 5382, 4787, 5508) in ticks.
FlowTimeouts default_timeouts();
uint32_t current_tick();  // of CLOCK_MONOTONIC_COARSE, the clock both planes use

}  // namespace biplane
