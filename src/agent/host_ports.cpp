#include "agent/host_ports.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <set>

#include "agent/owned_links.hpp"
#include "host/offloads.hpp"
#include "host/routing.hpp"
#include "host/sysctls.hpp"
#include "planes/shared_tables.hpp"

namespace biplane {
namespace {

std::string stack_side(const VirtualNetwork& network) { return fmt::format("bph-{}", network.vni); }
std::string router_side(const VirtualNetwork& network) { return fmt::format("{}{}", router_side_prefix, network.vni); }

Status create_pair(Netlink& netlink, const std::string& node, const VirtualNetwork& network, uint32_t mtu) {
    if (auto created = create_veth(netlink, {.name = router_side(network)}, {.name = stack_side(network)}, mtu); !created)
        return created;
    for (const std::string& name : {router_side(network), stack_side(network)}) {
        auto link = find_link(netlink, name);
        if (!link) return tl::unexpected(link.error());
        if (!*link) return failure("interface " + name + " vanished as soon as it was made", ENODEV);
        auto marked = change_link(netlink, (*link)->index, {.alias = alias_of_host_port(node, network.name)});
        if (!marked) return marked;
    }
    // What XDP programs redirect there would be lost without.
    if (auto on = switch_gro(stack_side(network), true); !on) return on;
    if (auto set = set_interface_sysctl("ipv6", stack_side(network), "accept_ra", "0"); !set) return set;
    // What the network sends to addresses behind the node is passed on by the stack.
    return set_interface_sysctl("ipv4", stack_side(network), "forwarding", "1");
}

struct Pair {
    Link router, stack;
};

Result<Pair> find_pair(Netlink& netlink, const std::string& node, const VirtualNetwork& network) {
    Pair pair;
    for (auto [name, place] : {std::pair{router_side(network), &pair.router}, {stack_side(network), &pair.stack}}) {
        auto link = find_link(netlink, name);
        if (!link) return tl::unexpected(link.error());
        if (!*link) return failure("there is no interface " + name, ENODEV);
        if ((*link)->alias != alias_of_host_port(node, network.name))
            return failure(fmt::format("interface {} is there already and is not Biplane's", name), EEXIST);
        *place = **link;
    }
    return pair;
}

Result<Pair> ensure_pair(Netlink& netlink, const std::string& node, const VirtualNetwork& network, uint32_t mtu) {
    auto pair = find_pair(netlink, node, network);
    if (pair || pair.error().code != ENODEV) return pair;
    if (auto created = create_pair(netlink, node, network, mtu); !created) return tl::unexpected(created.error());
    return find_pair(netlink, node, network);
}

// The gateway is the router. Its link-layer address is set, not asked for: the interface has no address to ask with.
Status add_routes(Netlink& netlink, const VirtualNetwork& network, const Pair& pair) {
    for (const Address& gateway : {default_gateway_ipv4, default_gateway_ipv6})
        if (auto put = put_permanent_neighbour(netlink, pair.stack.index, gateway, pair.router.mac); !put) return put;
    for (const Prefix& subnet : network.subnets) {
        const LinuxRoute route{subnet, is_ipv4(subnet.address) ? default_gateway_ipv4 : default_gateway_ipv6, pair.stack.index};
        const auto way = add_route(netlink, route);
        if (way) continue;
        const auto present = find_way(netlink, subnet.address);
        if (way.error().code == EEXIST && present && present->ifindex == pair.stack.index) continue;
        if (way.error().code == EEXIST) return failure("the node has another route to " + to_string(subnet) + " already", EEXIST);
        return way;
    }
    return {};
}

}  // namespace

std::vector<const VirtualNetwork*> networks_with_host_port(const DesiredState& desired) {
    std::set<std::string> names;
    for (const auto& [name, route] : desired.routes)
        if (std::holds_alternative<ToHost>(route.target)) names.insert(route.network);
    std::vector<const VirtualNetwork*> networks;
    for (const std::string& name : names)
        if (const auto found = desired.networks.find(name); found != desired.networks.end()) networks.push_back(&found->second);
    return networks;
}

Status check_host_ports(const DesiredState& desired) {
    const auto networks = networks_with_host_port(desired);
    for (size_t i = 0; i < networks.size(); ++i)
        for (size_t k = i + 1; k < networks.size(); ++k)
            for (const Prefix& one : networks[i]->subnets)
                for (const Prefix& other : networks[k]->subnets)
                    if (overlap(one, other))
                        return failure(
                            fmt::format("networks {} and {} both have routes to the host, and their subnets {} and {} overlap: "
                                        "the host could not tell their workloads apart",
                                        networks[i]->name, networks[k]->name, to_string(one), to_string(other)));
    return {};
}

HostPorts ensure_host_ports(Netlink& netlink, const std::string& node, const DesiredState& desired, uint32_t mtu) {
    HostPorts ports;
    for (const VirtualNetwork* network : networks_with_host_port(desired)) {
        const auto pair = ensure_pair(netlink, node, *network, mtu);
        if (pair)
            ports.facts[network->name] = {pair->router.index, pair->router.mac, pair->stack.mac, static_cast<uint16_t>(mtu)};
        else
            ports.problems[network->name] = pair.error();
    }
    return ports;
}

std::map<std::string, Error> bring_up_host_ports(Netlink& netlink, const std::string& node, const DesiredState& desired,
                                                 const std::map<std::string, InterfaceFacts>& attached) {
    std::map<std::string, Error> problems;
    for (const VirtualNetwork* network : networks_with_host_port(desired)) {
        if (!attached.contains(network->name)) continue;
        const auto pair = find_pair(netlink, node, *network);
        Status done = pair ? Status{} : tl::unexpected(pair.error());
        for (const Link* link : {&pair->router, &pair->stack})
            if (done && !link->up) done = change_link(netlink, link->index, {.up = true});
        if (done) done = add_routes(netlink, *network, *pair);
        if (!done) problems[network->name] = done.error();
    }
    return problems;
}

Status remove_other_host_ports(Netlink& netlink, const std::string& node, const DesiredState& desired) {
    std::set<std::string> wanted;
    for (const VirtualNetwork* network : networks_with_host_port(desired)) {
        wanted.insert(router_side(*network));
        wanted.insert(stack_side(*network));
    }
    const auto links = list_links(netlink);
    if (!links) return tl::unexpected(links.error());
    for (const Link& link : *links)
        if (is_host_port(node, link) && !wanted.contains(link.name))
            if (auto deleted = delete_link(netlink, link.index); !deleted) return deleted;
    return {};
}

}  // namespace biplane
