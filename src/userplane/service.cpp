#include "userplane/service.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "planes/user/user_plane.hpp"
#include "userplane/instance_lock.hpp"

namespace biplane {
namespace {

constexpr int wanted_niceness = -10;  // a late heartbeat takes flows away: be scheduled before what is not urgent
constexpr auto open_interval = std::chrono::milliseconds(200);

void ask_for_priority() {
    if (setpriority(PRIO_PROCESS, 0, wanted_niceness) != 0)
        spdlog::warn("runs with normal priority (cannot set niceness {}: {}): on a busy machine the kernel plane may take it for dead",
                     wanted_niceness, std::strerror(errno));
}

// Null if `stop` was set before there was anything to open.
std::unique_ptr<UserPlane> wait_for_plane(const Umem& umem, const UserPlaneOptions& options, const std::atomic<bool>& stop) {
    std::string last_reason;
    while (!stop) {
        auto plane = UserPlane::open(umem, options);
        if (plane) return std::move(*plane);
        if (plane.error().message != last_reason) spdlog::info("waiting for the agent: {}", plane.error().message);
        last_reason = plane.error().message;
        std::this_thread::sleep_for(open_interval);
    }
    return nullptr;
}

}  // namespace

Status serve_node(const NodeConfig& config, const std::atomic<bool>& stop) {
    if (!config.user_plane) return failure("the configuration says userPlane: false: this node has no user plane to run");
    const auto lock = InstanceLock::take(config.run_directory);
    if (!lock) return tl::unexpected(lock.error());
    ask_for_priority();
    const auto umem = Umem::create();
    if (!umem) return umem.error().within("start the user plane");

    const UserPlaneOptions options{config.pin_directory, punt_inner_name};
    while (const auto plane = wait_for_plane(*umem, options, stop)) {
        spdlog::info("found the tables of node {} below {}", config.node, config.pin_directory);
        if (plane->run(stop) == UserPlane::Ending::tables_replaced)
            spdlog::warn("the tables below {} have been removed or replaced", config.pin_directory);
    }
    spdlog::info("stopped");
    return {};
}

}  // namespace biplane
