// The second half of Agent: from documents to a datapath in force. The order keeps the door shut: a workload's link stays down
// until a program is on it and the tables know it, and it goes before its address may be given to somebody else.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "agent/agent.hpp"
#include "agent/host_ports.hpp"
#include "agent/inner_ports.hpp"
#include "datapath/atomics.hpp"
#include "host/offloads.hpp"

namespace biplane {
namespace {

constexpr uint32_t tunnel_bytes_ipv4 = 50;  // outer IPv4, UDP, VXLAN, inner Ethernet (RFC 7348, section 5)
constexpr uint32_t tunnel_bytes_ipv6 = 70;
constexpr uint32_t default_mtu = 1500;
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
    if (fabrics.empty()) return default_mtu;
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
    NodeFacts facts;
    facts.node = config_.node;
    facts.fabrics = attach_fabrics(*netlink);
    if (auto attached = attach_punt_port(*netlink, facts.fabrics); !attached) return attached;
    if (auto attached = attach_cut_port(*netlink); !attached) return attached;

    const uint32_t mtu = workload_mtu(desired, facts.fabrics);
    auto links = workload_links_.ensure(*netlink, desired, mtu);
    facts.workloads = std::move(links.facts);
    for (const auto& [key, error] : links.problems) broken_workloads_[key] = error.message;
    auto hosts = ensure_host_ports(*netlink, config_.node, desired, mtu);
    facts.hosts = std::move(hosts.facts);
    for (const auto& [network, error] : hosts.problems) note(Level::error, "host port of " + network + ": " + error.message);
    attach_ports(desired, facts);

    std::vector<std::string> problems;
    facts.underlay = underlay_.find_ways(*netlink, desired, facts.fabrics, problems);
    for (const std::string& problem : problems) note(Level::warning, problem);

    Stopwatch stopwatch;
    const auto planned = plan(desired, facts, numbering_, table_shape());
    if (!planned) return tl::unexpected(planned.error());
    timings_.plan += stopwatch.lap_ms();
    if (auto done = put_into_force(*planned); !done) return done;
    if (auto done = bring_links_up(*netlink, desired, mtu); !done) return done;
    if (auto done = remove_what_is_gone(*netlink, desired, facts); !done) return done;
    for (const auto& [key, problem] : broken_workloads_) note(Level::warning, "Workload " + key + ": " + problem);
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

Status Agent::attach_punt_port(Netlink& netlink, const std::map<std::string, InterfaceFacts>& fabrics) {
    if (!config_.user_plane || punt_index_ != 0) return {};
    uint32_t mtu = default_mtu;
    for (const auto& [name, fact] : fabrics) mtu = std::max<uint32_t>(mtu, fact.mtu);
    const auto port = ensure_inner_port(netlink, config_.node, InnerPortKind::punt, std::min(mtu, punt_mtu_max));
    if (!port) return port.error().within("make the punt port");
    const auto attached = kernel_.attach_punt(port->inner_index);
    if (!attached) return attached.error().within("attach the punt port's program");
    if (auto up = bring_up_inner_port(netlink, *port); !up) return up;
    if (auto set = kernel_.set_punt_port(port->outer_index); !set) return set;
    hooks_[port->inner_index] = to_string(*attached);
    punt_index_ = port->inner_index;
    return {};
}

Status Agent::attach_cut_port(Netlink& netlink) {
    if (cut_index_ != 0) return {};
    const auto port = ensure_inner_port(netlink, config_.node, InnerPortKind::cut, cut_mtu);
    if (!port) return port.error().within("make the cut port");
    const auto attached = kernel_.attach_cut(port->inner_index);
    if (!attached) return attached.error().within("attach the cut port's program");
    if (auto up = bring_up_inner_port(netlink, *port); !up) return up;
    if (auto set = kernel_.set_cut_port(port->outer_index); !set) return set;
    hooks_[port->inner_index] = to_string(*attached);
    cut_index_ = port->inner_index;
    return {};
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

// A port whose program cannot be attached is left out: nothing would look at what it sends.
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
            complain(it->first, attached.error().message);
            it = ports.erase(it);
        }
    };
    attach_all(facts.workloads, [&](const std::string& key, const std::string& text) { broken_workloads_[key] = text; });
    attach_all(facts.hosts, [&](const std::string& network, const std::string& text) {
        note(Level::error, "host port of " + network + ": " + text);
    });
}

Status Agent::put_into_force(const Plan& planned) {
    Stopwatch stopwatch;
    for (const std::string& warning : planned.warnings) note(Level::warning, warning);
    if (!(planned.numbering == numbering_)) {  // on disk first: tables with numbers that nobody can name are of no use
        if (auto written = write_numbering(config_.store_directory, planned.numbering); !written) return written;
        numbering_ = planned.numbering;
    }
    timings_.store += stopwatch.lap_ms();
    if (is_in_force(kernel_.tables(), planned.image)) return {};
    const auto epoch = publisher_->publish(planned.image);
    timings_.publish = stopwatch.lap_ms();
    if (!epoch) return epoch.error().within("put the tables into force");
    spdlog::info("epoch {} is in force", *epoch);
    return {};
}

Status Agent::bring_links_up(Netlink& netlink, const DesiredState& desired, uint32_t mtu) {
    for (const auto& [key, error] : workload_links_.bring_up(netlink, desired, mtu))
        broken_workloads_.try_emplace(key, error.message);
    for (const auto& [network, error] : bring_up_host_ports(netlink, config_.node, desired))
        note(Level::error, "host port of " + network + ": " + error.message);
    return {};
}

Status Agent::remove_what_is_gone(Netlink& netlink, const DesiredState& desired, const NodeFacts& facts) {
    if (auto removed = workload_links_.remove_others(netlink, desired); !removed) return removed;
    if (auto removed = remove_other_host_ports(netlink, config_.node, desired); !removed) return removed;
    underlay_.release_unused(netlink);
    std::set<uint32_t> wanted{punt_index_, cut_index_};
    for (const auto* ports : {&facts.workloads, &facts.hosts, &facts.fabrics})
        for (const auto& [name, fact] : *ports) wanted.insert(fact.ifindex);
    for (const uint32_t ifindex : kernel_.attached()) {
        if (wanted.contains(ifindex)) continue;
        if (auto detached = kernel_.detach(ifindex); !detached) spdlog::warn("{}", detached.error().message);
    }
    std::erase_if(hooks_, [&](const auto& hook) { return !wanted.contains(hook.first); });
    return {};
}

}  // namespace biplane
