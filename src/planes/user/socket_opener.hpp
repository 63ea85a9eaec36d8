// Opens and closes sockets on a thread of its own. Binding one waits for the kernel's rtnl lock, which anybody who makes or removes
// interfaces may hold for long, and closing one waits for an RCU grace period: each can take longer than a heartbeat may be late.
// Opening goes before closing, because packets wait for it.
//
// Owner: the socket set. It must not outlive the Umem. Threads: all functions are the worker's; the sockets themselves are passed
// from one thread to the other, never shared.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "planes/user/xdp_socket.hpp"

namespace biplane {

// Chosen by who asks; the answer carries it.
using SocketTicket = uint64_t;

struct SocketWish {
    SocketTicket ticket = 0;
    uint32_t ifindex = 0;   // 0: the interface is known by its name
    std::string interface;  // used if ifindex is 0
    uint32_t queue = 0;
    SocketSides sides;
};

struct SocketAnswer {
    SocketTicket ticket = 0;
    bool closed = false;                        // the answer to close(): the kernel does not touch the socket's frames any more
    Result<std::unique_ptr<XdpSocket>> socket;  // else the answer to open()
};

class SocketOpener {
   public:
    static Result<std::unique_ptr<SocketOpener>> start(const Umem& umem);
    SocketOpener(const SocketOpener&) = delete;
    SocketOpener& operator=(const SocketOpener&) = delete;
    ~SocketOpener();  // closes what is still to be closed; unanswered wishes are forgotten

    void open(SocketWish wish);
    void close(SocketTicket ticket, std::unique_ptr<XdpSocket> socket);
    // What has been done since the last call. Cheap if that is nothing.
    std::vector<SocketAnswer> take_answers();
    // Readable when there are answers.
    int answers_fd() const { return answers_ready_.get(); }

   private:
    struct Closing {
        SocketTicket ticket;
        std::unique_ptr<XdpSocket> socket;
    };

    SocketOpener(const Umem& umem, Fd answers_ready) : umem_(umem), answers_ready_(std::move(answers_ready)) {}
    void work();
    SocketAnswer grant(const SocketWish& wish);
    void answer(SocketAnswer answer);

    const Umem& umem_;
    Fd answers_ready_;                    // an eventfd
    std::atomic<bool> answered_ = false;  // spares the worker a system call per lap
    std::mutex mutex_;                    // guards what follows
    std::condition_variable asked_;
    std::deque<SocketWish> wishes_;
    std::deque<Closing> closings_;
    std::vector<SocketAnswer> answers_;
    bool stopping_ = false;
    std::thread thread_;  // last: it uses all the others
};

}  // namespace biplane
