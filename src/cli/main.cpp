// biplane: the command line.
#include <fmt/format.h>

#include <iostream>
#include <optional>

#include "cli/command.hpp"

namespace biplane {
namespace {

Exit exit_of(const Error& error) {
    if (error.code == agent_unreachable) return Exit::unreachable;
    return error.code == usage_error ? Exit::wrong_usage : Exit::failed;
}

Exit run_chosen(const std::vector<Command>& commands) {
    for (const Command& command : commands) {
        if (!command.app->parsed()) continue;
        const auto done = command.run();
        if (done) return *done;
        std::cout << std::flush;
        fmt::print(stderr, "biplane: {}\n", done.error().message);
        return exit_of(done.error());
    }
    return Exit::wrong_usage;
}

// The first word that is neither an option nor the value of --config, if no command has that name.
std::optional<std::string> unknown_command(int argc, char** argv, const std::vector<Command>& commands) {
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--config") ++i;
        if (word.starts_with("-")) continue;
        for (const Command& command : commands)
            if (command.app->get_name() == word || command.app->get_parent()->get_name() == word) return std::nullopt;
        return word;
    }
    return std::nullopt;
}

int run(int argc, char** argv) {
    Context context;
    CLI::App app("biplane: virtual networks with two datapaths");
    app.add_option("--config", context.config_path, "configuration of the node")->envname("BIPLANE_CONFIG")->capture_default_str();
    app.set_version_flag("--version", BIPLANE_VERSION);
    app.require_subcommand(1);
    app.fallthrough();
    std::vector<Command> commands;
    for (const auto add : {add_document_commands, add_workload_commands, add_status_commands, add_table_commands, add_flows_command,
                           add_events_command, add_policy_commands, add_trace_command})
        for (Command& command : add(app, context)) commands.push_back(std::move(command));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {  // CLI11's way to say it
        if (const auto unknown = unknown_command(argc, argv, commands)) {
            fmt::print(stderr, "biplane: there is no command \"{}\"; biplane --help lists them\n", *unknown);
            return static_cast<int>(Exit::wrong_usage);
        }
        return app.exit(error) == 0 ? 0 : static_cast<int>(Exit::wrong_usage);
    }
    return static_cast<int>(run_chosen(commands));
}

}  // namespace
}  // namespace biplane

int main(int argc, char** argv) { return biplane::run(argc, argv); }
