// Network namespaces: finding one, telling it from others, and doing something inside it.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <type_traits>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace biplane {

// A network namespace held open: it lives at least as long as this does.
class NetworkNamespace {
   public:
    // `reference`: the name of a namespace in /run/netns, a path, or a process id. The Error says which of the three was
    // tried and what was wrong with it. Nothing that is no network namespace is opened: looking at it neither waits nor changes anything.
    static Result<NetworkNamespace> open(const std::string& reference);
    // The one of the calling thread.
    static Result<NetworkNamespace> current();

    int fd() const { return fd_.get(); }
    // The reference leads through a process (its id, or a path below /proc). The kernel gives the ids of processes that have ended to
    // new ones: later, the same reference may lead to a namespace that has nothing to do with this one.
    bool is_of_process() const { return is_of_process_; }
    // The kernel's own number of the namespace: never given to another one until the machine is booted again (SO_NETNS_COOKIE).
    Result<uint64_t> cookie() const;
    friend bool operator==(const NetworkNamespace& a, const NetworkNamespace& b) {
        return a.device_ == b.device_ && a.inode_ == b.inode_;
    }

    // Runs `work` inside the namespace, on a thread of its own, and waits for it. `work` returns a Result or a Status.
    template <typename Work>
    std::invoke_result_t<Work> run(Work work) const {
        std::invoke_result_t<Work> result;
        std::thread([&] {
            if (auto entered = enter(); !entered)
                result = tl::unexpected(entered.error());
            else
                result = work();
        }).join();
        return result;
    }

   private:
    NetworkNamespace(Fd fd, dev_t device, ino_t inode, bool is_of_process)
        : fd_(std::move(fd)), device_(device), inode_(inode), is_of_process_(is_of_process) {}
    static Result<NetworkNamespace> open_path(const std::string& path);
    Status enter() const;

    Fd fd_;
    dev_t device_;
    ino_t inode_;
    bool is_of_process_;
};

}  // namespace biplane
