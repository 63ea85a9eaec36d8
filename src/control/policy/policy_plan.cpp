// The order: who is selected, which numbers the rules have, then network by network who lives where and what is said about him.
#include "control/policy/policy_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "control/policy/policy_decisions.hpp"
#include "control/policy/policy_pairs.hpp"

namespace biplane {
namespace {

// A rule's name, and where its number goes. One isolation may have several places.
struct NamedRule {
    const std::string* name;
    uint16_t* number;
};

std::vector<NamedRule> named_rules(const PolicyBook& book, const PolicySubjects& subjects, RuleNumbers& numbers) {
    std::vector<NamedRule> named;
    for (size_t direction = 0; direction < book.books.size(); ++direction) {
        const auto& rules = book.books[direction].rules;
        numbers.of_rules[direction].resize(rules.size());
        for (size_t i = 0; i < rules.size(); ++i) named.push_back({&rules[i].name, &numbers.of_rules[direction][i]});
    }
    numbers.of_isolation.resize(subjects.subjects.size());
    for (size_t i = 0; i < subjects.subjects.size(); ++i)
        if (!subjects.subjects[i].isolation.empty()) named.push_back({&subjects.subjects[i].isolation, &numbers.of_isolation[i]});
    std::sort(named.begin(), named.end(), [](const NamedRule& a, const NamedRule& b) { return *a.name < *b.name; });
    return named;
}

Result<RuleNumbers> number_rules(const PolicyBook& book, const PolicySubjects& subjects, const Numbering& previous,
                                 Numbering& numbering) {
    RuleNumbers numbers;
    const std::vector<NamedRule> named = named_rules(book, subjects, numbers);
    std::vector<std::string> names;
    names.reserve(named.size());
    for (const NamedRule& rule : named)
        if (names.empty() || names.back() != *rule.name) names.push_back(*rule.name);
    auto given = give_numbers(names, previous.rules, numbering.rule_cursor, policy_rules_max - 1, "policy rules");
    if (!given) return tl::unexpected(given.error());
    numbering.rules = *std::move(given);
    auto number = numbering.rules.begin();  // both are in order
    for (const NamedRule& rule : named) {
        while (number->first != *rule.name) ++number;
        *rule.number = number->second;
    }
    return numbers;
}

Status fill_image(PolicyDecisions& decisions, ClassTable& classes, const uint32_t (&secret)[10], TableImage& image) {
    if (auto s = classes.check(); !s) return s;
    const size_t ranges = decisions.ranges().ranges().size(), pairs = decisions.pairs().size();
    if (ranges > policy_ranges_max)
        return failure(fmt::format("the policies need {} port ranges, the limit is {}", ranges, policy_ranges_max));
    auto buckets = place_pairs(decisions.pairs(), secret);
    if (!buckets)
        return failure(fmt::format("the policies need {} pairs of a subject and a peer, the limit is about {} (in {} buckets)",
                                   pairs, policy_buckets_max * policy_bucket_pairs / 10 * 9, policy_buckets_max));
    image.address_classes = classes.take();
    image.policy_subjects = decisions.take_lists();
    image.policy_subjects[no_subject] = {0, static_cast<uint32_t>(buckets->size())};
    image.policy_buckets = *std::move(buckets);
    image.policy_ranges = decisions.take_ranges();
    return {};
}

}  // namespace

Status plan_policies(const DesiredState& desired, const std::string& node, const uint32_t (&hash_secret)[10], PlannedRoutes& routes,
                     const Numbering& previous, Numbering& numbering, TableImage& image) {
    WorkloadIndex workloads(desired);
    const PolicyBook book = write_policy_book(desired, workloads);
    const PolicySubjects subjects = find_subjects(workloads, book);
    if (subjects.subjects.size() > policy_subjects_max)
        return failure(fmt::format("the policies tell {} kinds of workloads apart, the limit is {}", subjects.subjects.size() - 1,
                                   policy_subjects_max - 1));
    const auto numbers = number_rules(book, subjects, previous, numbering);
    if (!numbers) return tl::unexpected(numbers.error());

    const auto self = desired.nodes.find(node);
    ClassTable classes;
    NetworkClassifier classifier(workloads, book, subjects, self == desired.nodes.end() ? nullptr : &self->second, classes);
    PolicyDecisions decisions(book, subjects, *numbers);
    for (const auto& [network, of_network] : subjects.of_network) {
        const auto peers = classifier.classify(network, routes[network]);
        if (!peers) return tl::unexpected(peers.error());
        if (auto s = decisions.add_network(network, *peers); !s) return s;
    }
    return fill_image(decisions, classes, hash_secret, image);
}

}  // namespace biplane
