#include "control/plan/flow_limits.hpp"

#include <algorithm>

namespace biplane {
namespace {

constexpr uint32_t burst_min = 10;          // new flows at once: these,
constexpr uint32_t bursts_per_second = 10;  // or a tenth of a second's worth

// 0 is no limit.
void lower(uint32_t& limit, uint32_t other) {
    if (other != 0 && (limit == 0 || other < limit)) limit = other;
}

void lower(FlowLimits& limits, const FlowLimits& others) {
    lower(limits.flows, others.flows);
    lower(limits.new_flows_per_second, others.new_flows_per_second);
}

bool has_limit(const FlowLimits& limits) { return limits.flows != 0 || limits.new_flows_per_second != 0; }

bool selects(const BiplanePolicy& policy, const DesiredState& desired, const Workload& workload) {
    if (!matches(policy.workloads, workload.labels)) return false;
    const auto found = desired.namespaces.find(workload.space);
    Labels labels = found == desired.namespaces.end() ? Labels{} : found->second.labels;
    labels["kubernetes.io/metadata.name"] = workload.space;
    return matches(policy.namespaces, labels);
}

int32_t flows_from(uint64_t count) { return static_cast<int32_t>(std::min<uint64_t>(count, INT32_MAX)); }

void limit_rate(FlowLimit& limit, uint32_t new_flows_per_second) {
    if (new_flows_per_second == 0) return;
    limit.token_cost = flow_tokens_per_second / new_flows_per_second;
    limit.token_burst = limit.token_cost * (std::max(new_flows_per_second / bursts_per_second, burst_min) - 1);
}

// The networks that have a port here, with how many. "workload/KEY" and "host/NETWORK" are the names of ports (plan.cpp).
std::map<std::string, uint32_t> ports_of_networks(const DesiredState& desired, const Numbering& numbering) {
    std::map<std::string, uint32_t> ports;
    for (const auto& [key, workload] : desired.workloads) ports[workload.network] += numbering.ports.count("workload/" + key);
    for (const auto& [network, facts] : desired.networks) ports[network] += numbering.ports.count("host/" + network);
    std::erase_if(ports, [](const auto& entry) { return entry.second == 0; });
    return ports;
}

class Sharing {
   public:
    Sharing(uint32_t pairs, uint64_t networks) {
        const uint64_t usable = uint64_t{pairs} / 4 * 3;
        pool_ = networks > 1 ? usable / 2 : 0;
        guaranteed_ = std::max<uint64_t>((usable - pool_) / std::max<uint64_t>(networks, 1), 1);
        is_known_ = pairs != 0;
    }

    FlowLimit pool() const { return {.own = is_known_ ? flows_from(std::max<uint64_t>(pool_, 1)) : 0}; }

    FlowLimit network(const FlowLimits& asked, bool has_ports) const {
        const uint64_t ceiling = ceiling_of(asked, has_ports);
        FlowLimit limit{};
        if (is_known_) {
            const uint64_t own = has_ports ? std::min(guaranteed_, ceiling) : 1;
            limit = {.own = flows_from(own), .borrowed = flows_from(ceiling - own)};
        } else {
            limit = {.own = flows_from(asked.flows)};
        }
        limit_rate(limit, asked.new_flows_per_second);
        return limit;
    }

    FlowLimit port(const FlowLimits& asked, const FlowLimits& of_network, uint32_t ports) const {
        const uint64_t ceiling = ceiling_of(of_network, true);
        const uint64_t part = ports > 1 ? std::max<uint64_t>(ceiling / 8 * 7, 1) : ceiling;
        FlowLimit limit = {.own = flows_from(asked.flows != 0 ? asked.flows : is_known_ ? part : 0)};
        limit_rate(limit, asked.new_flows_per_second);
        return limit;
    }

   private:
    uint64_t ceiling_of(const FlowLimits& asked, bool has_ports) const {
        const uint64_t most = (has_ports ? guaranteed_ : 1) + pool_;
        return asked.flows == 0 ? most : std::min<uint64_t>(asked.flows, most);
    }

    uint64_t pool_, guaranteed_;
    bool is_known_;
};

}  // namespace

std::map<std::string, FlowLimits> network_limits_of(const DesiredState& desired) {
    std::map<std::string, FlowLimits> limits;
    for (const auto& [name, network] : desired.networks) limits[name] = network.limits;
    for (const auto& [name, policy] : desired.policies) {
        if (!has_limit(policy.network_limits)) continue;
        for (const auto& [key, workload] : desired.workloads)
            if (selects(policy, desired, workload)) lower(limits[workload.network], policy.network_limits);
    }
    return limits;
}

FlowLimits workload_limits_of(const DesiredState& desired, const Workload& workload) {
    FlowLimits limits;
    for (const auto& [name, policy] : desired.policies)
        if (has_limit(policy.workload_limits) && selects(policy, desired, workload)) lower(limits, policy.workload_limits);
    return limits;
}

std::vector<FlowLimit> plan_flow_limits(const DesiredState& desired, const Numbering& numbering, uint32_t pairs) {
    std::vector<FlowLimit> limits(flow_owners_max);
    const auto ports = ports_of_networks(desired, numbering);
    const auto asked = network_limits_of(desired);
    const Sharing sharing(pairs, ports.size());
    limits[flow_owner_node] = sharing.pool();
    for (const auto& [name, network] : desired.networks) {
        const auto here = ports.find(name);
        limits[flow_owner_of_zone(numbering.zones.at(name))] = sharing.network(asked.at(name), here != ports.end());
        const auto host = numbering.ports.find("host/" + name);
        if (host == numbering.ports.end()) continue;
        limits[flow_owner_of_port(host->second)] = sharing.port({}, asked.at(name), here->second);
    }
    for (const auto& [key, workload] : desired.workloads) {
        const auto port = numbering.ports.find("workload/" + key);
        if (port == numbering.ports.end()) continue;
        limits[flow_owner_of_port(port->second)] =
            sharing.port(workload_limits_of(desired, workload), asked.at(workload.network), ports.at(workload.network));
    }
    return limits;
}

}  // namespace biplane
