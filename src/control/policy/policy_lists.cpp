#include "control/policy/policy_lists.hpp"

#include <algorithm>
#include <queue>

#include "control/numbering/hash_numbers.hpp"

namespace biplane {
namespace {

constexpr auto ranks_behind = [](const PositionInterval* a, const PositionInterval* b) { return a->rank > b->rank; };

constexpr bool is_pass(uint32_t decision) { return (decision & ~policy_log) == 0; }

void append_range(std::vector<PolicyRange>& list, uint32_t start, uint32_t decision) {
    if (list.empty() || list.back().decision != decision) list.push_back({start, decision});
}

}  // namespace

std::vector<Stretch> lowest_ranks(std::vector<PositionInterval>& intervals) {
    std::sort(intervals.begin(), intervals.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::priority_queue<const PositionInterval*, std::vector<const PositionInterval*>, decltype(ranks_behind)> open(ranks_behind);
    std::vector<Stretch> stretches;
    size_t next = 0;
    for (uint32_t position = 0; position < policy_positions;) {
        for (; next < intervals.size() && intervals[next].first <= position; ++next) open.push(&intervals[next]);
        while (!open.empty() && open.top()->last < position) open.pop();
        const uint32_t rank = open.empty() ? no_rank : open.top()->rank;
        if (stretches.empty() || stretches.back().rank != rank) stretches.push_back({position, rank});
        const uint32_t end = open.empty() ? policy_positions : open.top()->last + 1;
        position = next < intervals.size() ? std::min(end, intervals[next].first) : end;
    }
    return stretches;
}

void append_positions(const std::vector<PolicyPort>& ports, const Workload* destination, uint32_t rank,
                      std::vector<PositionInterval>& intervals) {
    if (ports.empty()) intervals.push_back({0, policy_positions - 1, rank});
    for (const PolicyPort& port : ports) {
        const auto append = [&](uint16_t first, uint16_t last) {
            intervals.push_back({policy_position(port.protocol, first), policy_position(port.protocol, last), rank});
        };
        if (const auto* range = std::get_if<PortRange>(&port.port)) {
            append(range->first, range->last);
        } else if (destination) {
            for (const NamedPort& named : destination->ports)
                if (named.protocol == port.protocol && named.name == std::get<PortName>(port.port).name)
                    append(named.port, named.port);
        }
    }
}

std::vector<PolicyRange> make_list(ListParts& parts, const std::vector<uint32_t>& decisions) {
    std::vector<Stretch> first = lowest_ranks(parts.first), then = lowest_ranks(parts.then);
    std::vector<PolicyRange> list;
    for (size_t f = 0, t = 0; f < first.size() && t < then.size();) {
        const uint32_t start = std::max(first[f].start, then[t].start);
        const uint32_t before = first[f].rank == no_rank ? 0 : decisions[first[f].rank];
        const uint32_t after = then[t].rank == no_rank ? parts.otherwise : decisions[then[t].rank];
        append_range(list, start, is_pass(before) ? after | before : before);
        const uint32_t first_end = f + 1 < first.size() ? first[f + 1].start : policy_positions;
        const uint32_t then_end = t + 1 < then.size() ? then[t + 1].start : policy_positions;
        if (first_end <= then_end) ++f;
        if (then_end <= first_end) ++t;
    }
    return list;
}

PolicyList RangeStore::add(const std::vector<PolicyRange>& list) {
    static_assert(sizeof(PolicyRange) == sizeof(uint64_t));
    uint64_t hash = hash_seed;
    for (const PolicyRange& range : list) hash = add_to_hash(hash, uint64_t{range.start} << 32 | range.decision);
    const auto is_equal = [](const PolicyRange& a, const PolicyRange& b) { return a.start == b.start && a.decision == b.decision; };
    const auto [from, to] = lists_.equal_range(hash);
    for (auto known = from; known != to; ++known)
        if (known->second.count == list.size() &&
            std::equal(list.begin(), list.end(), ranges_.begin() + known->second.first, is_equal))
            return known->second;
    const PolicyList place{static_cast<uint32_t>(ranges_.size()), static_cast<uint32_t>(list.size())};
    ranges_.insert(ranges_.end(), list.begin(), list.end());
    lists_.emplace(hash, place);
    return place;
}

}  // namespace biplane
