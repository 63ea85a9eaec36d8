// The order of planning: numbers, then what they name (zones, ports, next hops, nodes), then the routes that lead there, and who
// lives behind them to policies.
#include "control/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/in_quotes.hpp"
#include "control/plan/flow_limits.hpp"
#include "control/plan/route_table.hpp"
#include "control/policy/policy_plan.hpp"
#include "datapath/hash.hpp"

namespace biplane {
namespace {

// What VXLAN adds to an IP packet (RFC 7348, section 5): outer IP, UDP, VXLAN and inner Ethernet header.
constexpr uint16_t tunnel_bytes_ipv4 = 20 + 8 + 8 + 14;
constexpr uint16_t tunnel_bytes_ipv6 = 40 + 8 + 8 + 14;
constexpr uint16_t first_fabric_socket = 8;
constexpr uint16_t sockets_per_fabric = 16;
constexpr uint32_t fabrics_max = (first_workload_socket - first_fabric_socket) / sockets_per_fabric;

const std::string discard_owner = "discard";

// Open addressing: the first free slot at most probe_limit after `home`; nullptr: none is free.
template <typename Entry, typename IsFree>
Entry* find_slot(std::vector<Entry>& table, uint32_t home, IsFree is_free) {
    for (uint32_t i = 0; i < probe_limit; ++i) {
        Entry& entry = table[(home + i) & (table.size() - 1)];
        if (is_free(entry)) return &entry;
    }
    return nullptr;
}

const Address* address_of_family(const Node& node, bool wants_ipv4) {
    for (const Address& address : node.addresses)
        if (is_ipv4(address) == wants_ipv4) return &address;
    return nullptr;
}

// 0 where the network says nothing.
FlowTimeouts flow_timeouts_of(const NetworkTimeouts& timeouts) {
    const auto ticks = [](const std::optional<uint32_t>& seconds) {
        return seconds ? ticks_from_ms(uint64_t{*seconds} * 1000) : 0;
    };
    return {.tcp_opening = ticks(timeouts.tcp_opening),
            .tcp_established = ticks(timeouts.tcp_established),
            .tcp_closing = ticks(timeouts.tcp_closing),
            .tcp_closed = ticks(timeouts.tcp_closed),
            .udp_single = ticks(timeouts.udp_single),
            .udp_stream = ticks(timeouts.udp_stream),
            .icmp = ticks(timeouts.icmp),
            .other = ticks(timeouts.other)};
}

class Planner {
   public:
    Planner(const DesiredState& desired, const NodeFacts& facts, const Numbering& previous, const TableShape& shape)
        : desired_(desired), facts_(facts), previous_(previous), shape_(shape), routes_(shape) {
        const auto self = desired.nodes.find(facts.node);
        self_ = self == desired.nodes.end() ? nullptr : &self->second;
    }

    Result<Plan> plan() {
        size_tables();
        for (const auto step : {&Planner::give_all_numbers, &Planner::plan_zones, &Planner::plan_fabric_ports,
                                &Planner::plan_workload_ports, &Planner::plan_host_ports, &Planner::plan_nodes})
            if (const Status done = (this->*step)(); !done) return tl::unexpected(done.error());
        plan_routes();
        Status done =
            plan_policies(desired_, facts_.node, shape_.hash_secret, planned_routes_, previous_, plan_.numbering, plan_.image);
        if (done) done = place_routes();
        if (done) done = finish_zones();
        if (!done) return tl::unexpected(done.error());
        plan_.image.routes = routes_.take_buckets();
        plan_.image.flow_limits = plan_flow_limits(desired_, plan_.numbering, shape_.flow_pairs);
        return std::move(plan_);
    }

   private:
    void size_tables() {
        plan_.image.ports.resize(ports_max);
        plan_.image.port_index.resize(port_index_slots);
        plan_.image.zones.resize(zones_max);
        plan_.image.vni_index.resize(vni_index_slots);
        plan_.image.nodes.resize(node_slots);
        plan_.image.next_hops.resize(next_hops_max);
    }

    bool is_local(const Workload& workload) const { return workload.node == facts_.node; }
    void warn(std::string text) { plan_.warnings.push_back(std::move(text)); }

