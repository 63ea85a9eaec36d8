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

Status SharedTables::map_pin(const std::string& directory, const char* name, Access access, uint64_t entries, size_t entry_bytes,
                             void*& place) {
    const std::string path = directory + "/" + name;
    auto map = open_pin(path);
    if (!map) return map.error().within("map the tables");
    // One value with all entries, or one value per entry: the same memory (planes/kernel/kernel_object.hpp).
    const uint64_t table_bytes = uint64_t{map->values} * map->value_bytes;
    if (table_bytes != entries * entry_bytes || (map->values != 1 && map->value_bytes != entry_bytes))
        return failure("the pinned table " + path + " has " + std::to_string(map->values) + " values of " +
                       std::to_string(map->value_bytes) + " bytes, expected " + std::to_string(entries) + " entries of " +
                       std::to_string(entry_bytes) + ": it was made by another version or with other sizes");
    const uint64_t bytes = (table_bytes + page_bytes - 1) / page_bytes * page_bytes;
    const int protection = access == Access::write ? PROT_READ | PROT_WRITE : PROT_READ;
    void* address = mmap(nullptr, bytes, protection, MAP_SHARED, map->fd.get(), 0);
    if (address == MAP_FAILED) return failed_call("map the pinned table " + path, errno);
    mappings_.push_back({address, bytes});
    place = address;
    return {};
}

// What stands there decides which sizes the other tables have.
Status SharedTables::map_config(const std::string& directory, Access access) {
    void* place = nullptr;
    if (auto mapped = map_pin(directory, pins::config, access, 1, sizeof(Config), place); !mapped) return mapped;
    at_.config = static_cast<Config*>(place);
    return {};
}

Status SharedTables::map_all(const std::string& directory, Access access) {
    const Config& config = *at_.config;
    if (config.version == 0) return failure("the tables pinned in " + directory + " were created and never filled", ENODATA);
    if (config.version != layout_version)
        return failure("the tables pinned in " + directory + " have layout version " + std::to_string(config.version) +
                       ", this program has " + std::to_string(layout_version) +
                       "; remove the datapath of the other version first (biplaned --remove of that version)");
    const TableSizes sizes{config.flow_buckets, config.route_bucket_mask + 1, config.counter_slots};
    sizes_ = sizes;
    writer_slot_ = user_plane_slot();
    Status status;
    const auto map = [&](const char* name, uint64_t entries, auto*& place) {
        using Entry = std::remove_reference_t<decltype(*place)>;
        static_assert(sizeof(Entry) % 8 == 0, "the kernel rounds values up");
        void* address = place;  // the Config is mapped already
        if (status && !address) status = map_pin(directory, name, access, entries, sizeof(Entry), address);
        place = static_cast<Entry*>(address);
    };
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) map(pins::table, uint64_t{banks} * (entries), at_.table);
#define BIPLANE_STATE_TABLE(table, Entry, entries) map(pins::table, entries, at_.table);
#include "layout/table_list.def"
    return status;
}

Result<std::optional<Config>> SharedTables::read_config(const std::string& directory) {
    auto map = open_pin(directory + "/" + pins::config);
    if (!map && map.error().code == ENOENT) return std::nullopt;
    if (!map) return tl::unexpected(map.error());
    Config config{};
    const uint32_t first = 0;
    if (map->value_bytes != sizeof(config)) return failure("the tables pinned in " + directory + " are those of another version");
    if (bpf_map_lookup_elem(map->fd.get(), &first, &config) != 0)
        return failed_call("read the pinned Config in " + directory, errno);
    return config;
}

Result<SharedTables> SharedTables::open(const std::string& directory, Access access) {
    SharedTables tables;
    if (auto mapped = tables.map_config(directory, access); !mapped) return tl::unexpected(mapped.error());
    if (auto mapped = tables.map_all(directory, access); !mapped) return tl::unexpected(mapped.error());
    return tables;
}

Result<SharedTables> SharedTables::open_or_initialise(const std::string& directory, const TableSizes& sizes,
                                                      const uint32_t (&secret)[10]) {
    SharedTables tables;
    if (auto mapped = tables.map_config(directory, Access::write); !mapped) return tl::unexpected(mapped.error());
    if (tables.at_.config->version == 0) initialise_config(*tables.at_.config, sizes, secret);
    if (auto mapped = tables.map_all(directory, Access::write); !mapped) return tl::unexpected(mapped.error());
    return tables;
}

uint64_t SharedTables::bytes_of([[maybe_unused]] const TableSizes& sizes) {
    uint64_t bytes = 0;
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) bytes += uint64_t{banks} * (entries) * sizeof(Entry);
#define BIPLANE_STATE_TABLE(table, Entry, entries) bytes += uint64_t{entries} * sizeof(Entry);
#include "layout/table_list.def"
    return bytes;
}

Status SharedTables::allocate(uint64_t wanted, void*& place) {
    const uint64_t bytes = (wanted + page_bytes - 1) / page_bytes * page_bytes;
    void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return failed_call("allocate the tables", errno);
    mappings_.push_back({address, bytes});
    place = address;
    return {};
}

Result<SharedTables> SharedTables::in_memory(const TableSizes& requested, uint64_t secret_seed) {
    SharedTables tables;
    TableSizes sizes = requested;
    sizes.route_buckets = power_of_two_below(sizes.route_buckets);
    tables.sizes_ = sizes;
    tables.writer_slot_ = tables.user_plane_slot();
    Status status;
    const auto allocate = [&](uint64_t entries, auto*& place) {
        using Entry = std::remove_reference_t<decltype(*place)>;
        void* address = nullptr;
        if (status) status = tables.allocate(entries * sizeof(Entry), address);
        place = static_cast<Entry*>(address);
    };
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) allocate(uint64_t{banks} * (entries), tables.at_.table);
#define BIPLANE_STATE_TABLE(table, Entry, entries) allocate(entries, tables.at_.table);
#include "layout/table_list.def"
    if (!status) return tl::unexpected(status.error());

    uint32_t secret[10];
    for (uint32_t& word : secret) {
        secret_seed = spread(secret_seed + 0x9e3779b97f4a7c15u);
        word = static_cast<uint32_t>(secret_seed >> 32) | 1;
    }
    initialise_config(*tables.at_.config, sizes, secret);
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
    at_ = std::exchange(other.at_, {});
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
    return slot < sizes_.counter_slots && port < ports_max ? at_.counters + size_t{slot} * ports_max + port : nullptr;
}

}  // namespace biplane
