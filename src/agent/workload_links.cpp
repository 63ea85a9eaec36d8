#include "agent/workload_links.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <set>

#include "agent/owned_links.hpp"
#include "agent/workload_interface.hpp"
#include "base/in_quotes.hpp"

namespace biplane {
namespace {

// Whether `link` is the host end of a pair made for exactly this workload, with its other end in `space`.
Result<bool> is_paired_with(Netlink& netlink, const Link& link, const std::string& alias, const NetworkNamespace& space) {
    if (link.kind != "veth" || link.alias != alias) return false;
    const auto id = namespace_id(netlink, space.fd());
    if (!id) return tl::unexpected(id.error());
    return *id != no_namespace_id && link.peer_namespace_id == *id;
}

Result<NetworkNamespace> open_space(const Workload& workload) {
    auto space = NetworkNamespace::open(workload.netns);
    if (!space) return space;
    const auto own = NetworkNamespace::current();
    if (!own) return tl::unexpected(own.error());
    if (*space == *own) return failure(in_quotes(workload.netns) + " is the network namespace of the node itself", EINVAL);
    return space;
}

std::string taken_name(const Workload& workload) {
    return fmt::format("interface \"{}\" is there already in network namespace \"{}\"", workload.interface, workload.netns);
}

}  // namespace

Result<WorkloadLinks::Findings> WorkloadLinks::ensure(Netlink& netlink, const DesiredState& desired, uint32_t mtu) {
    Findings findings;
    spaces_.clear();
    const auto links = list_links(netlink);
    if (!links) return tl::unexpected(links.error());
    for (const auto& [key, workload] : desired.workloads) {
        if (!is_local(workload)) continue;
        auto space = open_space(workload);
        auto link = space ? ensure_link(netlink, *links, workload, *space, mtu) : tl::unexpected(space.error());
        if (link) {
            spaces_.emplace(key, std::move(*space));
        } else {
            findings.problems[key] = link.error();
            // A namespace outlives its name, or its process, while others are in it: its link goes on as it is.
            const Link* alive = find_by_name(*links, host_interface_of(key));
            const bool is_lost = !space || link.error().code == ESTALE;
            if (!is_lost || alive == nullptr || alive->alias != alias_of_workload(node_, workload)) continue;
            link = *alive;
        }
        findings.facts[key] = {link->index, link->mac, mac_of(workload), static_cast<uint16_t>(mtu)};
    }
    return findings;
}

Result<Link> WorkloadLinks::ensure_link(Netlink& netlink, const std::vector<Link>& links, const Workload& workload,
                                        const NetworkNamespace& space, uint32_t mtu) const {
    const Link* link = find_by_name(links, host_interface_of(workload.key()));
    if (link != nullptr) {
        auto right = is_paired_with(netlink, *link, alias_of_workload(node_, workload), space);
        if (!right) return tl::unexpected(right.error());
        if (*right) return *link;
        if (!link->alias.empty() && !is_owned_by(node_, *link))
            return failure(fmt::format("interface {} is there already and is not Biplane's", link->name), EEXIST);
    }
    if (space.is_of_process()) {
        const auto cookie = space.cookie();
        if (!cookie) return tl::unexpected(cookie.error());
        if (auto known = check_identity(workload, space, *cookie); !known) return tl::unexpected(known.error());
    }
    if (link != nullptr)
        if (auto deleted = delete_link(netlink, link->index); !deleted) return tl::unexpected(deleted.error());
    return create_link(netlink, workload, space, mtu);
}

// Where a name may lead to another namespace when the operator gives it to one, a process may do so any time.
Status WorkloadLinks::check_identity(const Workload& workload, const NetworkNamespace& space, uint64_t cookie) const {
    if (!space.is_of_process() || memory_.has(workload.key(), {workload.netns, cookie})) return {};
    return failure(
        fmt::format("netns {} does not lead to the network namespace that it led to when the document was applied, as far as "
                    "is known: processes end, and their ids are given to others; remove the workload and apply it again",
                    in_quotes(workload.netns)),
        ESTALE);
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
    if (!marked) {
        (void)delete_link(netlink, (*link)->index);
        return tl::unexpected(marked.error());
    }
    spdlog::info("made {} for Workload {}", name, workload.key());
    return **link;
}

std::map<std::string, Error> WorkloadLinks::bring_up(Netlink& netlink, const DesiredState& desired,
                                                     const std::map<std::string, InterfaceFacts>& attached, uint32_t mtu) {
    std::map<std::string, Error> problems;
    std::map<std::string, Configured> configured;
    const auto links = list_links(netlink);
    for (const auto& [key, workload] : desired.workloads) {
        const Link* link = attached.contains(key) && links ? find_by_name(*links, host_interface_of(key)) : nullptr;
        if (link == nullptr || link->alias != alias_of_workload(node_, workload)) continue;
        const Configured wanted{link->index, mtu, workload};
        const auto previous = configured_.find(key);
        if (previous != configured_.end() && previous->second == wanted && link->up) {
            configured.emplace(key, wanted);
            continue;
        }
        const auto space = spaces_.find(key);
        const bool is_lost = space == spaces_.end();  // ensure() said why; the link goes on
        const bool had_xdp = previous != configured_.end() && previous->second.workload.hook == WorkloadHook::xdp;
        Status done;
        if (!is_lost) done = space->second.run([&] { return configure_workload_interface(workload, *link, mtu, had_xdp); });
        if (done && (!link->up || link->mtu != mtu)) done = change_link(netlink, link->index, {.up = true, .mtu = mtu});
        if (!done)
            problems[key] = done.error();
        else if (!is_lost)
            configured.emplace(key, wanted);
    }
    configured_ = std::move(configured);
    spaces_.clear();
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

Result<std::optional<BoundNamespace>> WorkloadLinks::check(Netlink& netlink, const Workload& workload,
                                                           bool is_new_reference) const {
    if (!is_local(workload)) return std::nullopt;
    const auto space = open_space(workload);
    if (!space) return tl::unexpected(space.error());
    const auto host_end = find_link(netlink, host_interface_of(workload.key()));
    if (!host_end) return tl::unexpected(host_end.error());
    const auto inside = space->run([&]() -> Result<std::optional<Link>> {
        auto netlink_inside = Netlink::open();
        if (!netlink_inside) return tl::unexpected(netlink_inside.error());
        return find_link(*netlink_inside, workload.interface);
    });
    if (!inside) return tl::unexpected(inside.error());
    if (*inside) {
        const bool is_ours = *host_end && is_workload_link(node_, **host_end) && (*host_end)->peer_index == (*inside)->index &&
                             (*inside)->peer_index == (*host_end)->index;
        if (!is_ours) return failure(taken_name(workload), EEXIST);
    }
    if (!space->is_of_process()) return std::nullopt;
    const auto cookie = space->cookie();
    if (!cookie) return tl::unexpected(cookie.error());
    if (is_new_reference) return BoundNamespace{workload.netns, *cookie};
    if (auto known = check_identity(workload, *space, *cookie); !known) return tl::unexpected(known.error());
    return std::nullopt;
}

}  // namespace biplane
