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
    write_all_banks(image.ports, [&](uint32_t bank) { return t.port(bank, 0); });
    write_all_banks(image.port_index, [&](uint32_t bank) { return t.port_index(bank, 0); });
    write_all_banks(image.zones, [&](uint32_t bank) { return t.zone(bank, 0); });
    write_all_banks(image.vni_index, [&](uint32_t bank) { return t.vni_index(bank, 0); });
    write_all_banks(image.nodes, [&](uint32_t bank) { return t.node(bank, 0); });
    write_all_banks(image.routes, [&](uint32_t bank) { return t.route_bucket(bank, 0); });
    write_all_banks(image.next_hops, [&](uint32_t bank) { return t.next_hop(bank, 0); });
    write_all_banks(image.address_classes, [&](uint32_t bank) { return t.address_class(bank, 0); });
    write_all_banks(image.policy_subjects, [&](uint32_t bank) { return t.policy_subject(bank, 0); });
    write_all_banks(image.policy_buckets, [&](uint32_t bank) { return t.policy_bucket(bank, 0); });
    write_all_banks(image.policy_ranges, [&](uint32_t bank) { return t.policy_range(bank, 0); });
    write_all_banks(image.flow_limits, [&](uint32_t bank) { return t.flow_limit(bank, 0); });
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
