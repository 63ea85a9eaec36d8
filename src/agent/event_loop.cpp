#include "agent/event_loop.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <chrono>

#include "host/network_events.hpp"

namespace biplane {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto settle_time = std::chrono::milliseconds(50);     // changes come in bursts
constexpr auto mending_time = std::chrono::milliseconds(1000);  // between looks while something is amiss
constexpr auto watch_time = std::chrono::milliseconds(500);     // between looks whether the guards stand
constexpr auto store_time = std::chrono::milliseconds(1000);    // between looks at the stores

bool concerns_us(const Agent& agent, const NetworkEvent& event) {
    switch (event.kind) {
        case NetworkEvent::Kind::neighbour:
            return agent.is_fabric(event.ifindex);
        case NetworkEvent::Kind::traffic_control:
            return false;
        case NetworkEvent::Kind::link:
        case NetworkEvent::Kind::address:
        case NetworkEvent::Kind::route:
        case NetworkEvent::Kind::lost:
            return true;
    }
    return true;
}

constexpr Clock::time_point never = Clock::time_point::max();

int milliseconds_until(Clock::time_point when) {
    if (when == never) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now()).count();
    return left < 0 ? 0 : static_cast<int>(left);
}

}  // namespace

Result<Fd> take_stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (pthread_sigmask(SIG_BLOCK, &signals, nullptr) != 0) return failure("cannot block the stop signals");
    signal(SIGPIPE, SIG_IGN);
    Fd fd(signalfd(-1, &signals, SFD_CLOEXEC));
    if (!fd) return failed_call("make a descriptor for signals", errno);
    return fd;
}

Status run_event_loop(Agent& agent, const Fd& stop_signals) {
    auto events = NetworkEvents::open();
    if (!events) return tl::unexpected(events.error());
    agent.refresh();  // what happened between the start and the subscription
    Clock::time_point last = Clock::now();
    Clock::time_point due = never;
    Clock::time_point watch_due = last + watch_time;
    Clock::time_point store_due = last;
    while (true) {
        if (Clock::now() >= store_due) {
            agent.check_stores();
            store_due = Clock::now() + store_time;
        }
        if (agent.wants_refresh() && due == never) due = last + mending_time;
        pollfd waited[2] = {{stop_signals.get(), POLLIN, 0}, {events->fd(), POLLIN, 0}};
        if (::poll(waited, 2, milliseconds_until(std::min({due, watch_due, store_due}))) < 0 && errno != EINTR)
            return failed_call("wait for events", errno);
        if (waited[0].revents != 0) return {};
        if (waited[1].revents != 0) {
            bool changed = false, filters_changed = false;
            auto drained = events->drain([&](const NetworkEvent& event) {
                changed = changed || concerns_us(agent, event);
                filters_changed = filters_changed || event.kind == NetworkEvent::Kind::traffic_control;
            });
            if (!drained) return drained;
            if (filters_changed) watch_due = std::min(watch_due, Clock::now() + settle_time);
            if (changed && !agent.wants_refresh())
                due = Clock::now() + settle_time;
            else if (changed)
                due = std::max(Clock::now() + settle_time, last + mending_time / 2);
        }
        if (Clock::now() >= watch_due) {
            agent.watch();
            watch_due = Clock::now() + watch_time;
        }
        if (Clock::now() < due) continue;
        agent.refresh();
        last = Clock::now();
        due = never;
    }
}

}  // namespace biplane
