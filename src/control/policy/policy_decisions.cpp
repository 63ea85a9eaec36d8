#include "control/policy/policy_decisions.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/in_quotes.hpp"

namespace biplane {
namespace {

constexpr size_t hits_max = 1u << 25;   // of a subject: rules times the peers that they name
constexpr size_t pairs_max = 1u << 22;  // of all subjects: more than the table holds, so that one can say how many there are

uint32_t decision_of(const BookRule& rule, uint16_t number) {
    const uint32_t log = rule.log ? policy_log : 0;
    switch (rule.action) {
        case PolicyAction::allow:
            return policy_allow | log | number;
        case PolicyAction::deny:
            return log | number;
        case PolicyAction::pass:
            return log;
    }
    return 0;
}

}  // namespace

PolicyDecisions::PolicyDecisions(const PolicyBook& book, const PolicySubjects& subjects, const RuleNumbers& numbers)
    : book_(book), subjects_(subjects), numbers_(numbers), peers_named_(book.peers.size()), lists_(subjects.subjects.size()) {
    for (size_t direction = 0; direction < decisions_.size(); ++direction)
        for (size_t i = 0; i < book.books[direction].rules.size(); ++i)
            decisions_[direction].push_back(decision_of(book.books[direction].rules[i], numbers.of_rules[direction][i]));
}

Status PolicyDecisions::add_network(const std::string& network, const std::vector<NetworkPeer>& peers) {
    for (uint32_t peer = 1; peer < peers.size(); ++peer)
        for (const uint32_t named : peers[peer].named_by) peers_named_[named].push_back(peer);
    for (const uint32_t subject : subjects_.of_network.at(network))
        if (auto s = add_subject(subject, peers); !s) return s.error().within("network " + in_quotes(network));
    for (const NetworkPeer& peer : peers)
        for (const uint32_t named : peer.named_by) peers_named_[named].clear();
    return {};
}

// Which rules name which peer; those for everybody apart.
void PolicyDecisions::find_hits(const PolicySubject& subject, const std::vector<NetworkPeer>& peers) {
    for_everybody_.clear();
    hits_.clear();
    const DirectionBook& book = book_[subject.direction];
    for (const uint32_t index : subject.policies) {
        const BookPolicy& policy = book.policies[index];
        for (uint32_t rule = policy.first_rule; rule < policy.first_rule + policy.rules; ++rule) {
            const BookRule& entry = book.rules[rule];
            if (entry.is_for_everybody) {
                for_everybody_.push_back(rule);
                if (subject.direction == Direction::ingress || !entry.names_ports) continue;
                for (uint32_t peer = 1; peer < peers.size(); ++peer)  // it means other ports there
                    if (peers[peer].workload) hits_.push_back({peer, rule});
            }
            for (const uint32_t named : entry.peers)
                for (const uint32_t peer : peers_named_[named]) hits_.push_back({peer, rule});
            if (hits_.size() > hits_max) return;
        }
    }
    std::sort(hits_.begin(), hits_.end());
}

Status PolicyDecisions::add_subject(uint32_t number, const std::vector<NetworkPeer>& peers) {
    const PolicySubject& subject = subjects_.subjects[number];
    find_hits(subject, peers);
    if (hits_.size() > hits_max)
        return failure(fmt::format("the rules for one workload name more than {} peers altogether", hits_max));
    const PolicyList others = lists_[number] = list_of(number, for_everybody_, no_peer, nullptr);
    Rules named, rules;
    for (size_t i = 0; i < hits_.size();) {
        const uint32_t peer = hits_[i].peer;
        for (named.clear(); i < hits_.size() && hits_[i].peer == peer; ++i) named.push_back(hits_[i].rule);
        rules.clear();
        std::set_union(named.begin(), named.end(), for_everybody_.begin(), for_everybody_.end(), std::back_inserter(rules));
        rules.erase(std::unique(rules.begin(), rules.end()), rules.end());
        const PolicyList list = list_of(number, rules, peer, peers[peer].workload);
        if (list.first != others.first || list.count != others.count) pairs_.push_back({number << 16 | peer, list});
        if (pairs_.size() > pairs_max || ranges_.is_out_of_bounds())
            return failure(fmt::format("the policies need more than {} pairs of a subject and a peer, or more than {} port ranges",
                                       pairs_.size() > pairs_max ? pairs_max : pairs_.size() - 1, RangeStore::ranges_bound));
    }
    return {};
}

// The list that `rules` make, in this order. What it depends on is its key.
PolicyList PolicyDecisions::list_of(uint32_t number, const Rules& rules, uint32_t peer, const Workload* destination) {
    const PolicySubject& subject = subjects_.subjects[number];
    const DirectionBook& book = book_[subject.direction];
    const bool is_ingress = subject.direction == Direction::ingress;
    const uint32_t otherwise = subject.isolation.empty() ? policy_allow : policy_isolated | numbers_.of_isolation[number];
    std::vector<uint32_t> key = {static_cast<uint32_t>(subject.direction), otherwise};
    if (std::any_of(rules.begin(), rules.end(), [&](uint32_t rule) { return book.rules[rule].names_ports; })) {
        key.push_back(policy_positions + number);
        key.push_back(policy_positions + (is_ingress ? 0 : peer));
    }
    key.insert(key.end(), rules.begin(), rules.end());
    const auto [known, is_new] = known_lists_.try_emplace(std::move(key));
    if (!is_new) return known->second;

    ListParts parts{.otherwise = otherwise};
    for (const uint32_t rule : rules)
        append_positions(*book.rules[rule].ports, is_ingress ? subject.example : destination, rule,
                         rule < book.first_network_rule ? parts.first : parts.then);
    return known->second = ranges_.add(make_list(parts, decisions_[static_cast<size_t>(subject.direction)]));
}

}  // namespace biplane
