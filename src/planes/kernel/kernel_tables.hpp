// The tables as the kernel program sees them: BPF arrays that user space maps (D2), and the Tables that the pipeline takes.
// libbpf wants a named struct per map whose members spell the attributes; its loader sets the sizes that are chosen at start.
#pragma once
#include "datapath/flow_table.hpp"
#include "planes/kernel/bpf_helpers.hpp"

// NOLINTBEGIN(bugprone-macro-parentheses): a type cannot be put in parentheses
#define BIPLANE_TABLE(name, Entry, entries)                  \
    struct name##_map {                                      \
        int (*type)[BPF_MAP_TYPE_ARRAY];                     \
        int (*map_flags)[BPF_F_MMAPABLE];                    \
        int (*max_entries)[entries];                         \
        int (*pinning)[1]; /* LIBBPF_PIN_BY_NAME */          \
        int (*key_size)[4];                                  \
        int (*value_size)[sizeof(Entry)];                    \
    };                                                       \
    extern "C" {                                             \
    __attribute__((section(".maps"), used)) name##_map name; \
    }                                                        \
    static_assert(true)

BIPLANE_TABLE(bp_config, biplane::Config, 1);
BIPLANE_TABLE(bp_ports, biplane::Port, biplane::banks* biplane::ports_max);
BIPLANE_TABLE(bp_port_index, biplane::PortIndexEntry, biplane::banks* biplane::port_index_slots);
BIPLANE_TABLE(bp_zones, biplane::Zone, biplane::banks* biplane::zones_max);
BIPLANE_TABLE(bp_vni_index, biplane::VniIndexEntry, biplane::banks* biplane::vni_index_slots);
BIPLANE_TABLE(bp_nodes, biplane::NodeEntry, biplane::banks* biplane::node_slots);
BIPLANE_TABLE(bp_routes, biplane::RouteBucket, 2);  // size set by the loader
BIPLANE_TABLE(bp_next_hops, biplane::NextHop, biplane::banks* biplane::next_hops_max);
BIPLANE_TABLE(bp_flow_buckets, biplane::FlowBucket, 1);  // size set by the loader
BIPLANE_TABLE(bp_flows, biplane::FlowEntry, 8);          // size set by the loader
BIPLANE_TABLE(bp_flow_details, biplane::FlowDetail, 8);  // size set by the loader
BIPLANE_TABLE(bp_flow_locks, biplane::FlowLock, biplane::flow_lock_slots);
BIPLANE_TABLE(bp_counters, biplane::PortCounters, biplane::ports_max);  // size set by the loader
BIPLANE_TABLE(bp_user_plane, biplane::UserPlaneStatus, 1);
BIPLANE_TABLE(bp_trace, biplane::TraceRecord, 1);
#undef BIPLANE_TABLE
// NOLINTEND(bugprone-macro-parentheses)

// Scratch memory of one program run; not shared with user space.
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
extern "C" uint32_t bp_route_to(uint32_t epoch, uint32_t zone, uint64_t destination_high, uint64_t destination_low);
extern "C" uint32_t bp_reclaim_rank(uint32_t flow, uint32_t now);
extern "C" int bp_create_flow();

namespace biplane {

struct KernelTables {
    template <typename T, typename Map>
    static T* element(Map& map, uint32_t n) {
        return static_cast<T*>(bpf::map_lookup_elem(&map, &n));
    }
    template <typename T, typename Map>
    static T* banked(Map& map, uint32_t epoch, uint32_t n, uint32_t size) {
        return element<T>(map, (epoch & 1) * size + n);
    }

    Config* config() const { return element<Config>(bp_config, 0); }
    Port* port(uint32_t epoch, uint32_t n) const { return banked<Port>(bp_ports, epoch, n, ports_max); }
    PortIndexEntry* port_index(uint32_t epoch, uint32_t n) const {
        return banked<PortIndexEntry>(bp_port_index, epoch, n, port_index_slots);
    }
    Zone* zone(uint32_t epoch, uint32_t n) const { return banked<Zone>(bp_zones, epoch, n, zones_max); }
    VniIndexEntry* vni_index(uint32_t epoch, uint32_t n) const {
        return banked<VniIndexEntry>(bp_vni_index, epoch, n, vni_index_slots);
    }
    NodeEntry* node(uint32_t epoch, uint32_t n) const { return banked<NodeEntry>(bp_nodes, epoch, n, node_slots); }
    RouteBucket* route_bucket(uint32_t epoch, uint32_t n) const {
        const auto* config_entry = config();
        return config_entry ? banked<RouteBucket>(bp_routes, epoch, n, config_entry->route_bucket_mask + 1) : nullptr;
    }
    NextHop* next_hop(uint32_t epoch, uint32_t n) const { return banked<NextHop>(bp_next_hops, epoch, n, next_hops_max); }
    FlowBucket* flow_bucket(uint32_t n) const { return element<FlowBucket>(bp_flow_buckets, n); }
    FlowEntry* flow(uint32_t n) const { return element<FlowEntry>(bp_flows, n); }
    FlowDetail* flow_detail(uint32_t n) const { return element<FlowDetail>(bp_flow_details, n); }
    FlowLock* flow_lock(uint32_t n) const { return element<FlowLock>(bp_flow_locks, n); }
    PortCounters* counters(uint32_t port) const {
        return element<PortCounters>(bp_counters, bpf::get_smp_processor_id() * ports_max + port);
    }
    UserPlaneStatus* user_plane() const { return element<UserPlaneStatus>(bp_user_plane, 0); }
    TraceRecord* trace() const { return element<TraceRecord>(bp_trace, 0); }

    uint32_t route_to(uint32_t epoch, uint16_t zone, const Address& destination) const {
        return bp_route_to(epoch, zone, destination.words[0], destination.words[1]);
    }
    uint32_t reclaim_rank(uint32_t flow, uint32_t now) const { return bp_reclaim_rank(flow, now); }
    NewFlow* new_flow() const { return element<NewFlow>(bp_new_flow, 0); }
    // While another processor holds a lock: a helper that takes about 40 ns and has no other use here.
    void pause() const {
        for (int i = 0; i < 4; ++i) bpf::ktime_get_ns();
    }
    FlowCreation create_flow(NewFlow&) const { return static_cast<FlowCreation>(bp_create_flow()); }
};

}  // namespace biplane
