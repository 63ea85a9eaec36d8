#include "agent/inner_ports.hpp"

#include <cerrno>

#include "agent/owned_links.hpp"
#include "control/config/node_config.hpp"
#include "host/offloads.hpp"
#include "host/sysctls.hpp"

namespace biplane {
namespace {

// The veth holds 256 frames, a segmented 64 KB packet is 45 of them: without a queue before it they overflow uncounted.
constexpr uint32_t punt_queue_packets = 10000;

struct Ends {
    const char* outer;
    const char* inner;
};

Ends ends_of(InnerPortKind kind) {
    return kind == InnerPortKind::punt ? Ends{punt_outer_name, punt_inner_name} : Ends{cut_outer_name, cut_inner_name};
}

std::string alias_of(const std::string& node, InnerPortKind kind) {
    return kind == InnerPortKind::punt ? alias_of_punt_port(node) : alias_of_cut_port(node);
}

Result<uint32_t> find_end(Netlink& netlink, const std::string& alias, const std::string& name) {
    const auto link = find_link(netlink, name);
    if (!link) return tl::unexpected(link.error());
    if (!*link) return failure("there is no interface " + name, ENODEV);
    if ((*link)->alias != alias && !(*link)->alias.empty())
        return failure("interface " + name + " is there already and belongs to something else (" + (*link)->alias + ")", EEXIST);
    return (*link)->index;
}

Result<InnerPort> find_inner_port(Netlink& netlink, const std::string& alias, const Ends& ends) {
    const auto outer = find_end(netlink, alias, ends.outer);
    if (!outer) return tl::unexpected(outer.error());
    const auto inner = find_end(netlink, alias, ends.inner);
    if (!inner) return tl::unexpected(inner.error());
    return InnerPort{*outer, *inner};
}

}  // namespace

Result<InnerPort> ensure_inner_port(Netlink& netlink, const std::string& node, InnerPortKind kind, uint32_t mtu) {
    const Ends ends = ends_of(kind);
    const std::string alias = alias_of(node, kind);
    auto port = find_inner_port(netlink, alias, ends);
    if (!port && port.error().code != ENODEV) return port;
    if (!port) {
        if (auto made = create_veth(netlink, {.name = ends.outer}, {.name = ends.inner}, mtu); !made)
            return tl::unexpected(made.error());
        port = find_inner_port(netlink, alias, ends);
        if (!port) return port;
    }
    for (const uint32_t index : {port->outer_index, port->inner_index})
        if (auto marked = change_link(netlink, index, {.mtu = mtu, .alias = alias}); !marked) return tl::unexpected(marked.error());
    for (const char* name : {ends.outer, ends.inner})
        if (auto set = set_interface_sysctl("ipv6", name, "disable_ipv6", "1"); !set) return tl::unexpected(set.error());
    if (kind == InnerPortKind::punt)
        if (auto queued = queue_packets(netlink, port->outer_index, punt_queue_packets); !queued)
            return tl::unexpected(queued.error());
    if (auto off = switch_transmit_offloads(ends.outer, false); !off) return tl::unexpected(off.error());
    return port;
}

Status bring_up_inner_port(Netlink& netlink, const InnerPort& port) {
    for (const uint32_t index : {port.inner_index, port.outer_index})
        if (auto up = change_link(netlink, index, {.up = true}); !up) return up;
    return {};
}

}  // namespace biplane
