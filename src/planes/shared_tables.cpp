#include "planes/shared_tables.hpp"

#include <bpf/bpf.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "base/fd.hpp"
#include "datapath/flows/fragments.hpp"
#include "datapath/flows/tidy.hpp"
#include "datapath/flows/tracking.hpp"
#include "datapath/steps/policy.hpp"
#include "layout/pins.hpp"

namespace biplane {
namespace {

constexpr uint64_t page_bytes = 4096;

struct PinnedMap {
    Fd fd;
    uint32_t values;
    uint32_t value_bytes;
};

Result<PinnedMap> open_pin(const std::string& path) {
    Fd fd(bpf_obj_get(path.c_str()));
    if (!fd) return failed_call("open the pinned table " + path, errno);
    bpf_map_info info{};
    uint32_t info_bytes = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd.get(), &info, &info_bytes) != 0) return failed_call("ask the kernel about " + path, errno);
    return PinnedMap{std::move(fd), info.max_entries, info.value_size};
}

uint32_t power_of_two_below(uint32_t value) {
    uint32_t power = 1;
    while (power <= value / 2) power *= 2;
    return power;
}

}  // namespace

FlowTimeouts default_timeouts() {
    FlowTimeouts timeouts{};
    timeouts.tcp_opening = ticks_from_ms(30'000);
    timeouts.tcp_established = ticks_from_ms(2ull * 3600 * 1000 + 4 * 60 * 1000);
    timeouts.tcp_closing = ticks_from_ms(240'000);
    timeouts.tcp_closed = ticks_from_ms(10'000);
    timeouts.udp_single = ticks_from_ms(120'000);
    timeouts.udp_stream = ticks_from_ms(300'000);
    timeouts.icmp = ticks_from_ms(60'000);
    timeouts.other = ticks_from_ms(120'000);
    return timeouts;
}

uint32_t current_tick() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return static_cast<uint32_t>((uint64_t(now.tv_sec) * 1'000'000'000ull + uint64_t(now.tv_nsec)) >> tick_shift);
}

void initialise_config(Config& config, const TableSizes& sizes, const uint32_t (&secret)[10]) {
    config = Config{};
    config.version = layout_version;
    std::copy(std::begin(secret), std::end(secret), std::begin(config.hash_secret));
    config.flow_buckets = sizes.flow_buckets;
    config.route_bucket_mask = sizes.route_buckets - 1;
    config.counter_slots = sizes.counter_slots;
    config.user_plane_timeout = default_user_plane_timeout;
    config.timeouts = default_timeouts();
    config.fragment_lifetime = ticks_from_ms(fragment_lifetime_default_ms);
    config.gateway_ipv4 = default_gateway_ipv4;
    config.gateway_ipv6 = default_gateway_ipv6;
}

template <typename T>
Status SharedTables::map_pin(const std::string& directory, const char* name, Access access, uint64_t wanted_entries, T*& place,
                             uint64_t* found_entries) {
    const std::string path = directory + "/" + name;
    auto map = open_pin(path);
    if (!map) return map.error().within("map the tables");
    // One value with all entries, or one value per entry: the same memory (planes/kernel/kernel_object.hpp).
    static_assert(sizeof(T) % 8 == 0, "the kernel rounds values up");
    const uint64_t table_bytes = uint64_t{map->values} * map->value_bytes;
    const uint64_t entries = table_bytes / sizeof(T);
    if (table_bytes % sizeof(T) != 0 || (map->values != 1 && map->value_bytes != sizeof(T)) ||
        (wanted_entries != 0 && entries != wanted_entries))
        return failure("the pinned table " + path + " has " + std::to_string(map->values) + " values of " +
                       std::to_string(map->value_bytes) + " bytes, expected " + std::to_string(wanted_entries) + " entries of " +
                       std::to_string(sizeof(T)) + ": it was made by another version or with other sizes");
    if (found_entries) *found_entries = entries;
    const uint64_t bytes = (table_bytes + page_bytes - 1) / page_bytes * page_bytes;
    const int protection = access == Access::write ? PROT_READ | PROT_WRITE : PROT_READ;
    void* address = mmap(nullptr, bytes, protection, MAP_SHARED, map->fd.get(), 0);
    if (address == MAP_FAILED) return failed_call("map the pinned table " + path, errno);
    mappings_.push_back({address, bytes});
    place = static_cast<T*>(address);
    return {};
}

Result<SharedTables> SharedTables::open(const std::string& directory, Access access) {
    SharedTables tables;
    uint64_t flow_buckets = 0, route_buckets = 0, counters = 0, rule_counters = 0, event_rings = 0, events = 0;
    Status status = tables.map_pin(directory, pins::config, access, 1, tables.config_);
    const auto map = [&](const char* name, uint64_t entries, auto& place, uint64_t* found = nullptr) {
        if (status) status = tables.map_pin(directory, name, access, entries, place, found);
    };
    map(pins::ports, uint64_t{banks} * ports_max, tables.ports_);
    map(pins::port_index, uint64_t{banks} * port_index_slots, tables.port_index_);
    map(pins::zones, uint64_t{banks} * zones_max, tables.zones_);
    map(pins::vni_index, uint64_t{banks} * vni_index_slots, tables.vni_index_);
    map(pins::nodes, uint64_t{banks} * node_slots, tables.nodes_);
    map(pins::routes, 0, tables.routes_, &route_buckets);
    map(pins::next_hops, uint64_t{banks} * next_hops_max, tables.next_hops_);
    map(pins::address_classes, uint64_t{banks} * address_classes_max, tables.address_classes_);
    map(pins::policy_subjects, uint64_t{banks} * policy_subjects_max, tables.policy_subjects_);
    map(pins::policy_buckets, uint64_t{banks} * policy_buckets_max, tables.policy_buckets_);
    map(pins::policy_ranges, uint64_t{banks} * policy_ranges_max, tables.policy_ranges_);
    map(pins::rule_counters, 0, tables.rule_counters_, &rule_counters);
    map(pins::event_rings, 0, tables.event_rings_, &event_rings);
    map(pins::events, 0, tables.events_, &events);
    map(pins::flow_buckets, 0, tables.flow_buckets_, &flow_buckets);
    map(pins::flow_locks, flow_lock_slots, tables.flow_locks_);
    map(pins::fragments, fragment_buckets, tables.fragments_);
    map(pins::flow_limits, uint64_t{banks} * flow_owners_max, tables.flow_limits_);
    map(pins::flow_shares, flow_owners_max, tables.flow_shares_);
    map(pins::counters, 0, tables.counters_, &counters);
    map(pins::user_plane, 1, tables.user_plane_);
    map(pins::trace, 1, tables.trace_);
    if (!status) return tl::unexpected(status.error());
    tables.sizes_ = {static_cast<uint32_t>(flow_buckets), static_cast<uint32_t>(route_buckets / banks),
                     static_cast<uint32_t>(counters / ports_max)};
    tables.writer_slot_ = tables.user_plane_slot();
    const Config& config = *tables.config_;
    if (config.version != 0 && config.version != layout_version)
        return failure("the tables pinned in " + directory + " have layout version " + std::to_string(config.version) +
                       ", this program has " + std::to_string(layout_version));
    return tables;
}

template <typename T>
void SharedTables::allocate(uint64_t entries, T*& place) {
    const uint64_t bytes = (entries * sizeof(T) + page_bytes - 1) / page_bytes * page_bytes;
    void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return;
    mappings_.push_back({address, bytes});
    place = static_cast<T*>(address);
}

Result<SharedTables> SharedTables::in_memory(const TableSizes& requested, uint64_t secret_seed) {
    SharedTables tables;
    TableSizes sizes = requested;
    sizes.route_buckets = power_of_two_below(sizes.route_buckets);
    tables.sizes_ = sizes;
    tables.writer_slot_ = tables.user_plane_slot();
    tables.allocate(1, tables.config_);
    tables.allocate(uint64_t{banks} * ports_max, tables.ports_);
    tables.allocate(uint64_t{banks} * port_index_slots, tables.port_index_);
    tables.allocate(uint64_t{banks} * zones_max, tables.zones_);
    tables.allocate(uint64_t{banks} * vni_index_slots, tables.vni_index_);
    tables.allocate(uint64_t{banks} * node_slots, tables.nodes_);
    tables.allocate(uint64_t{banks} * sizes.route_buckets, tables.routes_);
    tables.allocate(uint64_t{banks} * next_hops_max, tables.next_hops_);
    tables.allocate(uint64_t{banks} * address_classes_max, tables.address_classes_);
    tables.allocate(uint64_t{banks} * policy_subjects_max, tables.policy_subjects_);
    tables.allocate(uint64_t{banks} * policy_buckets_max, tables.policy_buckets_);
    tables.allocate(uint64_t{banks} * policy_ranges_max, tables.policy_ranges_);
    tables.allocate(uint64_t{sizes.counter_slots} * policy_rules_max, tables.rule_counters_);
    tables.allocate(sizes.counter_slots, tables.event_rings_);
    tables.allocate(uint64_t{sizes.counter_slots} * event_slots, tables.events_);
    tables.allocate(sizes.flow_buckets, tables.flow_buckets_);
    tables.allocate(flow_lock_slots, tables.flow_locks_);
    tables.allocate(fragment_buckets, tables.fragments_);
    tables.allocate(uint64_t{banks} * flow_owners_max, tables.flow_limits_);
    tables.allocate(flow_owners_max, tables.flow_shares_);
    tables.allocate(uint64_t{sizes.counter_slots} * ports_max, tables.counters_);
    tables.allocate(1, tables.user_plane_);
    tables.allocate(1, tables.trace_);
    constexpr size_t table_count = 23;
    if (tables.mappings_.size() != table_count) return failed_call("allocate the tables", ENOMEM);

    uint32_t secret[10];
    for (uint32_t& word : secret) {
        secret_seed = spread(secret_seed + 0x9e3779b97f4a7c15u);
        word = static_cast<uint32_t>(secret_seed >> 32) | 1;
    }
    initialise_config(*tables.config_, sizes, secret);
    return tables;
}

SharedTables::SharedTables() : new_flow_(std::make_unique<NewFlow>()) {}

SharedTables::SharedTables(SharedTables&& other) noexcept { *this = std::move(other); }

SharedTables& SharedTables::operator=(SharedTables&& other) noexcept {
    if (this == &other) return *this;
    release();
    mappings_ = std::exchange(other.mappings_, {});
    new_flow_ = std::exchange(other.new_flow_, nullptr);
    sizes_ = other.sizes_;
    writer_slot_ = other.writer_slot_;
    config_ = std::exchange(other.config_, nullptr);
    ports_ = std::exchange(other.ports_, nullptr);
    port_index_ = std::exchange(other.port_index_, nullptr);
    zones_ = std::exchange(other.zones_, nullptr);
    vni_index_ = std::exchange(other.vni_index_, nullptr);
    nodes_ = std::exchange(other.nodes_, nullptr);
    routes_ = std::exchange(other.routes_, nullptr);
    next_hops_ = std::exchange(other.next_hops_, nullptr);
    address_classes_ = std::exchange(other.address_classes_, nullptr);
    policy_subjects_ = std::exchange(other.policy_subjects_, nullptr);
    policy_buckets_ = std::exchange(other.policy_buckets_, nullptr);
    policy_ranges_ = std::exchange(other.policy_ranges_, nullptr);
    rule_counters_ = std::exchange(other.rule_counters_, nullptr);
    event_rings_ = std::exchange(other.event_rings_, nullptr);
    events_ = std::exchange(other.events_, nullptr);
    flow_buckets_ = std::exchange(other.flow_buckets_, nullptr);
    flow_locks_ = std::exchange(other.flow_locks_, nullptr);
    fragments_ = std::exchange(other.fragments_, nullptr);
    flow_limits_ = std::exchange(other.flow_limits_, nullptr);
    flow_shares_ = std::exchange(other.flow_shares_, nullptr);
    counters_ = std::exchange(other.counters_, nullptr);
    user_plane_ = std::exchange(other.user_plane_, nullptr);
    trace_ = std::exchange(other.trace_, nullptr);
    return *this;
}

SharedTables::~SharedTables() { release(); }

uint64_t SharedTables::route_to(uint32_t epoch, uint16_t zone, const Address& destination) const {
    return longest_route(*this, epoch, zone, destination).packed();
}

uint32_t SharedTables::route_with_length(uint32_t epoch, uint16_t zone, uint8_t length, const Address& destination) const {
    return route_of_length(*this, epoch, zone, length, destination);
}

uint32_t SharedTables::policy_decision(uint32_t epoch, uint32_t subject_and_peer, uint32_t position) const {
    return decision_at(*this, epoch, list_for(*this, epoch, subject_and_peer), position);
}

uint32_t SharedTables::reclaim_rank(uint32_t flow, uint16_t zone, uint32_t now) const {
    return rank_for_reclaim(*this, flow, zone, now);
}

uint32_t SharedTables::claim_flow_way(const FlowPlace& place, uint16_t zone, uint32_t now) const {
    return claim_way(*this, place, zone, now);
}

bool SharedTables::take_flow_back(uint32_t flow, uint32_t now) const { return take_back(*this, flow, now); }

FlowCreation SharedTables::charge(uint32_t epoch, uint16_t port, uint16_t zone, uint32_t now) const {
    return charge_flow(*this, epoch, port, zone, now);
}

uint32_t SharedTables::tidy_flow_bucket(uint32_t bucket, uint32_t least_rank, uint32_t now) const {
    return tidy_bucket(*this, bucket, least_rank, now);
}

uint32_t SharedTables::tidy_flows(bool is_over_quota, uint32_t now) const { return tidy(*this, is_over_quota, now); }

FlowCreation SharedTables::create_flow(NewFlow& flow) const { return make_pair(*this, flow); }
uint32_t SharedTables::judge_tracked(uint32_t flow, uint8_t mode, const Headers* headers) const {
    return biplane::judge_tracked(*this, flow, mode, *headers);
}
uint32_t SharedTables::write_tracked(uint32_t flow, const Headers* headers) const {
    return biplane::write_tracked(*this, flow, *headers);
}

uint32_t SharedTables::join_fragment(Headers& headers, uint16_t source_hop, uint32_t now) const {
    return join_datagram(*this, headers, source_hop, now).packed();
}

void SharedTables::remember_fragment(const Headers& headers, uint16_t source_hop, uint32_t now, bool is_handed_over) const {
    remember_datagram(*this, headers, source_hop, now, is_handed_over);
}

void SharedTables::pause() const { std::this_thread::yield(); }

void SharedTables::release() {
    for (const Mapping& mapping : mappings_) munmap(mapping.address, mapping.length);
    mappings_.clear();
}

PortCounters* SharedTables::counters(uint32_t slot, uint32_t port) const {
    return slot < sizes_.counter_slots && port < ports_max ? counters_ + size_t{slot} * ports_max + port : nullptr;
}

}  // namespace biplane