    Status give_all_numbers() {
        std::vector<std::string> ports, zones, next_hops = {discard_owner};
        for (const auto& [name, network] : desired_.networks) zones.push_back(name);
        for (const auto& [interface, fact] : facts_.fabrics) ports.push_back("fabric/" + interface);
        for (const auto& [network, fact] : facts_.hosts) {
            if (!desired_.networks.count(network)) continue;
            ports.push_back("host/" + network);
            next_hops.push_back(ports.back());
        }
        for (const auto& [key, workload] : desired_.workloads) {
            if (!is_local(workload)) continue;
            ports.push_back("workload/" + key);
            next_hops.push_back(ports.back());
        }
        for (const auto& [name, node] : desired_.nodes)
            if (name != facts_.node) next_hops.push_back("node/" + name);

        Numbering& given = plan_.numbering;
        given.port_cursor = previous_.port_cursor;
        given.zone_cursor = previous_.zone_cursor;
        given.next_hop_cursor = previous_.next_hop_cursor;
        given.rule_cursor = previous_.rule_cursor;
        auto numbers = give_numbers(ports, previous_.ports, given.port_cursor, ports_max - 1, "ports");
        if (numbers)
            given.ports = *numbers,
            numbers = give_numbers(zones, previous_.zones, given.zone_cursor, zones_max - 1, "virtual networks");
        if (numbers)
            given.zones = *numbers,
            numbers = give_numbers(next_hops, previous_.next_hops, given.next_hop_cursor, next_hops_max - 1, "next hops");
        if (!numbers) return tl::unexpected(numbers.error());
        given.next_hops = *numbers;
        discard_hop_ = given.next_hops.at(discard_owner);
        plan_.image.next_hops[discard_hop_].kind = NextHopKind::discard;
        return {};
    }

    Status plan_zones() {
        for (const auto& [name, network] : desired_.networks) {
            const uint16_t number = plan_.numbering.zones.at(name);
            plan_.image.zones[number] = {.vni = network.vni,
                                         .plane = network.plane,
                                         .fallback_to_kernel = network.fallback_to_kernel,
                                         .timeouts = flow_timeouts_of(network.timeouts),
                                         .tcp_pickup = network.tcp_pickup};
            VniIndexEntry* slot = find_slot(plan_.image.vni_index, vni_index_home(network.vni), [](auto& e) { return e.vni == 0; });
            if (!slot)
                return failure(fmt::format("VNI {} of network {} finds no free slot in the VNI index: choose another VNI",
                                           network.vni, in_quotes(name)));
            *slot = {.vni = network.vni, .zone = number};
        }
        return {};
    }

    Status add_port(uint16_t number, const Port& port, const std::string& owner) {
        plan_.image.ports[number] = port;
        PortIndexEntry* slot =
            find_slot(plan_.image.port_index, port_index_home(port.ifindex), [](auto& e) { return e.ifindex == 0; });
        if (!slot)
            return failure(fmt::format("the interface index {} of {} finds no free slot in the port index", port.ifindex, owner));
        *slot = {.ifindex = port.ifindex, .port = number};
        return {};
    }

    Status plan_fabric_ports() {
        if (facts_.fabrics.size() > fabrics_max)
            return failure(fmt::format("{} fabric interfaces do not fit, the limit is {}", facts_.fabrics.size(), fabrics_max));
        const Address* ipv4 = self_ ? address_of_family(*self_, true) : nullptr;
        const Address* ipv6 = self_ ? address_of_family(*self_, false) : nullptr;
        uint16_t socket_slot = first_fabric_socket;
        for (const auto& [interface, fact] : facts_.fabrics) {
            const Port port = {.ifindex = fact.ifindex,
                               .kind = PortKind::fabric,
                               .mtu = fact.mtu,
                               .socket_slot = socket_slot,
                               .router_mac = fact.mac,
                               .underlay_ipv4 = ipv4 ? *ipv4 : Address{},
                               .underlay_ipv6 = ipv6 ? *ipv6 : Address{}};
            socket_slot += sockets_per_fabric;
            if (auto s = add_port(plan_.numbering.ports.at("fabric/" + interface), port, "fabric " + interface); !s) return s;
        }
        return {};
    }

