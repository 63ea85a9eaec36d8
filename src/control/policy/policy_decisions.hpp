// What the policies of each subject say about each peer: the lists, and which pair has which.
#pragma once
#include <array>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "control/numbering/hash_numbers.hpp"
#include "control/policy/policy_classes.hpp"
#include "control/policy/policy_lists.hpp"

namespace biplane {

// The numbers of rules as the tables hold them.
struct RuleNumbers {
    std::array<std::vector<uint16_t>, 2> of_rules;  // by direction, like DirectionBook::rules
    std::vector<uint16_t> of_isolation;             // by subject
};

class PolicyDecisions {
   public:
    PolicyDecisions(const PolicyBook& book, const PolicySubjects& subjects, const RuleNumbers& numbers);

    // All subjects of one network against its peers. Refused if the work or its result grows out of all bounds.
    Status add_network(const std::string& network, const std::vector<NetworkPeer>& peers);

    const RangeStore& ranges() const { return ranges_; }
    std::vector<PolicyRange> take_ranges() { return ranges_.take(); }
    std::vector<PolicyList> take_lists() { return std::move(lists_); }  // by subject, for every peer without a pair
    const std::vector<PolicyPair>& pairs() const { return pairs_; }     // those that differ from it

   private:
    using Rules = std::vector<uint32_t>;
    struct Hit {
        uint32_t peer, rule;
        friend auto operator<=>(const Hit&, const Hit&) = default;
    };

    Status add_subject(uint32_t subject, const std::vector<NetworkPeer>& peers);
    void find_hits(const PolicySubject& subject, const std::vector<NetworkPeer>& peers);
    PolicyList list_of(uint32_t subject, const Rules& rules, uint32_t peer, const Workload* destination);

    const PolicyBook& book_;
    const PolicySubjects& subjects_;
    const RuleNumbers& numbers_;
    std::array<std::vector<uint32_t>, 2> decisions_;  // by direction, like DirectionBook::rules
    std::vector<std::vector<uint32_t>> peers_named_;  // of the network at hand, by index of PolicyBook::peers
    Rules for_everybody_;                             // of the subject at hand
    std::vector<Hit> hits_;
    std::unordered_map<std::vector<uint32_t>, PolicyList, HashNumbers> known_lists_;
    RangeStore ranges_;
    std::vector<PolicyList> lists_;
    std::vector<PolicyPair> pairs_;
};

}  // namespace biplane
