// biplane-userplane: the user plane of one node, a process of its own beside the agent. SIGTERM or SIGINT ends it.
#include <CLI/CLI.hpp>
#include <csignal>

#include <spdlog/spdlog.h>

#include "base/log.hpp"
#include "userplane/service.hpp"

namespace {

constexpr int exit_done = 0, exit_failed = 1, exit_wrong_usage = 2;

std::atomic<bool> stop = false;
static_assert(std::atomic<bool>::is_always_lock_free, "set by a signal handler");

void stop_on_signals() {
    struct sigaction action{};
    action.sa_handler = [](int) { stop = true; };
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
}

int run(const std::string& config_path) {
    const auto config = biplane::read_node_config(config_path);
    if (!config) {
        fmt::print(stderr, "biplane-userplane: {}\n", config.error().message);
        return exit_failed;
    }
    if (const auto log = biplane::start_log("biplane-userplane", config->log_level); !log) {
        fmt::print(stderr, "biplane-userplane: {}\n", log.error().message);
        return exit_failed;
    }
    stop_on_signals();
    if (const auto served = biplane::serve_node(*config, stop); !served) {
        spdlog::error("{}", served.error().message);
        return exit_failed;
    }
    return exit_done;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Biplane's user plane: carries over AF_XDP what the kernel plane punts.");
    std::string config_path = biplane::default_config_path;
    app.add_option("--config", config_path, "Configuration file of the node")->envname("BIPLANE_CONFIG")->capture_default_str();
    app.set_version_flag("--version", "biplane-userplane " BIPLANE_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? exit_done : exit_wrong_usage;
    }
    return run(config_path);
}
