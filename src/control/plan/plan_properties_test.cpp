// Random networks, workloads and routes: what the tables say about random destinations is what the documents say.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "control/plan/plan.hpp"
#include "control/plan/plan_lookup_for_test.hpp"

namespace biplane {
namespace {

TableShape random_shape() {
    TableShape shape{};
    for (uint32_t& word : shape.hash_secret) word = *rc::gen::inRange<uint32_t>(1, UINT32_MAX);
    shape.route_bucket_mask = (1u << *rc::gen::inRange(6, 10)) - 1;
    return shape;
}

// Addresses crowd in few bits, so that prefixes nest and destinations meet them.
Address random_address(bool ipv4) {
    const uint32_t low = *rc::gen::inRange<uint32_t>(1, 1u << 10);
    if (ipv4) return address_from_ipv4(be32::from_host(0x0a000000u | low << *rc::gen::element(0, 8, 12)));
    return Address{{__builtin_bswap64(0xfd00000a00000000u | low), __builtin_bswap64(*rc::gen::element<uint64_t>(0, low))}};
}

Prefix random_destination() {
    const bool ipv4 = *rc::gen::arbitrary<bool>();
    const uint8_t length = ipv4 ? *rc::gen::inRange<uint8_t>(96, 129) : *rc::gen::inRange<uint8_t>(44, 66);
    return {network_of({random_address(ipv4), length}), length};
}

const char* const nodes[] = {"here", "near", "far"};  // near: reachable, far: no common family

struct Scene {
    DesiredState desired;
    NodeFacts facts;
};

void add_workloads(Scene& scene, const std::string& network) {
    for (int i = *rc::gen::inRange(0, 12); i > 0; --i) {
        Workload w{.name = "w" + std::to_string(scene.desired.workloads.size()), .space = "default", .network = network};
        w.node = nodes[*rc::gen::inRange(0, 3)];
        w.addresses = {random_address(*rc::gen::arbitrary<bool>())};
        const auto is_same = [&](const auto& other) {
            return other.second.network == network && other.second.addresses == w.addresses;
        };
        if (std::any_of(scene.desired.workloads.begin(), scene.desired.workloads.end(), is_same)) continue;
        scene.desired.workloads[w.key()] = w;
        const bool has_link = *rc::gen::weightedElement<bool>({{4, true}, {1, false}});
        if (w.node == std::string("here") && has_link)
            scene.facts.workloads[w.key()] = {.ifindex = 100 + static_cast<uint32_t>(scene.desired.workloads.size()) * 7,
                                              .mtu = 1450};
    }
}

RouteTarget random_target(const Scene& scene, const std::string& network) {
    std::vector<RouteTarget> targets = {ToDiscard{}, ToHost{}, ToNode{"near"}, ToNode{"far"}, ToNode{"here"}};
    for (const auto& [key, workload] : scene.desired.workloads)
        if (workload.network == network) targets.push_back(ToWorkload{key});
    return *rc::gen::elementOf(targets);
}

void add_routes(Scene& scene, const std::string& network) {
    for (int i = *rc::gen::inRange(0, 20); i > 0; --i) {
        Route r{.name = "r" + std::to_string(scene.desired.routes.size()), .network = network, .destination = random_destination()};
        r.target = random_target(scene, network);
        const auto is_taken = [&](const auto& other) {
            return other.second.network == network && other.second.destination == r.destination;
        };
        const auto is_workload = [&](const auto& other) {
            return other.second.network == network && r.destination == Prefix{other.second.addresses[0], address_bits};
        };
        if (std::any_of(scene.desired.routes.begin(), scene.desired.routes.end(), is_taken)) continue;
        if (std::any_of(scene.desired.workloads.begin(), scene.desired.workloads.end(), is_workload)) continue;
        scene.desired.routes[r.name] = r;
    }
}

Scene random_scene() {
    Scene scene;
    scene.desired.nodes["here"] = {.name = "here", .addresses = {parse_address("192.0.2.1").value()}};
    scene.desired.nodes["near"] = {.name = "near", .addresses = {parse_address("192.0.2.2").value()}};
    scene.desired.nodes["far"] = {.name = "far", .addresses = {parse_address("2001:db8::3").value()}};
    scene.facts.node = "here";
    scene.facts.fabrics["eth1"] = {.ifindex = 3, .mtu = 1500};
    scene.facts.underlay[parse_address("192.0.2.2").value()] = {.fabric = "eth1", .next_hop = {{2, 0, 0, 0, 0, 2}}};
    for (uint32_t n = 1; n <= *rc::gen::inRange<uint32_t>(1, 4); ++n) {
        const std::string name = "net" + std::to_string(n);
        scene.desired.networks[name] = {.name = name, .vni = n * 1000};
        scene.desired.networks[name].subnets = {{parse_address("10.0.0.0").value(), 96 + 12},
                                                {parse_address("fd00:a::").value(), 48}};
        if (*rc::gen::arbitrary<bool>()) scene.facts.hosts[name] = {.ifindex = 50 + n, .mtu = 1500};
        add_workloads(scene, name);
        add_routes(scene, name);
    }
    return scene;
}

// The owner of the next hop that the documents ask for: said in the words of the documents, without any table.
std::string owner_of_node(const std::string& node) { return node == "near" ? "node/near" : "discard"; }

std::string owner_of_workload(const Scene& scene, const std::string& key) {
    const Workload& workload = scene.desired.workloads.at(key);
    if (workload.node != "here") return owner_of_node(workload.node);
    return scene.facts.workloads.count(key) ? "workload/" + key : "discard";
}

std::string owner_of_route(const Scene& scene, const Route& route) {
    if (std::holds_alternative<ToHost>(route.target))
        return scene.facts.hosts.count(route.network) ? "host/" + route.network : "discard";
    if (const auto* to = std::get_if<ToNode>(&route.target)) return owner_of_node(to->name);
    if (const auto* to = std::get_if<ToWorkload>(&route.target)) return owner_of_workload(scene, to->key);
    return "discard";
}

std::string expected_owner(const Scene& scene, const std::string& network, const Address& destination) {
    for (const auto& [key, workload] : scene.desired.workloads)
        if (workload.network == network && workload.addresses[0] == destination) return owner_of_workload(scene, key);
    std::string owner = "none";
    int longest = -1;
    for (const auto& [name, route] : scene.desired.routes)
        if (route.network == network && contains(route.destination, destination) && route.destination.length > longest) {
            longest = route.destination.length;
            owner = owner_of_route(scene, route);
        }
    for (const Prefix& subnet : scene.desired.networks.at(network).subnets)
        if (contains(subnet, destination) && subnet.length > longest) longest = subnet.length, owner = "discard";
    return owner;
}

RC_GTEST_PROP(PlanProperties, TheTablesSayWhatTheDocumentsSay, ()) {
    const Scene scene = random_scene();
    const TableShape shape = random_shape();
    const auto planned = plan(scene.desired, scene.facts, {}, shape);
    if (!planned) RC_FAIL(planned.error().message);
    for (const auto& [name, network] : scene.desired.networks) {
        RC_ASSERT(zone_of_vni(planned->image, network.vni) == planned->numbering.zones.at(name));
        for (int i = 0; i < 30; ++i) {
            const Address destination = random_address(*rc::gen::arbitrary<bool>());
            const std::string owner = expected_owner(scene, name, destination);
            const uint16_t expected = owner == "none" ? no_next_hop : planned->numbering.next_hops.at(owner);
            RC_ASSERT(longest_route(*planned, shape, name, destination) == expected);
        }
    }
}

RC_GTEST_PROP(PlanProperties, EveryLinkedWorkloadIsAPortWithItsOwnNextHop, ()) {
    const Scene scene = random_scene();
    const TableShape shape = random_shape();
    const auto planned = plan(scene.desired, scene.facts, {}, shape);
    if (!planned) RC_FAIL(planned.error().message);
    for (const auto& [key, fact] : scene.facts.workloads) {
        const uint16_t number = port_of_interface(planned->image, fact.ifindex);
        RC_ASSERT(number != no_port);
        const Port& port = planned->image.ports[number];
        const Workload& workload = scene.desired.workloads.at(key);
        RC_ASSERT(port.ifindex == fact.ifindex);
        RC_ASSERT(port.zone == planned->numbering.zones.at(workload.network));
        RC_ASSERT(planned->image.next_hops[port.next_hop].port == number);
        RC_ASSERT(longest_route(*planned, shape, workload.network, workload.addresses[0]) == port.next_hop);
    }
}

RC_GTEST_PROP(PlanProperties, NumbersStayWithWhatStays, ()) {
    const Scene before = random_scene(), after = random_scene();
    const TableShape shape = random_shape();
    const auto first = plan(before.desired, before.facts, {}, shape);
    if (!first) RC_FAIL(first.error().message);
    const auto second = plan(after.desired, after.facts, first->numbering, shape);
    if (!second) RC_FAIL(second.error().message);
    const auto check = [](const auto& old_numbers, const auto& new_numbers) {
        for (const auto& [owner, number] : new_numbers)
            if (const auto kept = old_numbers.find(owner); kept != old_numbers.end()) RC_ASSERT(kept->second == number);
    };
    check(first->numbering.ports, second->numbering.ports);
    check(first->numbering.zones, second->numbering.zones);
    check(first->numbering.next_hops, second->numbering.next_hops);
    const auto third = plan(after.desired, after.facts, second->numbering, shape);
    RC_ASSERT(third.has_value());
    RC_ASSERT(third->numbering == second->numbering);
}

}  // namespace
}  // namespace biplane
