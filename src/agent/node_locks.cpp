#include "agent/node_locks.hpp"

#include <spdlog/spdlog.h>

#include <cerrno>

#include "base/guarded_files.hpp"

namespace biplane {

Result<ProcessLock> lock_pins(const std::string& pin_directory) {
    auto mounted = ensure_bpffs(pin_directory);
    if (!mounted) return tl::unexpected(mounted.error());
    if (!mounted->empty()) spdlog::info("{}", *mounted);
    if (auto made = make_directory(pin_directory); !made) return tl::unexpected(made.error());
    auto pins = ProcessLock::acquire(pin_directory);
    if (!pins && pins.error().code == EWOULDBLOCK) return pins.error().within("another agent uses the same pins");
    return pins;
}

Result<NodeLocks> lock_node(const NodeConfig& config) {
    if (auto privileged = check_privileges(); !privileged) return tl::unexpected(privileged.error());
    if (auto made = make_guarded_directory(config.run_directory); !made) return tl::unexpected(made.error());
    if (auto checked = open_guarded_directory(config.run_directory); !checked) return tl::unexpected(checked.error());
    auto run = ProcessLock::acquire(config.run_directory + "/biplaned.lock");
    if (!run && run.error().code == EWOULDBLOCK) return run.error().within("another agent runs on this node");
    if (!run) return tl::unexpected(run.error());
    auto pins = lock_pins(config.pin_directory);
    if (!pins) return tl::unexpected(pins.error());
    return NodeLocks{std::move(*run), std::move(*pins)};
}

}  // namespace biplane
