// The second half of Agent: from documents to a datapath in force. The order keeps the door shut: a workload's link stays down
// until a program is on it and the tables know it, it goes down before its program goes, and it goes before its address may be given
// to another workload.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "agent/agent.hpp"
#include "agent/host_ports.hpp"
#include "agent/inner_ports.hpp"
#include "agent/program_interfaces.hpp"
#include "datapath/atomics.hpp"
#include "host/offloads.hpp"

namespace biplane {
namespace {

constexpr uint32_t tunnel_bytes_ipv4 = 50;  // outer IPv4, UDP, VXLAN, inner Ethernet (RFC 7348, section 5)
constexpr uint32_t tunnel_bytes_ipv6 = 70;
constexpr uint32_t punt_mtu_max = 3498;  // above it Linux lets no XDP program onto a veth
constexpr uint32_t cut_mtu = 65535;

bool has_ipv6_underlay(const DesiredState& desired) {
    for (const auto& [name, node] : desired.nodes)
        for (const Address& address : node.addresses)
            if (!is_ipv4(address)) return true;
    return false;
}

// So that what a workload sends fits the fabric with its tunnel header on.
uint32_t workload_mtu(const DesiredState& desired, const std::map<std::string, InterfaceFacts>& fabrics) {
    if (fabrics.empty()) return ethernet_mtu;
    uint32_t fabric_mtu = UINT32_MAX;
    for (const auto& [name, fact] : fabrics) fabric_mtu = std::min<uint32_t>(fabric_mtu, fact.mtu);
    return fabric_mtu - (has_ipv6_underlay(desired) ? tunnel_bytes_ipv6 : tunnel_bytes_ipv4);
}

Hook hook_of(const FabricConfig& fabric) {
    if (fabric.hook == "xdp") return Hook::xdp;
    return fabric.hook == "tcx" ? Hook::tcx : Hook::automatic;
}

// A fabric on veth has no driver in between that would complete checksums, and XDP takes frames as they are: each end completes what
// it sends, so both ends have the same hook. And what the other end's XDP sends is lost without GRO here.
Status prepare_veth(const std::string& fabric, AttachedHook hook) {
    const auto driver = driver_of(fabric);
    if (!driver) return tl::unexpected(driver.error());
    if (*driver != "veth") return {};
    if (auto on = switch_gro(fabric, true); !on) return on;
    return hook == AttachedHook::xdp_native ? switch_transmit_offloads(fabric, false) : Status{};
}

}  // namespace

Status Agent::converge(const DesiredState& desired) {
    auto netlink = Netlink::open();
    if (!netlink) return tl::unexpected(netlink.error());
    problems_.clear();
    broken_workloads_.clear();
    (void)mend_programs();  // before anything here attaches them as if they were new
    NodeFacts facts;
    facts.node = config_.node;
    facts.fabrics = attach_fabrics(*netlink);
    attach_inner_ports(*netlink, facts.fabrics);

    const uint32_t mtu = workload_mtu(desired, facts.fabrics);
    auto links = workload_links_.ensure(*netlink, desired, mtu);
    if (!links) return tl::unexpected(links.error());
    facts.workloads = std::move(links->facts);
    for (const auto& [key, error] : links->problems) broken_workloads_[key] = {Level::warning, error.message};
    auto hosts = ensure_host_ports(*netlink, config_.node, desired, mtu);
    facts.hosts = std::move(hosts.facts);
    for (const auto& [network, error] : hosts.problems) note(Level::error, "host port of " + network + ": " + error.message);
    attach_ports(desired, facts);
    if (auto guarded = guard_links(*netlink, facts); !guarded) return guarded;

    std::vector<std::string> problems;
    facts.underlay = underlay_.find_ways(*netlink, desired, facts.fabrics, problems);
    for (const std::string& problem : problems) note(Level::warning, problem);

    Stopwatch stopwatch;
    const auto planned = plan(desired, facts, numbers_.given(), table_shape());
    if (!planned) return tl::unexpected(planned.error());
    timings_.plan += stopwatch.lap_ms();
    if (auto done = put_into_force(*planned); !done) return done;
    bring_links_up(*netlink, desired, facts, mtu);
    if (auto done = remove_what_is_gone(*netlink, desired, facts); !done) return done;
    for (const auto& [key, problem] : broken_workloads_) note(problem.level, "Workload " + key + ": " + problem.text);
    facts_ = std::move(facts);
    return {};
}

std::map<std::string, InterfaceFacts> Agent::attach_fabrics(Netlink& netlink) {
    std::map<std::string, InterfaceFacts> fabrics;
    for (const FabricConfig& fabric : config_.fabrics) {
        const auto link = find_link(netlink, fabric.interface);
        if (!link || !*link) {
            note(Level::error, link ? "there is no fabric interface " + fabric.interface : link.error().message);
            continue;
        }
        const auto attached = kernel_.attach_fabric((*link)->index, hook_of(fabric));
        if (!attached) {
            note(Level::error, "fabric " + fabric.interface + ": " + attached.error().message);
            continue;
        }
        if (auto done = prepare_veth(fabric.interface, *attached); !done)
            note(Level::warning, "fabric " + fabric.interface + ": " + done.error().message);
        if (!(*link)->up) note(Level::warning, "fabric interface " + fabric.interface + " is down");
        hooks_[(*link)->index] = to_string(*attached);
        fabrics[fabric.interface] = {(*link)->index, (*link)->mac, {}, static_cast<uint16_t>(std::min((*link)->mtu, 65535u))};
    }
    return fabrics;
}

// Without its program an inner port is down: what is to be punted, or cut, is lost there, and everything else goes on.
void Agent::attach_inner_ports(Netlink& netlink, const std::map<std::string, InterfaceFacts>& fabrics) {
    for (const auto& [name, fact] : fabrics) punt_mtu_ = std::max<uint32_t>(punt_mtu_, std::min<uint32_t>(fact.mtu, punt_mtu_max));
    inner_ports_.clear();
    for (const InnerPortKind kind : inner_port_kinds) {
        if (!has_inner_port(kind)) continue;
        const auto attached = attach_inner_port(netlink, kind, kind == InnerPortKind::punt ? punt_mtu_ : cut_mtu);
        if (attached)
            hooks_[inner_ports_[kind].inner_index] = to_string(*attached);
        else
            note(Level::error, fmt::format("{}: {}; it is down", to_string(kind), attached.error().message));
    }
}

Result<AttachedHook> Agent::attach_inner_port(Netlink& netlink, InnerPortKind kind, uint32_t mtu) {
    const auto port = ensure_inner_port(netlink, config_.node, kind, mtu);
    if (!port) return tl::unexpected(port.error());
    const auto attached =
        kind == InnerPortKind::punt ? kernel_.attach_punt(port->inner_index) : kernel_.attach_cut(port->inner_index);
    if (attached) inner_ports_[kind] = *port;
    return attached;
}

// Where XDP was asked for and cannot be had, tcx does the work, and the operator is told.
Result<AttachedHook> Agent::attach_workload(const std::string& key, const InterfaceFacts& facts, WorkloadHook hook) {
    if (hook == WorkloadHook::xdp) {
        auto attached = kernel_.attach_workload(facts.ifindex, Hook::xdp);
        if (attached) return attached;
        note(Level::warning,
             fmt::format("Workload {}: {} (MTU {}); tcx is used instead", key, attached.error().message, facts.mtu));
    }
    return kernel_.attach_workload(facts.ifindex, Hook::tcx);
}

// A port whose program cannot be attached is left out: nothing would look at what it sends. Its link stays down, or goes down.
void Agent::attach_ports(const DesiredState& desired, NodeFacts& facts) {
    const auto attach_all = [&](std::map<std::string, InterfaceFacts>& ports, const auto& complain) {
        for (auto it = ports.begin(); it != ports.end();) {
            const auto workload = &ports == &facts.workloads ? desired.workloads.find(it->first) : desired.workloads.end();
            const auto hook = workload == desired.workloads.end() ? WorkloadHook::automatic : workload->second.hook;
            const auto attached = attach_workload(it->first, it->second, hook);
            if (attached) {
                hooks_[it->second.ifindex] = to_string(*attached);
                it->second.has_xdp = *attached == AttachedHook::xdp_native;
                ++it;
                continue;
            }
            complain(it->first, attached.error().message + "; its link is down");
            it = ports.erase(it);
        }
    };
    attach_all(facts.workloads,
               [&](const std::string& key, const std::string& text) { broken_workloads_[key] = {Level::error, text}; });
    attach_all(facts.hosts, [&](const std::string& network, const std::string& text) {
        note(Level::error, "host port of " + network + ": " + text);
    });
}

// Before any link goes up: no program, no link; and behind each program its backstop.
Status Agent::guard_links(Netlink& netlink, NodeFacts& facts) {
    const auto links = list_links(netlink);
    if (!links) return tl::unexpected(links.error());
    const auto has_program = [&](uint32_t ifindex) { return kernel_.is_in_force(ifindex); };
    if (auto closed = close_unattended(netlink, config_.node, *links, has_program); !closed) return closed;
    const auto failed = check_backstop(netlink, *links);
    if (failed.empty()) return {};
    std::erase_if(inner_ports_, [&](const auto& port) {
        const auto found = failed.find(port.second.inner_index);
        if (found == failed.end()) return false;
        note(Level::error, fmt::format("{}: {}; it is down", to_string(port.first), found->second.message));
        return true;
    });
    std::erase_if(facts.workloads, [&](const auto& workload) {
        const auto found = failed.find(workload.second.ifindex);
        if (found == failed.end()) return false;
        broken_workloads_[workload.first] = {Level::error, found->second.message + "; its link is down"};
        return true;
    });
    std::erase_if(facts.hosts, [&](const auto& host) {
        const auto found = failed.find(host.second.ifindex);
        if (found == failed.end()) return false;
        note(Level::error, fmt::format("host port of {}: {}; its link is down", host.first, found->second.message));
        return true;
    });
    return {};
}

Status Agent::put_into_force(const Plan& planned) {
    Stopwatch stopwatch;
    for (const std::string& warning : planned.warnings) note(Level::warning, warning);
    if (!(planned.numbering == numbers_.given()))  // on disk first: tables with numbers that nobody can name are of no use
        if (auto committed = numbers_.commit(planned.numbering); !committed) return committed;
    timings_.store += stopwatch.lap_ms();
    if (is_in_force(kernel_.tables(), planned.image)) return {};
    const auto epoch = publisher_->publish(planned.image);
    timings_.publish = stopwatch.lap_ms();
    if (!epoch) return epoch.error().within("put the tables into force");
    spdlog::info("epoch {} is in force", *epoch);
    return {};
}

void Agent::bring_links_up(Netlink& netlink, const DesiredState& desired, const NodeFacts& facts, uint32_t mtu) {
    for (const auto& [kind, port] : inner_ports_) {
        if (auto up = bring_up_inner_port(netlink, kind); !up)
            note(Level::error, fmt::format("{}: {}", to_string(kind), up.error().message));
        kind == InnerPortKind::punt ? kernel_.set_punt_port(port.outer_index) : kernel_.set_cut_port(port.outer_index);
    }
    for (const auto& [key, error] : workload_links_.bring_up(netlink, desired, facts.workloads, mtu))
        broken_workloads_.try_emplace(key, Problem{Level::warning, error.message});
    for (const auto& [network, error] : bring_up_host_ports(netlink, config_.node, desired, facts.hosts))
        note(Level::error, "host port of " + network + ": " + error.message);
}

Status Agent::remove_what_is_gone(Netlink& netlink, const DesiredState& desired, const NodeFacts& facts) {
    if (auto removed = workload_links_.remove_others(netlink, desired); !removed) return removed;
    if (auto removed = remove_other_host_ports(netlink, config_.node, desired); !removed) return removed;
    underlay_.release_unused(netlink);
    std::set<uint32_t> wanted;
    for (const auto& [kind, port] : inner_ports_) wanted.insert(port.inner_index);
    for (const auto* ports : {&facts.workloads, &facts.hosts, &facts.fabrics})
        for (const auto& [name, fact] : *ports) wanted.insert(fact.ifindex);
    const auto links = list_links(netlink);
    if (!links) return tl::unexpected(links.error());
    const auto is_wanted = [&](uint32_t ifindex) { return wanted.contains(ifindex); };
    if (auto closed = close_unattended(netlink, config_.node, *links, is_wanted); !closed) return closed;
    for (const uint32_t ifindex : kernel_.attached()) {
        if (wanted.contains(ifindex)) continue;
        if (auto detached = kernel_.detach(ifindex); !detached) spdlog::warn("{}", detached.error().message);
    }
    std::erase_if(hooks_, [&](const auto& hook) { return !wanted.contains(hook.first); });
    return {};
}

}  // namespace biplane
