#include "views/flow_audit.hpp"

#include <cstdlib>

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

uint64_t pairs_made(const SharedTables& tables) {
    uint64_t made = 0;
    for (uint32_t slot = 0; slot < tables.sizes().counter_slots; ++slot)
        for (uint32_t port = 0; port < ports_max; ++port) made += load(tables.counters(slot, port)->flows_created);
    return made;
}

// Keeps what is in both, and the same in both.
template <typename Map, typename IsSame>
void keep_common(Map& kept, const Map& seen, IsSame is_same) {
    for (auto entry = kept.begin(); entry != kept.end();) {
        const auto again = seen.find(entry->first);
        entry = again != seen.end() && is_same(entry->second, again->second) ? std::next(entry) : kept.erase(entry);
    }
}

}  // namespace

std::string owner_name(uint32_t owner, const TableNames& names) {
    if (owner == flow_owner_node) return "pool";
    return owner < zones_max ? "network/" + names.network(static_cast<uint16_t>(owner))
                             : names.port(static_cast<uint16_t>(owner - zones_max));
}

// The number of pairs made is read outside of everything else, so that no pair can be counted in between unnoticed.
FlowAuditor::Tally FlowAuditor::read_tally(bool is_before) const {
    Tally tally{.said = std::vector<int64_t>(flow_owners_max)};
    if (is_before) tally.created = pairs_made(tables_);
    for (uint32_t owner = 1; owner < flow_owners_max; ++owner) {
        const FlowShare& share = *tables_.flow_share(owner);
        const int64_t borrowed = load(share.borrowed);
        tally.said[owner] = load(share.own) + borrowed;
        tally.said[flow_owner_node] += borrowed;
        if (owner < zones_max) tally.in_zones += tally.said[owner];
    }
    tally.pool = load(tables_.flow_share(flow_owner_node)->own);
    if (!is_before) tally.created = pairs_made(tables_);
    return tally;
}

FlowAuditor::Suspects FlowAuditor::walk(uint32_t now, std::vector<int64_t>& counted) {
    Suspects suspects;
    pairs_ = 0;
    for (uint32_t number = 0; number < tables_.flow_entries(); ++number) {
        const uint32_t signature = load(*signature_of(tables_, number));
        const uint32_t created = load(tables_.flow_detail(number)->created);
        if (is_claimed(signature) && is_stale_claim(signature, now)) suspects[number] = {signature, created, true};
        if (!has_entry(signature)) continue;
        if (!has_its_other_direction(tables_, number)) suspects[number] = {signature, created, false};
        const FlowEntry& entry = *tables_.flow(number);
        if ((entry.mode & flow_mode_reverse) != 0) continue;
        ++pairs_;
        ++counted[flow_owner_of_zone(entry.zone) & (flow_owners_max - 1)];
        ++counted[flow_owner_of_port(tables_.flow_detail(number)->ingress_port) & (flow_owners_max - 1)];
    }
    return suspects;
}

// A pair that was there all the time is counted once, one that came or went meanwhile once or not at all. So of N pairs before and M
// after, C of them made meanwhile, at least M - C and at most N + C are counted. Each writer may have paid for one more that it is just
// making.
FlowAuditor::Comparison FlowAuditor::compare(const Tally& before, const Tally& after, const std::vector<int64_t>& counted) const {
    const auto made = static_cast<int64_t>(after.created - before.created);
    const int64_t gone = made - (after.in_zones - before.in_zones);
    const int64_t in_the_making = tables_.sizes().counter_slots;
    Comparison found;
    const auto add = [&](const FlowAudit::Owner& owner, bool is_explained) {
        found.differences[owner.number] = owner;
        if (!is_explained) found.unexplained[owner.number] = owner;
    };
    for (uint32_t owner = 1; owner < flow_owners_max; ++owner) {
        if (counted[owner] == before.said[owner] && counted[owner] == after.said[owner]) continue;
        const int64_t least = after.said[owner] - made - in_the_making, most = before.said[owner] + made + in_the_making;
        add({owner, counted[owner], after.said[owner]}, counted[owner] >= least && counted[owner] <= most);
    }
    const int64_t borrowed = after.said[flow_owner_node];
    if (borrowed != after.pool)
        add({flow_owner_node, borrowed, after.pool}, std::abs(borrowed - after.pool) <= made + std::abs(gone) + in_the_making);
    return found;
}

void FlowAuditor::look(uint32_t now) {
    const auto is_same_suspect = [](const Suspect& a, const Suspect& b) { return a == b; };
    const auto is_same_side = [](const FlowAudit::Owner& first, const FlowAudit::Owner& again) {
        return (first.counted < first.said) == (again.counted < again.said);
    };
    std::vector<int64_t> counted(flow_owners_max);
    const Tally before = read_tally(true);
    Suspects suspects = walk(now, counted);
    Tally after = read_tally(false);
    Comparison found = compare(before, after, counted);
    if (has_looked_) {
        keep_common(suspects_, suspects, is_same_suspect);
        keep_common(unexplained_, found.unexplained, is_same_side);
    } else {
        suspects_ = std::move(suspects);
        unexplained_ = std::move(found.unexplained);
    }
    const bool is_at_rest = has_looked_ && last_ == before && before == after;
    if (!is_at_rest) at_rest_since_ = now;
    const bool is_long_at_rest = now - at_rest_since_ >= flow_claim_stale;
    differences_at_rest_ = is_long_at_rest ? found.differences : Owners{};
    is_settled_ |= is_long_at_rest || found.differences.empty();
    last_differences_ = std::move(found.differences);
    last_ = std::move(after);
    has_looked_ = true;
}

FlowAudit FlowAuditor::audit() const {
    FlowAudit audit{.pairs = pairs_, .wrong_owners = {}, .is_settled = is_settled_};
    for (const auto& [number, suspect] : suspects_) ++(suspect.is_claim ? audit.stale_claims : audit.half_pairs);
    Owners wrong = differences_at_rest_;
    wrong.insert(unexplained_.begin(), unexplained_.end());
    for (const auto& [number, owner] : wrong) audit.wrong_owners.push_back(owner);
    return audit;
}

Json to_json(const FlowAudit& audit, const TableNames& names) {
    Json owners = Json::array();
    for (const FlowAudit::Owner& owner : audit.wrong_owners)
        owners.push_back({{"owner", owner_name(owner.number, names)}, {"counted", owner.counted}, {"said", owner.said}});
    return {{"pairs", audit.pairs},
            {"halfPairs", audit.half_pairs},
            {"staleClaims", audit.stale_claims},
            {"settled", audit.is_settled},
            {"wrongOwners", std::move(owners)}};
}

}  // namespace biplane
