// From rules that match to the list of ranges that decides (layout/policy.hpp).
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/documents/desired_state.hpp"
#include "layout/policy.hpp"

namespace biplane {

// Positions that a rule is about, both ends included. Of several with the same position the lowest rank counts.
struct PositionInterval {
    uint32_t first, last;
    uint32_t rank;
};
constexpr uint32_t no_rank = 0xffffffff;

// From `start` on up to where the next one starts, the lowest rank is `rank`.
struct Stretch {
    uint32_t start;
    uint32_t rank;  // no_rank: nobody is about these positions
};

// Covers all positions from 0 on; neighbours differ in rank. Sorts `intervals`.
std::vector<Stretch> lowest_ranks(std::vector<PositionInterval>& intervals);

// Appends the positions that `ports` mean, with `rank`. Named ports are those of `destination`; nullptr: it has none.
void append_positions(const std::vector<PolicyPort>& ports, const Workload* destination, uint32_t rank,
                      std::vector<PositionInterval>& intervals);

// What a list is made of. A rank is an index into the decisions of all rules of the direction.
struct ListParts {
    std::vector<PositionInterval> first;  // BiplanePolicies'. A decision of 0 or policy_log is that of `pass`
    std::vector<PositionInterval> then;   // NetworkPolicies'
    uint32_t otherwise = policy_allow;    // where neither says anything
};
// The list: covers all positions, starts rise, neighbours differ. Sorts the intervals.
std::vector<PolicyRange> make_list(ListParts& parts, const std::vector<uint32_t>& decisions);

// The ranges of all lists, equal lists once. Takes more than the table holds, up to ranges_bound, so that one can say how many
// there are.
class RangeStore {
   public:
    static constexpr size_t ranges_bound = size_t{16} * policy_ranges_max;

    PolicyList add(const std::vector<PolicyRange>& list);
    bool is_out_of_bounds() const { return ranges_.size() > ranges_bound; }
    const std::vector<PolicyRange>& ranges() const { return ranges_; }
    std::vector<PolicyRange> take() { return std::move(ranges_); }

   private:
    std::vector<PolicyRange> ranges_;
    std::unordered_multimap<uint64_t, PolicyList> lists_;  // by hash
};

}  // namespace biplane