    // A port with somebody behind it, and the next hop that delivers there; both belong to `owner`.
    Status add_port_and_hop(const std::string& owner, const std::string& network, PortKind kind, const InterfaceFacts& fact) {
        const uint16_t port = plan_.numbering.ports.at(owner), hop = plan_.numbering.next_hops.at(owner);
        const bool is_host = kind == PortKind::host;  // a workload is always in a namespace of its own
        plan_.image.next_hops[hop] = {.kind = is_host ? NextHopKind::host : NextHopKind::deliver,
                                      .flags = is_host ? uint8_t{0} : next_hop_peer_elsewhere,
                                      .port = port,
                                      .ifindex = fact.ifindex,
                                      .destination_mac = fact.peer_mac,
                                      .source_mac = fact.mac,
                                      .mtu = fact.mtu};
        return add_port(port,
                        {.ifindex = fact.ifindex,
                         .zone = plan_.numbering.zones.at(network),
                         .kind = kind,
                         .next_hop = hop,
                         .mtu = fact.mtu,
                         .socket_slot = fact.has_xdp ? static_cast<uint16_t>(first_workload_socket + port) : uint16_t{0},
                         .router_mac = fact.mac,
                         .peer_mac = fact.peer_mac},
                        owner);
    }

    Status plan_workload_ports() {
        for (const auto& [key, workload] : desired_.workloads) {
            if (!is_local(workload)) continue;
            const auto fact = facts_.workloads.find(key);
            if (fact == facts_.workloads.end()) {
                warn(fmt::format("Workload {} has no link: packets to it are discarded", key));
                continue;
            }
            if (auto s = add_port_and_hop("workload/" + key, workload.network, PortKind::workload, fact->second); !s) return s;
        }
        return {};
    }

    Status plan_host_ports() {
        for (const auto& [network, fact] : facts_.hosts) {
            if (!desired_.networks.count(network)) continue;
            if (auto s = add_port_and_hop("host/" + network, network, PortKind::host, fact); !s) return s;
        }
        return {};
    }

    Status plan_nodes() {
        if (!self_ && !desired_.nodes.empty())
            warn(fmt::format("there is no Node document for this node, {}: workloads of other nodes cannot be reached",
                             in_quotes(facts_.node)));
        for (const auto& [name, node] : desired_.nodes) {
            if (name == facts_.node) continue;
            node_hops_[name] = discard_hop_;
            if (!self_) continue;
            if (auto s = plan_node(node); !s) return s;
        }
        return {};
    }

    Status plan_node(const Node& node) {
        const auto tunnel = tunnel_to(node);
        if (!tunnel) {
            warn(fmt::format("Node {} cannot be reached: {}", node.name, tunnel.error().message));
            return {};
        }
        const uint16_t hop = plan_.numbering.next_hops.at("node/" + node.name);
        plan_.image.next_hops[hop] = *tunnel;
        node_hops_[node.name] = hop;
        for (const Address& address : node.addresses) {
            if (!address_of_family(*self_, is_ipv4(address))) continue;
            NodeEntry* slot = find_slot(plan_.image.nodes, node_home(address), [](auto& e) { return e.address == Address{}; });
            if (!slot)
                return failure(
                    fmt::format("the address {} of Node {} finds no free slot in the node table", to_string(address), node.name));
            *slot = {.address = address, .next_hop = hop};
        }
        return {};
    }

    // The next hop that encapsulates to `node`, over the family that both nodes have, IPv4 first.
    Result<NextHop> tunnel_to(const Node& node) {
        const bool over_ipv4 = address_of_family(node, true) && address_of_family(*self_, true);
        const Address* destination = address_of_family(node, over_ipv4);
        const Address* source = address_of_family(*self_, over_ipv4);
        if (!destination || !source) return failure("it has no underlay address of the same family as this node");
        if (facts_.fabrics.empty()) return failure("this node has no fabric interface");

        const auto fact = facts_.underlay.find(*destination);
        auto fabric = fact == facts_.underlay.end() ? facts_.fabrics.end() : facts_.fabrics.find(fact->second.fabric);
        const bool is_resolved = fabric != facts_.fabrics.end() && !(fact->second.next_hop == MacAddress{});
        if (!is_resolved)
            warn(fmt::format("Node {} is not resolved: the link-layer address on the way to {} is not known", node.name,
                             to_string(*destination)));
        if (fabric == facts_.fabrics.end()) fabric = facts_.fabrics.begin();
        const uint16_t overhead = over_ipv4 ? tunnel_bytes_ipv4 : tunnel_bytes_ipv6;
        return NextHop{.kind = NextHopKind::encapsulate,
                       .port = plan_.numbering.ports.at("fabric/" + fabric->first),
                       .ifindex = fabric->second.ifindex,
                       .destination_mac = is_resolved ? fact->second.next_hop : MacAddress{},
                       .source_mac = fabric->second.mac,
                       .mtu = static_cast<uint16_t>(std::max<int>(fabric->second.mtu - overhead, 0)),
                       .tunnel_source = *source,
                       .tunnel_destination = *destination};
    }

