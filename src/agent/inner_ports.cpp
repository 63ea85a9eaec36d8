#include "agent/inner_ports.hpp"

#include <cerrno>

#include "agent/owned_links.hpp"
#include "control/config/node_config.hpp"
#include "host/links.hpp"
#include "host/offloads.hpp"

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

Result<Link> find_end(Netlink& netlink, const std::string& alias, const std::string& name) {
    const auto link = find_link(netlink, name);
    if (!link) return tl::unexpected(link.error());
    if (!*link) return failure("there is no interface " + name, ENODEV);
    if ((*link)->alias != alias && !(*link)->alias.empty())
        return failure("interface " + name + " is there already and belongs to something else (" + (*link)->alias + ")", EEXIST);
    return **link;
}

struct Links {
    Link outer;
    Link inner;
};

Result<Links> find_links(Netlink& netlink, const std::string& alias, const Ends& ends) {
    const auto outer = find_end(netlink, alias, ends.outer);
    if (!outer) return tl::unexpected(outer.error());
    const auto inner = find_end(netlink, alias, ends.inner);
    if (!inner) return tl::unexpected(inner.error());
    return Links{*outer, *inner};
}

}  // namespace

const char* to_string(InnerPortKind kind) { return kind == InnerPortKind::punt ? "the punt port" : "the cut port"; }

Result<InnerPort> ensure_inner_port(Netlink& netlink, const std::string& node, InnerPortKind kind, uint32_t mtu) {
    const Ends ends = ends_of(kind);
    const std::string alias = alias_of(node, kind);
    auto links = find_links(netlink, alias, ends);
    if (!links && links.error().code != ENODEV) return tl::unexpected(links.error());
    if (!links) {
        if (auto made = create_veth(netlink, {.name = ends.outer}, {.name = ends.inner}, mtu); !made)
            return tl::unexpected(made.error());
        links = find_links(netlink, alias, ends);
        if (!links) return tl::unexpected(links.error());
    }
    for (const Link* link : {&links->outer, &links->inner})
        if (link->mtu != mtu || link->alias != alias)
            if (auto marked = change_link(netlink, link->index, {.mtu = mtu, .alias = alias}); !marked)
                return tl::unexpected(marked.error());
    if (kind == InnerPortKind::punt)
        if (auto queued = queue_packets(netlink, links->outer.index, punt_queue_packets); !queued)
            return tl::unexpected(queued.error());
    if (auto off = switch_transmit_offloads(ends.outer, false); !off) return tl::unexpected(off.error());
    return InnerPort{links->outer.index, links->inner.index};
}

Status bring_up_inner_port(Netlink& netlink, InnerPortKind kind) {
    const Ends ends = ends_of(kind);
    for (const char* name : {ends.inner, ends.outer}) {
        const auto link = find_link(netlink, name);
        if (!link) return tl::unexpected(link.error());
        if (!*link) return failure(std::string("there is no interface ") + name, ENODEV);
        if ((*link)->up) continue;
        if (auto up = change_link(netlink, (*link)->index, {.up = true}); !up) return up;
    }
    return {};
}

}  // namespace biplane
