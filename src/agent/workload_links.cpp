#include "agent/workload_links.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <set>

#include "agent/owned_links.hpp"
#include "agent/workload_interface.hpp"
#include "host/sysctls.hpp"

namespace biplane {
namespace {

// Whether `link` is the host end of a pair made for exactly this workload, with its other end in `space`.
Result<bool> is_paired_with(Netlink& netlink, const Link& link, const std::string& alias, const NetworkNamespace& space) {
    if (link.kind != "veth" || link.alias != alias) return false;
    const auto id = namespace_id(netlink, space.fd());
    if (!id) return tl::unexpected(id.error());
    return *id != no_namespace_id && link.peer_namespace_id == *id;
}

Result<std::optional<Link>> find_link_in(const NetworkNamespace& space, const std::string& name) {
    return space.run([&]() -> Result<std::optional<Link>> {
        auto netlink = Netlink::open();
        if (!netlink) return tl::unexpected(netlink.error());
        return find_link(*netlink, name);
    });
}

std::string taken_name(const Workload& workload) {
    return fmt::format("interface \"{}\" is there already in network namespace \"{}\"", workload.interface, workload.netns);
}

}  // namespace

WorkloadLinks::Findings WorkloadLinks::ensure(Netlink& netlink, const DesiredState& desired, uint32_t mtu) {
    Findings findings;
    const auto links = list_links(netlink);
    for (const auto& [key, workload] : desired.workloads) {
        if (!is_local(workload)) continue;
        auto link = links ? ensure_link(netlink, *links, workload, mtu) : tl::unexpected(links.error());
        if (!link) {
            findings.problems[key] = link.error();
            // A namespace can outlive its name while processes run in it: its link goes on as it is.
            const Link* alive = links ? find_by_name(*links, host_interface_of(key)) : nullptr;
            if (alive == nullptr || alive->alias != alias_of_workload(node_, workload) || link.error().code != ENOENT) continue;
            link = *alive;
        }
        findings.facts[key] = {link->index, link->mac, mac_of(workload), static_cast<uint16_t>(mtu)};
    }
    return findings;
}

Result<Link> WorkloadLinks::ensure_link(Netlink& netlink, const std::vector<Link>& links, const Workload& workload,
                                        uint32_t mtu) const {
    auto space = NetworkNamespace::open(workload.netns);
    if (!space) return tl::unexpected(space.error());
    if (const Link* link = find_by_name(links, host_interface_of(workload.key()))) {
        auto right = is_paired_with(netlink, *link, alias_of_workload(node_, workload), *space);
        if (!right) return tl::unexpected(right.error());
        if (*right) return *link;
        if (!link->alias.empty() && !is_owned_by(node_, *link))
            return failure(fmt::format("interface {} is there already and is not Biplane's", link->name), EEXIST);
        if (auto deleted = delete_link(netlink, link->index); !deleted) return tl::unexpected(deleted.error());
    }
    return create_link(netlink, workload, *space, mtu);
}

Result<Link> WorkloadLinks::create_link(Netlink& netlink, const Workload& workload, const NetworkNamespace& space,
                                        uint32_t mtu) const {
    const std::string name = host_interface_of(workload.key());
    auto created = create_veth(netlink, {.name = name}, {workload.interface, mac_of(workload), space.fd()}, mtu);
    if (!created && created.error().code == EEXIST) return failure(taken_name(workload), EEXIST);
    if (!created) return tl::unexpected(created.error());
    auto link = find_link(netlink, name);
    if (!link) return tl::unexpected(link.error());
    if (!*link) return failure("interface " + name + " vanished as soon as it was made", ENODEV);
    auto marked = change_link(netlink, (*link)->index, {.alias = alias_of_workload(node_, workload)});
    if (marked) marked = set_interface_sysctl("ipv6", name, "disable_ipv6", "1");
    if (!marked) {
        (void)delete_link(netlink, (*link)->index);
        return tl::unexpected(marked.error());
    }
    spdlog::info("made {} for Workload {}", name, workload.key());
    return **link;
}

std::map<std::string, Error> WorkloadLinks::bring_up(Netlink& netlink, const DesiredState& desired, uint32_t mtu) {
    std::map<std::string, Error> problems;
    std::map<std::string, Configured> configured;
    const auto links = list_links(netlink);
    for (const auto& [key, workload] : desired.workloads) {
        const Link* link = is_local(workload) && links ? find_by_name(*links, host_interface_of(key)) : nullptr;
        if (link == nullptr || link->alias != alias_of_workload(node_, workload)) continue;
        const Configured wanted{link->index, mtu, workload};
        const auto previous = configured_.find(key);
        if (previous != configured_.end() && previous->second == wanted && link->up) {
            configured.emplace(key, wanted);
            continue;
        }
        auto space = NetworkNamespace::open(workload.netns);
        const bool had_xdp = previous != configured_.end() && previous->second.workload.hook == WorkloadHook::xdp;
        Status done = space ? space->run([&] { return configure_workload_interface(workload, mtu, had_xdp); })
                            : tl::unexpected(space.error());
        if (done && (!link->up || link->mtu != mtu)) done = change_link(netlink, link->index, {.up = true, .mtu = mtu});
        if (done)
            configured.emplace(key, wanted);
        else
            problems[key] = done.error();
    }
    configured_ = std::move(configured);
    return problems;
}

Status WorkloadLinks::remove_others(Netlink& netlink, const DesiredState& desired) const {
    std::set<std::string> wanted;
    for (const auto& [key, workload] : desired.workloads)
        if (is_local(workload)) wanted.insert(host_interface_of(key));
    const auto links = list_links(netlink);
    if (!links) return tl::unexpected(links.error());
    for (const Link& link : *links) {
        if (!is_workload_link(node_, link) || wanted.contains(link.name)) continue;
        spdlog::info("removing {} ({})", link.name, link.alias);
        if (auto deleted = delete_link(netlink, link.index); !deleted) return deleted;
    }
    return {};
}

Status WorkloadLinks::check(Netlink& netlink, const Workload& workload) const {
    if (!is_local(workload)) return {};
    auto space = NetworkNamespace::open(workload.netns);
    if (!space) return tl::unexpected(space.error());
    auto own = NetworkNamespace::current();
    if (!own) return tl::unexpected(own.error());
    if (*space == *own) return failure("\"" + workload.netns + "\" is the network namespace of the node itself", EINVAL);
    auto host_end = find_link(netlink, host_interface_of(workload.key()));
    if (!host_end) return tl::unexpected(host_end.error());
    const auto inside = find_link_in(*space, workload.interface);
    if (!inside) return tl::unexpected(inside.error());
    if (!*inside) return {};
    const bool is_ours = *host_end && is_workload_link(node_, **host_end) && (*host_end)->peer_index == (*inside)->index &&
                         (*inside)->peer_index == (*host_end)->index;
    return is_ours ? Status{} : failure(taken_name(workload), EEXIST);
}

}  // namespace biplane
