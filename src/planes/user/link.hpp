// One queue of one interface as the user plane uses it: its socket, the frames that socket holds, and the packets that wait for it
// to be opened. What it wants of the opener, and when, is the socket set's business.
//
//     opening --opened()--> open --detach()--> failed --reopening()--> opening
//        +-------------------refused()-----------^
//
// Owner: the socket set. It must not outlive the frame pool. One thread: the worker's.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "planes/user/frame_pool.hpp"
#include "planes/user/socket_opener.hpp"

namespace biplane {

// Fixed for the life of a link.
struct LinkPlace {
    uint32_t ifindex;  // 0: the punt port, whose interface is found by its name
    uint32_t queue;
    SocketSides sides;
    uint32_t slot;            // in the socket map; if it receives
    uint32_t slots_max;       // from `slot` on, for it and the interface's further queues
    uint32_t receive_frames;  // what its fill and RX ring hold together

    bool is_punt() const { return sides.receive && ifindex == 0; }
    bool is_port() const { return sides.receive && ifindex != 0; }
};

class Link {
   public:
    enum class State { opening, open, failed };

    Link(const LinkPlace& place, FramePool& frames) : place_(place), frames_(frames) {}
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;
    ~Link() { drop_waiting(); }  // detach() first if it is open

    const LinkPlace& place() const { return place_; }
    State state() const { return state_; }
    const XdpSocket* socket() const { return socket_.get(); }

    // --- its life ---
    SocketTicket ticket() const { return ticket_; }
    void reopening(SocketTicket ticket);  // the ticket of the wish it now waits for
    void opened(std::unique_ptr<XdpSocket> socket);
    // Returns how many waiting packets were lost by it, and remembers the reason; `is_news` is false if it is the same as before.
    struct Refusal {
        uint32_t packets;
        bool is_news;
    };
    Refusal refused(const std::string& why, uint32_t now);
    uint32_t failed_since() const { return failed_since_; }
    // The socket, to be closed, and what it holds until it is.
    struct Remains {
        std::unique_ptr<XdpSocket> socket;
        FrameHolder receive_holder, transmit_holder;
        uint32_t unsent;  // packets that had not left
    };
    Remains detach(uint32_t now);

    // --- packets ---
    // Open and receiving. Takes packets from the kernel and gives it as many empty frames.
    uint32_t receive(std::span<Packet> packets);
    void refill();
    // Not failed: puts the packet into the TX ring, or among the waiting ones. False: there is no room.
    bool enqueue(const Packet& packet);
    // Open and sending.
    XdpSocket::Kick send();
    void collect_completed();
    bool has_in_flight() const { return state_ == State::open && frames_.held_by(transmit_holder_) > 0; }

   private:
    uint32_t drop_waiting();

    LinkPlace place_;
    FramePool& frames_;
    State state_ = State::failed;
    SocketTicket ticket_ = 0;
    uint32_t failed_since_ = 0;
    std::string last_error_;
    std::unique_ptr<XdpSocket> socket_;
    FrameHolder receive_holder_ = FramePool::worker;  // own ones while open
    FrameHolder transmit_holder_ = FramePool::worker;
    std::vector<Packet> waiting_;
};

}  // namespace biplane
