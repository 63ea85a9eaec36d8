#include "agent/punt_port.hpp"

#include <cerrno>

#include "agent/owned_links.hpp"
#include "control/config/node_config.hpp"
#include "host/offloads.hpp"
#include "host/sysctls.hpp"

namespace biplane {
namespace {

// The veth holds 256 frames, a segmented 64 KB packet is 45 of them: without a queue before it they overflow uncounted.
constexpr uint32_t punt_queue_packets = 10000;

Result<uint32_t> find_end(Netlink& netlink, const std::string& node, const std::string& name) {
    const auto link = find_link(netlink, name);
    if (!link) return tl::unexpected(link.error());
    if (!*link) return failure("there is no interface " + name, ENODEV);
    if ((*link)->alias != alias_of_punt_port(node) && !(*link)->alias.empty())
        return failure("interface " + name + " is there already and belongs to something else (" + (*link)->alias + ")", EEXIST);
    return (*link)->index;
}

Result<PuntPort> find_punt_port(Netlink& netlink, const std::string& node) {
    const auto outer = find_end(netlink, node, punt_outer_name);
    if (!outer) return tl::unexpected(outer.error());
    const auto inner = find_end(netlink, node, punt_inner_name);
    if (!inner) return tl::unexpected(inner.error());
    return PuntPort{*outer, *inner};
}

}  // namespace

Result<PuntPort> ensure_punt_port(Netlink& netlink, const std::string& node, uint32_t mtu) {
    auto port = find_punt_port(netlink, node);
    if (!port && port.error().code != ENODEV) return port;
    if (!port) {
        if (auto made = create_veth(netlink, {.name = punt_outer_name}, {.name = punt_inner_name}, mtu); !made)
            return tl::unexpected(made.error());
        port = find_punt_port(netlink, node);
        if (!port) return port;
    }
    for (const uint32_t index : {port->outer_index, port->inner_index})
        if (auto marked = change_link(netlink, index, {.mtu = mtu, .alias = alias_of_punt_port(node)}); !marked)
            return tl::unexpected(marked.error());
    for (const char* name : {punt_outer_name, punt_inner_name})
        if (auto set = set_interface_sysctl("ipv6", name, "disable_ipv6", "1"); !set) return tl::unexpected(set.error());
    if (auto queued = queue_packets(netlink, port->outer_index, punt_queue_packets); !queued) return tl::unexpected(queued.error());
    if (auto off = switch_transmit_offloads(punt_outer_name, false); !off) return tl::unexpected(off.error());
    return port;
}

Status bring_up_punt_port(Netlink& netlink, const PuntPort& port) {
    for (const uint32_t index : {port.inner_index, port.outer_index})
        if (auto up = change_link(netlink, index, {.up = true}); !up) return up;
    return {};
}

}  // namespace biplane
