#include "userplane/link_keeper.hpp"

#include <bpf/bpf.h>

#include <chrono>
#include <filesystem>
#include <system_error>

#include "planes/link_state.hpp"

namespace biplane {
namespace {

constexpr auto look_interval = std::chrono::milliseconds(250);

// See planes/kernel/hooks.hpp.
bool is_name_of_link(const std::string& name) { return name.starts_with("tcx-") || name.starts_with("xdp-"); }

}  // namespace

Result<std::unique_ptr<LinkKeeper>> LinkKeeper::start(const std::string& pin_directory) {
    std::unique_ptr<LinkKeeper> keeper(new LinkKeeper(pin_directory));
    try {
        keeper->thread_ = std::thread([self = keeper.get()] { self->work(); });
    } catch (const std::system_error& error) {
        return failed_call("start the thread that holds links", error.code().value());
    }
    return keeper;
}

LinkKeeper::~LinkKeeper() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    stop_asked_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void LinkKeeper::work() {
    std::unique_lock lock(mutex_);
    do look();
    while (!stop_asked_.wait_for(lock, look_interval, [this] { return stopping_; }));
}

// A link that was detached, by the agent or with its interface, is let go.
void LinkKeeper::look() {
    std::erase_if(links_, [](const auto& link) { return state_of_link(link.second.get()).ifindex == 0; });
    std::error_code error;
    for (std::filesystem::directory_iterator entry(pin_directory_, error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename();
        if (!is_name_of_link(name) || links_.contains(name)) continue;
        if (Fd link(bpf_obj_get(entry->path().c_str())); link) links_.emplace(name, std::move(link));
    }
}

}  // namespace biplane