    uint16_t hop_of_node(const std::string& name) const {
        const auto found = node_hops_.find(name);
        return found == node_hops_.end() ? discard_hop_ : found->second;
    }

    uint16_t hop_of_workload(const std::string& key, const Workload& workload) const {
        if (!is_local(workload)) return hop_of_node(workload.node);
        return facts_.workloads.count(key) ? plan_.numbering.next_hops.at("workload/" + key) : discard_hop_;
    }

    uint16_t hop_of_host(const Route& route) {
        const auto found = plan_.numbering.next_hops.find("host/" + route.network);
        if (found != plan_.numbering.next_hops.end()) return found->second;
        warn(fmt::format("Route {} discards: network {} has no host port on this node", route.name, in_quotes(route.network)));
        return discard_hop_;
    }

    uint16_t hop_of_route(const Route& route) {
        if (std::holds_alternative<ToHost>(route.target)) return hop_of_host(route);
        if (const auto* to = std::get_if<ToNode>(&route.target)) return hop_of_node(to->name);
        if (const auto* to = std::get_if<ToWorkload>(&route.target))
            return hop_of_workload(to->key, desired_.workloads.at(to->key));
        return discard_hop_;
    }

    PlannedRoute planned(const Route& route) {
        PlannedRoute planned{.destination = route.destination, .next_hop = hop_of_route(route)};
        if (planned.next_hop != discard_hop_) planned.flags = route_leads_on;
        if (std::holds_alternative<ToHost>(route.target)) planned.owner = PlannedRoute::Owner::host;
        if (const auto* to = std::get_if<ToWorkload>(&route.target)) {
            planned.owner = PlannedRoute::Owner::behind_workload;
            planned.workload = &desired_.workloads.at(to->key);
        }
        return planned;
    }

    // In order of precedence: the first route to a prefix stays.
    void plan_routes() {
        for (const auto& [key, workload] : desired_.workloads)
            for (const Address& address : workload.addresses)
                planned_routes_[workload.network].push_back(
                    {{address, address_bits}, hop_of_workload(key, workload), PlannedRoute::Owner::workload_address, &workload});
        for (const auto& [name, route] : desired_.routes) planned_routes_[route.network].push_back(planned(route));
        for (const auto& [name, network] : desired_.networks)
            for (const Prefix& subnet : network.subnets) planned_routes_[name].push_back({subnet, discard_hop_});
    }

    Status place_routes() {
        for (const auto& [network, routes] : planned_routes_)
            for (const PlannedRoute& route : routes)
                if (!routes_.place(plan_.numbering.zones.at(network), route))
                    return failure(
                        fmt::format("no room for the route to {} of network {}: {} of {} places are taken; raise `routes` "
                                    "in the node's configuration",
                                    to_string(route.destination), in_quotes(network), routes_.size(), routes_.capacity()));
        return {};
    }

    Status finish_zones() {
        for (const auto& [name, number] : plan_.numbering.zones)
            if (!routes_.write_lengths(number, plan_.image.zones[number]))
                return failure(
                    fmt::format("network {} has routes, or address blocks of policies, of more than {} different prefix lengths",
                                in_quotes(name), zone_lengths_max));
        return {};
    }

    const DesiredState& desired_;
    const NodeFacts& facts_;
    const Numbering& previous_;
    const Node* self_;  // this node's document; nullptr: no overlay
    const TableShape& shape_;
    PlannedRoutes planned_routes_;
    RouteTable routes_;
    Plan plan_;
    uint16_t discard_hop_ = no_next_hop;
    std::unordered_map<std::string, uint16_t> node_hops_;  // of the other nodes; discard where there is no way
};

}  // namespace

Result<Plan> plan(const DesiredState& desired, const NodeFacts& facts, const Numbering& previous, const TableShape& shape) {
    return Planner(desired, facts, previous, shape).plan();
}

}  // namespace biplane
