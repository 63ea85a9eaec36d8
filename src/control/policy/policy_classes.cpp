#include "control/policy/policy_classes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/in_quotes.hpp"
#include "control/numbering/hash_numbers.hpp"
#include "control/policy/policy_prefixes.hpp"
#include "layout/gateway.hpp"

namespace biplane {
namespace {

constexpr size_t block_numbers_max = 1u << 24;  // what a network's prefixes may be named by altogether

std::vector<uint32_t> merged(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
    std::vector<uint32_t> both;
    both.reserve(a.size() + b.size());
    std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
    return both;
}

}  // namespace

uint16_t ClassTable::number_of(const AddressClass& address_class) {
    const uint64_t key = uint64_t{address_class.egress_subject} << 48 | uint64_t{address_class.ingress_subject} << 32 |
                         uint32_t{address_class.peer} << 16 | address_class.flags;
    const auto [known, is_new] = numbers_.try_emplace(key, static_cast<uint32_t>(classes_.size()));
    if (is_new) classes_.push_back(address_class);
    return static_cast<uint16_t>(known->second);
}

Status ClassTable::check() const {
    if (classes_.size() <= address_classes_max) return {};
    return failure(fmt::format("the policies tell {} classes of addresses apart, the limit is {}", classes_.size() - 1,
                               address_classes_max - 1));
}

// What is known of the network at hand.
struct NetworkClassifier::Network {
    std::string name;
    std::vector<uint32_t> rule_peers;            // indices of PolicyBook::peers that rules of this network's subjects name, rising
    std::vector<const PolicyPort*> named_ports;  // in egress rules
    std::vector<NumberedBlock> blocks;
    std::unordered_map<uint32_t, std::vector<uint32_t>> naming_workload;  // rule peers by number of the workload
    std::vector<NetworkPeer> peers = {{}};
    std::unordered_map<std::vector<uint32_t>, uint32_t, HashNumbers> peer_numbers;

    uint16_t peer_of(std::vector<uint32_t> named_by, const Workload* workload) {
        std::vector<uint32_t> key = named_by;
        key.push_back(NamedPrefix::none);
        const size_t bare = key.size();
        if (workload && !named_ports.empty()) append_meaning(named_ports, *workload, key);
        const bool names_ports = key.size() > bare + 1;
        if (!names_ports) key.resize(bare);
        if (named_by.empty() && !names_ports) return no_peer;
        const auto [known, is_new] = peer_numbers.try_emplace(std::move(key), static_cast<uint32_t>(peers.size()));
        if (is_new) peers.push_back({std::move(named_by), names_ports ? workload : nullptr});
        return static_cast<uint16_t>(known->second);
    }
};

NetworkClassifier::NetworkClassifier(const WorkloadIndex& workloads, const PolicyBook& book, const PolicySubjects& subjects,
                                     const Node* self, ClassTable& classes)
    : workloads_(workloads), book_(book), subjects_(subjects), self_(self), classes_(classes) {}

void NetworkClassifier::look_up_rules(Network& network) const {
    std::array<std::vector<bool>, 2> seen = {std::vector<bool>(book_.books[0].policies.size()),
                                             std::vector<bool>(book_.books[1].policies.size())};
    for (const uint32_t number : subjects_.of_network.at(network.name)) {
        const PolicySubject& subject = subjects_.subjects[number];
        const DirectionBook& book = book_[subject.direction];
        for (const uint32_t index : subject.policies) {
            if (seen[static_cast<size_t>(subject.direction)][index]) continue;
            seen[static_cast<size_t>(subject.direction)][index] = true;
            const BookPolicy& policy = book.policies[index];
            for (uint32_t i = 0; i < policy.rules; ++i) {
                const auto& peers = book.rules[policy.first_rule + i].peers;
                network.rule_peers.insert(network.rule_peers.end(), peers.begin(), peers.end());
            }
            if (subject.direction == Direction::egress)
                network.named_ports.insert(network.named_ports.end(), policy.named_ports.begin(), policy.named_ports.end());
        }
    }
    auto& peers = network.rule_peers;
    std::sort(peers.begin(), peers.end());
    peers.erase(std::unique(peers.begin(), peers.end()), peers.end());

    const auto name_of = [](const PolicyPort* port) { return std::tie(port->protocol, std::get<PortName>(port->port).name); };
    auto& names = network.named_ports;
    std::sort(names.begin(), names.end(), [&](auto* a, auto* b) { return name_of(a) < name_of(b); });
    names.erase(std::unique(names.begin(), names.end(), [&](auto* a, auto* b) { return name_of(a) == name_of(b); }), names.end());
}

void NetworkClassifier::look_up_workloads(Network& network) const {
    for (const uint32_t number : network.rule_peers) {
        const BookPeer& peer = book_.peers[number];
        if (peer.block) network.blocks.push_back({number, peer.block});
        for (const uint32_t workload : peer.workloads)
            if (workloads_.workload(workload).network == network.name) network.naming_workload[workload].push_back(number);
    }
}

AddressClass NetworkClassifier::class_of(Network& network, const PlannedRoute& route, const std::vector<uint32_t>& blocks,
                                         bool is_own_address) const {
    AddressClass address_class{};
    if (route.workload) {
        const uint32_t workload = workloads_.number_of(*route.workload);
        address_class.egress_subject = static_cast<uint16_t>(subjects_.of(Direction::egress, workload));
        address_class.ingress_subject = static_cast<uint16_t>(subjects_.of(Direction::ingress, workload));
        if (route.owner == PlannedRoute::Owner::workload_address) {
            address_class.peer = network.peer_of(merged(network.naming_workload[workload], blocks), route.workload);
            return address_class;
        }
    }
    address_class.peer = network.peer_of(blocks, nullptr);
    if (is_own_address && route.owner == PlannedRoute::Owner::host) address_class.flags = address_class_node;
    return address_class;
}

Result<std::vector<NetworkPeer>> NetworkClassifier::classify(const std::string& name, std::vector<PlannedRoute>& routes) {
    Network network{.name = name};
    look_up_rules(network);
    look_up_workloads(network);
    std::vector<Address> own = {default_gateway_ipv4, default_gateway_ipv6};
    if (self_) own.insert(own.end(), self_->addresses.begin(), self_->addresses.end());

    const NamedPrefixes named = name_prefixes(routes, network.blocks, own, block_numbers_max);
    if (!named.is_whole)
        return failure(
            fmt::format("the address blocks of policies overlap too much in network {}: there are more than {} pairs of a "
                        "prefix and a block that it lies in",
                        in_quotes(name), block_numbers_max));
    std::vector<uint16_t> classes(named.prefixes.size());
    for (size_t i = 0; i < named.prefixes.size(); ++i) {
        const NamedPrefix& prefix = named.prefixes[i];
        if (prefix.route == NamedPrefix::none) continue;
        const PlannedRoute route = routes[prefix.route];
        classes[i] = classes_.number_of(class_of(network, route, named.block_sets[prefix.blocks], prefix.is_own_address));
        if (prefix.is_route)
            routes[prefix.route].address_class = classes[i];
        else if (classes[i] != classes[prefix.parent])
            routes.push_back({prefix.prefix, route.next_hop, route.owner, route.workload, route.flags, classes[i]});
    }
    if (network.peers.size() > UINT16_MAX + 1u)
        return failure(fmt::format("the policies of network {} tell {} peers apart, the limit is {}", in_quotes(name),
                                   network.peers.size() - 1, UINT16_MAX));
    return std::move(network.peers);
}

}  // namespace biplane
