// The third part of Agent: what guards the links may be taken away at any time, without an event that tells. So it is compared with
// what should be, twice a second.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <cerrno>

#include "agent/agent.hpp"
#include "agent/node_locks.hpp"
#include "agent/program_interfaces.hpp"

namespace biplane {

void Agent::watch() {
    std::lock_guard lock(mutex_);
    const bool was_mended = mend_programs();
    restore_pins();
    if (auto watched = watch_links(); !watched) spdlog::error("{}", watched.error().message);
    if (was_mended) refresh_locked();  // what goes with a program, such as offloads; and the tables, if one could not be put back
}

// True if there was something to do.
bool Agent::mend_programs() {
    const auto lost = kernel_.mend();
    for (const LostProgram& one : lost)
        incidents_.add(fmt::format("the {} program of {} was taken off, and {}", one.hook, title_of(one.ifindex),
                                   one.mended ? "is attached again" : "cannot be attached again: " + one.mended.error().message));
    return !lost.empty();
}

Status Agent::watch_links() {
    auto netlink = Netlink::open();
    if (!netlink) return tl::unexpected(netlink.error());
    const auto links = list_links(*netlink);
    if (!links) return tl::unexpected(links.error());
    const auto has_program = [&](uint32_t ifindex) { return kernel_.is_in_force(ifindex); };
    if (auto closed = close_unattended(*netlink, config_.node, *links, has_program); !closed) return closed;
    for (const auto& [ifindex, error] : check_backstop(*netlink, *links))
        incidents_.add(fmt::format("the backstop of {} is open: {}", title_of(ifindex), error.message));
    return {};
}

// The pins are for those who come later: programs and tables live on while this process or the user plane holds them.
void Agent::restore_pins() {
    auto restored = kernel_.restore_pins();
    if (!restored && restored.error().code == ENOENT) {
        auto lock = lock_pins(config_.pin_directory);
        if (lock) pin_lock_ = std::move(*lock);
        restored = lock ? kernel_.restore_pins() : tl::unexpected(lock.error());
    }
    if (!restored) {
        if (pin_problem_.empty()) spdlog::error("{}", restored.error().message);
        pin_problem_ = fmt::format(
            "pins below {} are gone and cannot be made again: {}; programs and tables live only as long as "
            "biplaned or biplane-userplane does",
            config_.pin_directory, restored.error().message);
        return;
    }
    pin_problem_.clear();
    if (restored->empty()) return;
    incidents_.add(fmt::format("{} pins below {} had gone ({}{}), and are made again", restored->size(), config_.pin_directory,
                               restored->front(), restored->size() > 1 ? ", ..." : ""));
}

std::map<uint32_t, Error> Agent::check_backstop(Netlink& netlink, const std::vector<Link>& links) {
    auto findings = backstop_.ensure(netlink, links);
    for (std::string& text : findings.reset) incidents_.add(std::move(text));
    if (findings.weakened != weakened_)
        for (const std::string& text : findings.weakened) spdlog::warn("{}", text);
    weakened_ = std::move(findings.weakened);
    return std::move(findings.failed);
}

std::string Agent::title_of(uint32_t ifindex) const {
    for (const auto& [key, fact] : facts_.workloads)
        if (fact.ifindex == ifindex) return "Workload " + key;
    for (const auto& [network, fact] : facts_.hosts)
        if (fact.ifindex == ifindex) return "the host port of " + network;
    for (const auto& [interface, fact] : facts_.fabrics)
        if (fact.ifindex == ifindex) return "fabric " + interface;
    for (const auto& [kind, port] : inner_ports_)
        if (port.inner_index == ifindex) return to_string(kind);
    return "interface number " + std::to_string(ifindex);
}

}  // namespace biplane
