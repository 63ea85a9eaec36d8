// Holds the links that the agent has pinned. The kernel detaches a link, and with it the program, when its last holder goes: the agent
// may be dead when the pins are removed, and then this process is the last one.
//
// On a thread of its own, at the ordinary priority: opening a link takes locks of the kernel, and the worker must not wait for them.
#pragma once
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace biplane {

class LinkKeeper {
   public:
    // From then on until it is destroyed. Call it before the calling thread takes a real-time priority, which threads inherit.
    static Result<std::unique_ptr<LinkKeeper>> start(const std::string& pin_directory);
    LinkKeeper(const LinkKeeper&) = delete;
    LinkKeeper& operator=(const LinkKeeper&) = delete;
    ~LinkKeeper();

   private:
    explicit LinkKeeper(std::string pin_directory) : pin_directory_(std::move(pin_directory)) {}
    void work();
    void look();

    const std::string pin_directory_;
    std::map<std::string, Fd> links_;  // by the name of the pin; the thread's
    std::mutex mutex_;
    std::condition_variable stop_asked_;
    bool stopping_ = false;
    std::thread thread_;  // last: it uses all the others
};

}  // namespace biplane
