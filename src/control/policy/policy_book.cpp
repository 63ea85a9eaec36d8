#include "control/policy/policy_book.hpp"

#include <algorithm>
#include <unordered_map>

namespace biplane {
namespace {

std::string text_of_block(const AddressBlock& block) {
    std::string text;
    const auto append = [&](const Prefix& prefix) {
        text.append(reinterpret_cast<const char*>(&prefix.address), sizeof prefix.address)
            .append(1, static_cast<char>(prefix.length));
    };
    append(block.cidr);
    for (const Prefix& except : block.excepts) append(except);
    return text;
}

class BookWriter {
   public:
    BookWriter(const DesiredState& desired, WorkloadIndex& workloads) : desired_(desired), workloads_(workloads) {}

    PolicyBook write() {
        std::vector<const BiplanePolicy*> ordered;
        for (const auto& [name, policy] : desired_.policies) ordered.push_back(&policy);
        std::stable_sort(ordered.begin(), ordered.end(), [](auto* a, auto* b) { return a->order < b->order; });
        for (const BiplanePolicy* policy : ordered) add(*policy);
        for (DirectionBook& book : book_.books) book.first_network_rule = static_cast<uint32_t>(book.rules.size());
        for (const auto& [key, policy] : desired_.network_policies) add(policy);
        return std::move(book_);
    }

   private:
    void add(const BiplanePolicy& policy) {
        const auto selected = workloads_.in_spaces(policy.namespaces, policy.workloads);
        for (const Direction direction : directions) {
            const auto& rules = direction == Direction::ingress ? policy.ingress : policy.egress;
            if (rules.empty()) continue;
            BookPolicy& entry = begin_policy(direction, "", selected);
            for (const BiplaneRule& rule : rules)
                add_rule(direction, entry,
                         {.name = rule_name(policy, direction, entry.rules, rule), .action = rule.action, .log = rule.log},
                         rule.match, nullptr);
        }
    }

    void add(const NetworkPolicy& policy) {
        const auto selected = workloads_.in_space(policy.space, policy.workloads);
        const std::string key = policy.key();
        for (const Direction direction : directions) {
            const bool is_ingress = direction == Direction::ingress;
            if (!(is_ingress ? policy.isolates_ingress : policy.isolates_egress)) continue;
            BookPolicy& entry = begin_policy(direction, key, selected);
            for (const PolicyMatch& match : is_ingress ? policy.ingress : policy.egress)
                add_rule(direction, entry, {.name = rule_name(policy, direction, entry.rules), .action = PolicyAction::allow},
                         match, &policy.space);
        }
    }

    DirectionBook& book(Direction direction) { return book_.books[static_cast<size_t>(direction)]; }

    BookPolicy& begin_policy(Direction direction, std::string key, WorkloadIndex::Numbers selected) {
        auto& to = book(direction);
        return to.policies.emplace_back(
            BookPolicy{std::move(key), static_cast<uint32_t>(to.rules.size()), 0, {}, std::move(selected)});
    }

    // `space`: of a NetworkPolicy.
    void add_rule(Direction direction, BookPolicy& policy, BookRule rule, const PolicyMatch& match, const std::string* space) {
        rule.ports = &match.ports;
        rule.is_for_everybody = match.peers.empty();
        rule.names_ports = false;
        for (const PolicyPort& port : match.ports)
            if (std::holds_alternative<PortName>(port.port)) {
                rule.names_ports = true;
                policy.named_ports.push_back(&port);
            }
        if (!policy.workloads.empty())  // who selects nobody asks nothing
            for (const PolicyPeer& peer : match.peers) rule.peers.push_back(peer_number(peer, space));
        std::sort(rule.peers.begin(), rule.peers.end());
        rule.peers.erase(std::unique(rule.peers.begin(), rule.peers.end()), rule.peers.end());
        ++policy.rules;
        book(direction).rules.push_back(std::move(rule));
    }

    uint32_t peer_number(const PolicyPeer& peer, const std::string* space) {
        const LabelSelector& workloads = peer.workloads ? *peer.workloads : everything_;
        const LabelSelector& spaces = peer.namespaces ? *peer.namespaces : everything_;
        const std::string* own_space = peer.namespaces ? nullptr : space;
        std::string text;
        if (peer.block)
            text = "b" + text_of_block(*peer.block);
        else if (own_space)
            text = "o" + *own_space + '\4' + text_of(workloads);
        else
            text = "s" + text_of(spaces) + '\4' + text_of(workloads);
        const auto [known, is_new] = peer_numbers_.try_emplace(std::move(text), static_cast<uint32_t>(book_.peers.size()));
        if (is_new) {
            BookPeer& entry = book_.peers.emplace_back();
            if (peer.block)
                entry.block = &*peer.block;
            else
                entry.workloads = own_space ? workloads_.in_space(*own_space, workloads) : workloads_.in_spaces(spaces, workloads);
        }
        return known->second;
    }

    const DesiredState& desired_;
    WorkloadIndex& workloads_;
    const LabelSelector everything_;
    PolicyBook book_;
    std::unordered_map<std::string, uint32_t> peer_numbers_;
};

}  // namespace

PolicyBook write_policy_book(const DesiredState& desired, WorkloadIndex& workloads) {
    return BookWriter(desired, workloads).write();
}

}  // namespace biplane
