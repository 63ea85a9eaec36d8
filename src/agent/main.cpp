// biplaned: the agent of a node.
#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "agent/event_loop.hpp"
#include "agent/handlers.hpp"
#include "agent/node_locks.hpp"
#include "agent/program_files.hpp"
#include "agent/removal.hpp"
#include "agent/restoration.hpp"
#include "api/server.hpp"
#include "base/log.hpp"

namespace biplane {
namespace {

Status remove(const NodeConfig& config) {
    auto locks = lock_node(config);
    if (!locks) return tl::unexpected(locks.error());
    if (auto removed = remove_node(config); !removed) return removed;
    spdlog::info("removed Biplane from node {}; its documents are still in {}", config.node, config.store_directory);
    return {};
}

Status restore(const NodeConfig& config, const std::string& file) {
    auto locks = lock_node(config);
    if (!locks) return tl::unexpected(locks.error());
    return restore_documents(config, file);
}

Status serve(const NodeConfig& config, const std::string& object_path) {
    auto locks = lock_node(config);
    if (!locks) return tl::unexpected(locks.error());
    auto stop_signals = take_stop_signals();
    if (!stop_signals) return tl::unexpected(stop_signals.error());
    auto agent = Agent::start(config, object_path, std::move(locks->pin_directory));
    if (!agent) return tl::unexpected(agent.error());
    auto server = ApiServer::listen(config.socket_path(), make_handler(**agent));
    if (!server) return tl::unexpected(server.error());
    spdlog::info("ready: node {}, API at {}", config.node, config.socket_path());
    auto done = run_event_loop(**agent, *stop_signals);
    spdlog::info("stopping; the datapath goes on");
    return done;
}

// Each commit plans all tables anew, megabytes of them: to fetch those from the kernel and give them back each time takes longer than
// the planning. Large requests give it back all the same (api/server.cpp); one arena for all threads, because malloc_trim(3) leaves
// the ends of others alone.
void keep_memory() {
    constexpr int kept_bytes = 256 << 20;
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, kept_bytes);
    mallopt(M_TRIM_THRESHOLD, kept_bytes);
}

struct Options {
    std::string config_path = default_config_path;
    std::string object_path;
    bool wants_removal = false;
    bool wants_salvage = false;
    std::string restores_from;
};

Status run(const Options& options) {
    const auto config = read_node_config(options.config_path);
    if (!config) return tl::unexpected(config.error());
    if (auto started = start_log("biplaned", config->log_level); !started) return started;
    if (options.wants_removal) return remove(*config);
    if (options.wants_salvage) return salvage_documents(*config);
    if (!options.restores_from.empty()) return restore(*config, options.restores_from);
    keep_memory();
    std::string object_path = options.object_path;
    if (object_path.empty()) {
        auto found = find_bpf_object();
        if (!found) return tl::unexpected(found.error());
        object_path = *found;
    }
    return serve(*config, object_path);
}

}  // namespace
}  // namespace biplane

int main(int argc, char** argv) {
    CLI::App app("biplaned: the agent of a Biplane node");
    biplane::Options options;
    app.add_option("--config", options.config_path, "configuration of the node")->envname("BIPLANE_CONFIG")->capture_default_str();
    app.add_option("--object", options.object_path, "the kernel plane's program (default: biplane.bpf.o of this installation)");
    auto* remove = app.add_flag("--remove", options.wants_removal,
                                "remove Biplane's programs, tables and interfaces from this node; documents stay");
    auto* salvage = app.add_flag("--salvage-documents", options.wants_salvage,
                                 "print the newest documents that can be read from a damaged store, as YAML");
    auto* restore =
        app.add_option("--restore-documents", options.restores_from,
                       "make the documents of this file (-: standard input) those of the store, in the place of all others");
    remove->excludes(salvage)->excludes(restore);
    salvage->excludes(restore);
    app.set_version_flag("--version", BIPLANE_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {  // CLI11's way to say it
        return app.exit(error) == 0 ? 0 : 2;
    }
    if (auto done = biplane::run(options); !done) {
        fmt::print(stderr, "biplaned: {}\n", done.error().message);
        return 1;
    }
    return 0;
}
