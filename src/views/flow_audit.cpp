#include "views/flow_audit.hpp"

#include <unistd.h>

#include "datapath/flows/flow_table.hpp"

namespace biplane {
namespace {

bool has_entry(uint32_t signature) { return signature != signature_free && !is_claimed(signature); }

bool has_its_other_direction(const SharedTables& tables, uint32_t number) {
    const uint32_t other = load(tables.flow_detail(number)->other);
    return other < tables.flow_entries() && has_entry(load(*signature_of(tables, other))) &&
           load(tables.flow_detail(other)->other) == number &&
           has_key(*tables.flow(other), reverse_of(key_of(*tables.flow(number))));
}

// A pair that is being made or taken back looks like a half for a moment.
bool stays_half(const SharedTables& tables, uint32_t number) {
    constexpr int looks = 3;
    constexpr useconds_t pause_us = 200;
    for (int look = 0; look < looks; ++look) {
        if (look > 0) ::usleep(pause_us);
        if (!has_entry(load(*signature_of(tables, number))) || has_its_other_direction(tables, number)) return false;
    }
    return true;
}

using OwnerCounts = std::vector<int64_t>;  // by owner number

void check_owners(const SharedTables& tables, OwnerCounts& counted, FlowAudit& audit) {
    for (uint32_t owner = 1; owner < flow_owners_max; ++owner) {
        const FlowShare& share = *tables.flow_share(owner);
        counted[flow_owner_node] += load(share.borrowed);
        const int64_t said = int64_t{load(share.own)} + load(share.borrowed);
        if (said != counted[owner]) audit.wrong_owners.push_back({owner, counted[owner], said});
    }
    const int64_t said = load(tables.flow_share(flow_owner_node)->own);
    if (said != counted[flow_owner_node]) audit.wrong_owners.push_back({flow_owner_node, counted[flow_owner_node], said});
}

}  // namespace

std::string owner_name(uint32_t owner, const TableNames& names) {
    if (owner == flow_owner_node) return "pool";
    return owner < zones_max ? "network/" + names.network(static_cast<uint16_t>(owner))
                             : names.port(static_cast<uint16_t>(owner - zones_max));
}

FlowAudit audit_flows(const SharedTables& tables, uint32_t now) {
    FlowAudit audit;
    OwnerCounts counted(flow_owners_max);
    for (uint32_t number = 0; number < tables.flow_entries(); ++number) {
        const uint32_t signature = load(*signature_of(tables, number));
        if (is_claimed(signature) && is_stale_claim(signature, now)) ++audit.stale_claims;
        if (!has_entry(signature)) continue;
        if (!has_its_other_direction(tables, number) && stays_half(tables, number)) ++audit.half_pairs;
        const FlowEntry& entry = *tables.flow(number);
        if ((entry.mode & flow_mode_reverse) != 0) continue;
        ++audit.pairs;
        ++counted[flow_owner_of_zone(entry.zone) & (flow_owners_max - 1)];
        ++counted[flow_owner_of_port(tables.flow_detail(number)->ingress_port) & (flow_owners_max - 1)];
    }
    check_owners(tables, counted, audit);
    return audit;
}

Json to_json(const FlowAudit& audit, const TableNames& names) {
    Json owners = Json::array();
    for (const FlowAudit::Owner& owner : audit.wrong_owners)
        owners.push_back({{"owner", owner_name(owner.number, names)}, {"counted", owner.counted}, {"said", owner.said}});
    return {{"pairs", audit.pairs},
            {"halfPairs", audit.half_pairs},
            {"staleClaims", audit.stale_claims},
            {"wrongOwners", std::move(owners)}};
}

}  // namespace biplane
