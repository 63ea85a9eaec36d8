#include "views/status_view.hpp"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>

#include "datapath/atomics.hpp"
#include "views/flow_view.hpp"

namespace biplane {
namespace {

bool needs_user_plane(const SharedTables& tables, uint32_t epoch) {
    for (uint32_t zone = 0; zone < zones_max; ++zone) {
        const Zone* entry = tables.zone(epoch, zone);
        if (entry->vni != 0 && entry->plane == Plane::user) return true;
    }
    return false;
}

std::vector<Problem> problems_of_tables(const NodeConfig& config, const SharedTables& tables, const UserPlaneReading& user_plane,
                                        const FlowTotals& flows, uint64_t upcalls) {
    std::vector<Problem> problems;
    if (config.user_plane && !user_plane.alive && needs_user_plane(tables, load(tables.config()->epoch)))
        problems.push_back({Level::error,
                            "the user plane is not alive: networks with plane: user are served only if they may fall back "
                            "to the kernel (start biplane-userplane)"});
    if (flows.half_pairs != 0)
        problems.push_back({Level::error, fmt::format("{} flows have lost one direction", flows.half_pairs)});
    if (upcalls != 0) problems.push_back({Level::error, fmt::format("{} packets waited for a decision of user space", upcalls)});
    if (flows.pairs * 10 > flows.capacity * 9)
        problems.push_back({Level::warning, fmt::format("the flow table is {} % full (flows: in the configuration file)",
                                                        flows.pairs * 100 / flows.capacity)});
    return problems;
}

Json hooks_to_json(const HooksByInterface& hooks) {
    Json json = Json::object();
    for (const auto& [ifindex, hook] : hooks) {
        char name[IF_NAMESIZE];
        json[if_indextoname(ifindex, name) != nullptr ? std::string(name) : "#" + std::to_string(ifindex)] = hook;
    }
    return json;
}

Json agent_to_json(const AgentFacts& agent) {
    Json json = {{"running", agent.running}};
    if (!agent.running) return json;
    json["pid"] = agent.pid;
    json["adopted"] = agent.adopted;
    json["startedAt"] = agent.started_at;
    return json;
}

Json to_json(const std::optional<uint64_t>& number) { return number ? Json(*number) : Json(nullptr); }

Json user_plane_to_json(bool enabled, const UserPlaneReading& reading) {
    return {{"enabled", enabled},
            {"alive", reading.alive},
            {"pid", reading.pid},
            {"heartbeatAgeMs", reading.heartbeat_age_ms},
            {"rxLost", reading.status.rx_lost},
            {"framesFree", reading.status.frames_free},
            {"framesTotal", reading.status.frames_total}};
}

}  // namespace

const char* to_string(Level level) {
    switch (level) {
        case Level::ok:
            return "OK";
        case Level::warning:
            return "WARN";
        case Level::error:
            return "ERR";
    }
    return "unknown";
}

UserPlaneReading read_user_plane(const SharedTables& tables, uint32_t now) {
    UserPlaneReading reading{};
    reading.status = *tables.user_plane();
    if (reading.status.heartbeat == 0) return reading;
    const int32_t age = std::max(static_cast<int32_t>(now - reading.status.heartbeat), 0);
    reading.alive = age <= static_cast<int32_t>(tables.config()->user_plane_timeout);
    reading.pid = reading.status.pid;
    reading.heartbeat_age_ms = age * static_cast<double>(1u << tick_shift) / 1e6;
    return reading;
}

Json status_to_json(const NodeConfig& config, const SharedTables& tables, const DesiredState* desired, const AgentFacts& agent) {
    const uint32_t now = current_tick();
    const UserPlaneReading user_plane = read_user_plane(tables, now);
    const FlowTotals flows = walk_flows(tables, now, [](const FlowPair&) {});
    const std::vector<PortReading> ports = read_ports(tables);
    uint64_t upcalls = 0;
    for (const PortReading& port : ports) upcalls += port.kernel.upcalls + port.user.upcalls;

    std::vector<Problem> problems = problems_of_tables(config, tables, user_plane, flows, upcalls);
    problems.insert(problems.begin(), agent.problems.begin(), agent.problems.end());
    if (!agent.refused_form.empty())
        problems.push_back({Level::warning, "the kernel's programs look their tables up, which is slower: " + agent.refused_form});
    if (!agent.running)
        problems.insert(problems.begin(),
                        {Level::warning, "the agent is not running: the datapath goes on, but nothing can be changed"});
    Level level = Level::ok;
    Json texts = Json::array();
    for (const Problem& problem : problems) {
        level = std::max(level, problem.level);
        texts.push_back(fmt::format("{}: {}", to_string(problem.level), problem.text));
    }
    const auto ports_in_force = std::count_if(ports.begin(), ports.end(), [](const PortReading& p) { return p.port.ifindex != 0; });
    return {{"node", config.node},
            {"version", BIPLANE_VERSION},
            {"level", to_string(level)},
            {"problems", texts},
            {"agent", agent_to_json(agent)},
            {"kernelPlane",
             {{"hooks", hooks_to_json(agent.hooks)}, {"programsReplaced", agent.programs_replaced}, {"tables", agent.table_form}}},
            {"userPlane", user_plane_to_json(config.user_plane, user_plane)},
            {"store", {{"committed", to_json(agent.committed)}, {"inForce", to_json(agent.in_force)}}},
            {"epoch", load(tables.config()->epoch)},
            {"upcalls", upcalls},
            {"flows", {{"pairs", flows.pairs}, {"halfPairs", flows.half_pairs}, {"capacity", flows.capacity}}},
            {"ports", ports_in_force},
            {"workloads", desired == nullptr ? 0 : desired->workloads.size()},
            {"networks", desired == nullptr ? 0 : desired->networks.size()},
            {"nodes", desired == nullptr ? 0 : desired->nodes.size()}};
}

}  // namespace biplane
