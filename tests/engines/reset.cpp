#include <cstring>

#include "cases/world.hpp"
#include "engines/engine.hpp"

namespace biplane::engines {

namespace {

template <typename Entry, typename Place>
void write_all_banks(const std::vector<Entry>& entries, Place place) {
    for (uint32_t bank = 0; bank < banks; ++bank) std::memcpy(place(bank), entries.data(), entries.size() * sizeof(Entry));
}

}  // namespace

void write_tables(Engine& engine, const TableImage& image) {
    SharedTables& t = engine.tables();
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) \
    write_all_banks(image.table, [&](uint32_t bank) { return t.entry(bank, 0); });
#include "layout/table_list.def"
}

void forget_flows(Engine& engine) {
    SharedTables& t = engine.tables();
    std::memset(static_cast<void*>(t.flow_bucket(0)), 0, t.sizes().flow_buckets * sizeof(FlowBucket));
    std::memset(static_cast<void*>(t.flow_share(0)), 0, flow_owners_max * sizeof(FlowShare));
    t.flow_share(flow_owner_node)->tidied_at = current_tick();
    std::memset(static_cast<void*>(t.flow_lock(0)), 0, flow_lock_slots * sizeof(FlowLock));
    std::memset(static_cast<void*>(t.fragment_bucket(0)), 0, fragment_buckets * sizeof(FragmentBucket));
}

void reset(Engine& engine) {
    SharedTables& t = engine.tables();
    Config& config = *t.config();
    write_tables(engine, world::tables(config.hash_secret, t.sizes().route_buckets - 1));
    forget_flows(engine);
    for (uint32_t slot = 0; slot < t.sizes().counter_slots; ++slot)
        std::memset(static_cast<void*>(t.counters(slot, 0)), 0, world::ports_end * sizeof(PortCounters));
    std::memset(static_cast<void*>(t.user_plane()), 0, sizeof(UserPlaneStatus));
    config.epoch = 4;
    config.timeouts = default_timeouts();
    config.fragment_lifetime = ticks_from_ms(fragment_lifetime_default_ms);
    config.user_plane_timeout = ticks_from_ms(100);
    engine.after_reset();
}

}  // namespace biplane::engines
