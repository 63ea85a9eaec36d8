// status, nodes, networks, workloads: how the node is doing.
#include <fmt/format.h>

#include <iostream>

#include "cli/live_tables.hpp"
#include "cli/table.hpp"
#include "views/status_view.hpp"

namespace biplane {
namespace {

std::string text_of(const Json& value) { return cell_text(value); }

void print_status(const Json& status) {
    const Json& agent = status["agent"];
    const Json& user = status["userPlane"];
    const Json& flows = status["flows"];
    fmt::print("{}  node {}, Biplane {}\n", text_of(status["level"]), text_of(status["node"]), text_of(status["version"]));
    for (const Json& problem : status["problems"]) fmt::print("  {}\n", text_of(problem));
    if (agent["running"].get<bool>())
        fmt::print("agent         running, pid {}, since {}{}\n", text_of(agent["pid"]), text_of(agent["startedAt"]),
                   agent["adopted"].get<bool>() ? ", adopted the running datapath" : "");
    else
        fmt::print("agent         not running\n");
    std::string hooks;
    for (const auto& [interface, hook] : status["kernelPlane"]["hooks"].items())
        hooks += fmt::format("{}{} {}", hooks.empty() ? "" : ", ", interface, text_of(hook));
    fmt::print("kernel plane  {}{}\n", hooks.empty() ? "attached nowhere" : hooks,
               status["kernelPlane"]["programsReplaced"].get<bool>() ? "; programs were replaced" : "");
    if (!user["enabled"].get<bool>())
        fmt::print("user plane    switched off\n");
    else if (user["alive"].get<bool>())
        fmt::print("user plane    alive, pid {}, heartbeat {} ms ago, {} of {} frames free, {} lost\n", text_of(user["pid"]),
                   text_of(user["heartbeatAgeMs"]), text_of(user["framesFree"]), text_of(user["framesTotal"]),
                   text_of(user["rxLost"]));
    else
        fmt::print("user plane    not alive\n");
    const Json& store = status["store"];
    const auto revision = [&](const char* key) { return store[key].is_null() ? "unknown" : text_of(store[key]); };
    fmt::print("documents     revision {} committed, {} in force here\n", revision("committed"), revision("inForce"));
    fmt::print("policy        epoch {}; {} networks, {} nodes, {} workloads, {} ports\n", text_of(status["epoch"]),
               text_of(status["networks"]), text_of(status["nodes"]), text_of(status["workloads"]), text_of(status["ports"]));
    fmt::print("flows         {} of {}; {} half, {} upcalls\n", text_of(flows["pairs"]), text_of(flows["capacity"]),
               text_of(flows["halfPairs"]), text_of(status["upcalls"]));
}

// What can be said while no agent runs.
Result<Json> status_without_agent(const Context& context) {
    const auto live = open_live_tables(context);
    if (!live) return tl::unexpected(live.error());
    const auto documents = read_documents(live->config.store_directory);
    AgentFacts agent{.hooks = read_pinned_hooks(live->config.pin_directory)};
    if (!documents) agent.problems.push_back({Level::error, "the store: " + documents.error().message});
    if (!documents || !*documents) return status_to_json(live->config, live->tables, nullptr, agent);
    const Revision& revision = (*documents)->revision;
    agent.committed = revision.number;
    if (live->tables.config()->documents_mark == revision.mark) agent.in_force = revision.number;
    return status_to_json(live->config, live->tables, &(*documents)->state, agent);
}

Result<Exit> show_status(const Context& context, const std::string& output) {
    auto status = ask_agent_for_json(context, "GET", "/v1/status");
    const bool is_unreachable = !status && status.error().code == agent_unreachable;
    if (is_unreachable) {
        const std::string why = status.error().message;
        status = status_without_agent(context);
        if (!status) return failure(why + "; " + status.error().message, agent_unreachable);
        fmt::print(stderr, "biplane: {}\n", why);
    }
    if (!status) return tl::unexpected(status.error());
    if (output == "json")
        std::cout << to_text(*status);
    else
        print_status(*status);
    if (is_unreachable) return Exit::unreachable;
    return (*status)["level"] == "ERR" ? Exit::failed : Exit::done;
}

struct Listing {
    const char* name;
    const char* help;
    std::vector<Column> columns;
};

const std::vector<Listing>& listings() {
    static const std::vector<Listing> all = {
        {"nodes",
         "nodes, and how they are reached",
         {{"NAME", "name"}, {"LOCAL", "local"}, {"ADDRESSES", "addresses"}, {"FABRIC", "fabric"}, {"NEXT-HOP-MAC", "nextHopMac"}}},
        {"networks",
         "virtual networks on this node",
         {{"NAME", "name"},
          {"VNI", "vni"},
          {"ZONE", "zone"},
          {"PLANE", "plane"},
          {"SUBNETS", "subnets"},
          {"WORKLOADS", "workloads"},
          {"LOCAL", "localWorkloads"},
          {"WHEN-USER-PLANE-DOWN", "whenUserPlaneDown", true}}},
        {"workloads",
         "workloads, and how they are attached",
         {{"NAME", "key"},
          {"NETWORK", "network"},
          {"NODE", "node"},
          {"ADDRESSES", "addresses"},
          {"ATTACHED", "attached"},
          {"NETNS", "netns", true},
          {"INTERFACE", "interface", true},
          {"HOST-INTERFACE", "hostInterface", true},
          {"MAC", "mac", true},
          {"PROBLEM", "problem"}}}};
    return all;
}

Result<Exit> show_listing(const Context& context, const Listing& listing, const std::string& output) {
    auto rows = ask_agent_for_json(context, "GET", std::string("/v1/") + listing.name);
    if (!rows) return tl::unexpected(rows.error());
    if (output == "json") {
        std::cout << to_text(*rows);
        return Exit::done;
    }
    for (Json& row : *rows) {
        const Json ways = row.value("ways", Json::array());
        for (const char* field : {"fabric", "nextHopMac"})
            for (const Json& way : ways) row[field].push_back(way[field]);
        if (row.contains("namespace")) row["key"] = row["namespace"].get<std::string>() + "/" + row["name"].get<std::string>();
    }
    print_table(std::cout, listing.columns, output == "wide", *rows);
    return Exit::done;
}

}  // namespace

std::vector<Command> add_status_commands(CLI::App& app, const Context& context) {
    const auto output = std::make_shared<std::string>();
    CLI::App* status = app.add_subcommand("status", "how this node is doing; exit code 1 if the level is ERR");
    add_output_option(*status, *output, {"json"});
    std::vector<Command> commands{{status, [=, &context] { return show_status(context, *output); }}};
    for (const Listing& listing : listings()) {
        CLI::App* command = app.add_subcommand(listing.name, listing.help);
        add_output_option(*command, *output, {"json", "wide"});
        commands.push_back({command, [=, &context, &listing] { return show_listing(context, listing, *output); }});
    }
    return commands;
}

}  // namespace biplane
