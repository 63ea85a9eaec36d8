// What all commands of the CLI share: the node's configuration, how a command ends, and where it gets its data from.
//
// A command registers itself with CLI11 and returns what to do when it is chosen. It prints its result on stdout; a failure is
// an Error, which main() prints on stderr.
#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "api/client.hpp"
#include "api/message.hpp"
#include "base/result.hpp"
#include "control/config/node_config.hpp"

namespace biplane {

enum class Exit { done = 0, failed = 1, wrong_usage = 2, unreachable = 3 };

// Codes of an Error that decide how the program ends; every other one is Exit::failed. (agent_unreachable: Exit::unreachable)
constexpr int usage_error = -2;

struct Context {
    std::string config_path = default_config_path;
    Result<NodeConfig> config() const { return read_node_config(config_path); }
};

using Action = std::function<Result<Exit>()>;
// A subcommand and what it does.
struct Command {
    CLI::App* app;
    Action run;
};

std::vector<Command> add_document_commands(CLI::App& app, const Context& context);  // apply, diff, get, delete
std::vector<Command> add_workload_commands(CLI::App& app, const Context& context);  // attach, detach
std::vector<Command> add_status_commands(CLI::App& app, const Context& context);    // status, nodes, networks, workloads
std::vector<Command> add_table_commands(CLI::App& app, const Context& context);     // ports, routes, drops, rules
std::vector<Command> add_events_command(CLI::App& app, const Context& context);
std::vector<Command> add_flows_command(CLI::App& app, const Context& context);
std::vector<Command> add_policy_commands(CLI::App& app, const Context& context);  // policy explain, policy test
std::vector<Command> add_trace_command(CLI::App& app, const Context& context);

// -o with the given choices, e.g. "json", "wide".
void add_output_option(CLI::App& app, std::string& format, const std::vector<std::string>& choices);

// A request to the agent. A refusal (status 400 and above) is an Error with the agent's sentence.
Result<std::string> ask_agent(const Context& context, const std::string& method, const std::string& target,
                              const std::string& body = {});
Result<Json> ask_agent_for_json(const Context& context, const std::string& method, const std::string& target,
                                const std::string& body = {});

}  // namespace biplane
