#include "userplane/service.hpp"

#include <sched.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "planes/user/user_plane.hpp"
#include "userplane/instance_lock.hpp"
#include "userplane/link_keeper.hpp"

namespace biplane {
namespace {

constexpr int lowest_realtime_priority = 1;
constexpr int second_best_niceness = -10;
constexpr auto open_interval = std::chrono::milliseconds(200);

// A worker that waits for a processor for 100 ms counts as dead, and its flows with it. Among busy processes a niceness does not
// prevent that (it says nothing between sessions, see autogroup in sched(7)); the lowest real-time priority does. The worker sleeps
// when there is nothing to do, and the kernel leaves the others 5 % of its processor even if it never does.
void ask_for_priority() {
    const sched_param priority{.sched_priority = lowest_realtime_priority};
    if (sched_setscheduler(0, SCHED_RR, &priority) == 0) return;
    const int refused = errno;
    (void)setpriority(PRIO_PROCESS, 0, second_best_niceness);
    spdlog::warn("no real-time priority ({}): on a busy machine the kernel plane may take this process for dead",
                 std::strerror(refused));
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
    const auto keeper = LinkKeeper::start(config.pin_directory);
    if (!keeper) return tl::unexpected(keeper.error());
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
