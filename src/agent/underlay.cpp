#include "agent/underlay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "host/routing.hpp"

namespace biplane {
namespace {

// Questions and answers get lost while either end of the link has only just come up: Linux may take a second to open its queue.
constexpr auto patience = std::chrono::milliseconds(2500);
constexpr auto pause = std::chrono::milliseconds(5);
constexpr auto ask_fresh_again_after = std::chrono::milliseconds(100);
constexpr auto ask_again_after = std::chrono::seconds(1);

std::optional<std::string> fabric_with(const std::map<std::string, InterfaceFacts>& fabrics, uint32_t ifindex) {
    for (const auto& [name, facts] : fabrics)
        if (facts.ifindex == ifindex) return name;
    return std::nullopt;
}

std::optional<Address> own_address(const Node* self, const Address& like) {
    if (self == nullptr) return std::nullopt;
    for (const Address& address : self->addresses)
        if (same_family(address, like)) return address;
    return std::nullopt;
}

}  // namespace

Underlay::Ways Underlay::find_ways(Netlink& netlink, const DesiredState& desired,
                                   const std::map<std::string, InterfaceFacts>& fabrics, std::vector<std::string>& problems) {
    struct Found {
        Address address;
        std::string fabric;
        Neighbour neighbour;
        Address source;
    };
    std::vector<Found> found;
    needed_.clear();
    const auto self = desired.nodes.find(node_);
    for (const auto& [name, node] : desired.nodes) {
        if (name == node_) continue;
        for (const Address& address : node.addresses) {
            const auto source = own_address(self == desired.nodes.end() ? nullptr : &self->second, address);
            if (!source) continue;  // of a family this node has no underlay address of
            const auto way = find_way(netlink, address);
            if (!way) {
                problems.push_back(fmt::format("Node {}: {}", name, way.error().message));
                continue;
            }
            const auto fabric = fabric_with(fabrics, way->ifindex);
            if (!fabric) {
                problems.push_back(fmt::format("Node {}: the way to {} leads through an interface that is no fabric port", name,
                                               to_string(address)));
                continue;
            }
            const Neighbour neighbour{way->ifindex, way->gateway.value_or(address)};
            needed_.try_emplace(neighbour, Peer{*source, address});
            found.push_back({address, *fabric, neighbour, *source});
        }
    }
    ask_for_needed(netlink);
    Ways ways;
    for (const Found& one : found) ways[one.address] = {one.fabric, mac_of(netlink, one.neighbour), one.source};
    return ways;
}

// Linux forgets neighbours when a link goes down: one that is not resolved is asked for again, now and then.
void Underlay::ask_for_needed(Netlink& netlink) {
    std::vector<Asked> fresh;
    const auto now = std::chrono::steady_clock::now();
    for (const auto& [neighbour, peer] : needed_) {
        const auto asked = asked_.find(neighbour);
        const bool is_resolved = find_neighbour(netlink, neighbour.ifindex, neighbour.address).value_or(std::nullopt).has_value();
        if (asked != asked_.end() && (is_resolved || now - asked->second < ask_again_after)) continue;
        if (asked == asked_.end() && !is_resolved) fresh.push_back({neighbour, peer});
        if (asked != asked_.end() && !is_resolved) ask(netlink, neighbour, peer);
        asked_[neighbour] = now;
    }
    wait_for(netlink, fresh);
    for (const auto& [neighbour, peer] : needed_)
        if (asked_[neighbour] == now) (void)keep_neighbour_resolved(netlink, neighbour.ifindex, neighbour.address);
}

// By a datagram: what Linux asks by itself over IPv6 goes out from the link-local address, and a link that has just come up has
// none for up to two seconds (duplicate address detection, RFC 4862, section 5.4). An entry that is being asked for already would
// wait for its second, so it goes.
void Underlay::ask(Netlink& netlink, const Neighbour& neighbour, const Peer& peer) {
    (void)remove_neighbour(netlink, neighbour.ifindex, neighbour.address);
    (void)send_discarded_datagram(peer.source, peer.destination);
}

void Underlay::wait_for(Netlink& netlink, std::vector<Asked> silent) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + patience;
    auto next_question = Clock::now();
    while (!silent.empty() && Clock::now() < deadline) {
        if (Clock::now() >= next_question) {
            for (const Asked& one : silent) ask(netlink, one.neighbour, one.peer);
            next_question = Clock::now() + ask_fresh_again_after;
        }
        std::this_thread::sleep_for(pause);
        std::erase_if(silent, [&](const Asked& one) {
            return find_neighbour(netlink, one.neighbour.ifindex, one.neighbour.address).value_or(std::nullopt).has_value();
        });
    }
}

MacAddress Underlay::mac_of(Netlink& netlink, const Neighbour& neighbour) {
    const auto mac = find_neighbour(netlink, neighbour.ifindex, neighbour.address);
    if (mac && *mac) known_[neighbour] = **mac;
    const auto known = known_.find(neighbour);
    return known == known_.end() ? MacAddress{} : known->second;
}

void Underlay::release_unused(Netlink& netlink) {
    for (auto it = asked_.begin(); it != asked_.end();) {
        if (needed_.contains(it->first)) {
            ++it;
            continue;
        }
        (void)remove_neighbour(netlink, it->first.ifindex, it->first.address);
        known_.erase(it->first);
        it = asked_.erase(it);
    }
}

}  // namespace biplane
