// All sockets of the user plane, kept in step with the ports: one that receives per queue of each port whose XDP program punts (fabric
// ports, workload ports with XDP) and one for the punt port; one that sends per egress interface, made when the first packet wants out there. Packets that come before their socket
// is open wait for it, so a first packet is not lost.
//
//     punt port    --RX-->            --TX-->  workload and host ports
//                           worker
//     XDP port     --RX-->            --TX-->  XDP port (the same socket, on queue 0)
//
// Owner: the user plane's loop. It must not outlive the Umem. One thread: the worker's. Only sockets are opened and closed elsewhere.
#pragma once
#include <poll.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "planes/user/frame_pool.hpp"
#include "planes/user/link.hpp"
#include "planes/user/packet_sockets.hpp"
#include "planes/user/socket_opener.hpp"

namespace biplane {

// A port with an XDP program as its sockets see it.
struct PortSockets {
    uint32_t ifindex;
    uint32_t slot;       // in the socket map, of queue 0
    uint32_t slots_max;  // queues it has slots for
};

class SocketSet : public PacketSockets {
   public:
    // `sockets_map_fd`: the XSKMAP; borrowed. `punt_interface`: name of the inner end of the punt port.
    static Result<std::unique_ptr<SocketSet>> create(const Umem& umem, int sockets_map_fd, std::string punt_interface);
    ~SocketSet() override;

    // --- keeping in step ---
    // The ports are these now: makes and drops sockets. `interfaces` are all that packets may leave through.
    void follow_ports(const std::vector<PortSockets>& receiving, const std::set<uint32_t>& interfaces);
    // The punt port may have been made anew: if its socket is dead, a new one is opened at once.
    void reopen_punt();
    // Once per lap: takes what the opener has done, tries again what has failed. `now` in ticks.
    void begin_lap(uint32_t now);
    // About ten times a second: finds out whether interfaces have gone.
    void check_interfaces();

    // --- PacketSockets ---
    uint32_t receive(std::span<Packet> packets) override;
    uint8_t* frame(uint32_t number) override { return umem_.frame(number); }
    bool transmit(uint32_t ifindex, const Packet& packet) override;
    void release(const Packet& packet) override { frames_.give_back(packet.frame, FramePool::worker); }
    void flush() override;

    // --- state ---
    bool is_receiving_punts() const;
    bool has_unsent() const { return unsent_; }  // some interface took less than it was given in the last flush
    const FramePool& frames() const { return frames_; }
    uint64_t lost() const;  // received by the kernel, but no room in a ring; all sockets, also closed ones
    // Taken by transmit(), but the interface went, was down, or its peer could not keep up.
    uint64_t unsendable() const { return unsendable_; }
    // What to poll(2) for when there is nothing to do.
    std::vector<pollfd> wait_list() const;

   private:
    using LinkPointer = std::unique_ptr<Link>;

    SocketSet(const Umem& umem, int sockets_map_fd, std::string punt_interface, std::unique_ptr<SocketOpener> opener);

    Link& add_link(const LinkPlace& place);
    void remove_links_if(const std::function<bool(const Link&)>& is_unwanted);
    void request_socket(Link& link);
    void settle(SocketAnswer answer);
    void activate(Link& link, std::unique_ptr<XdpSocket> socket);
    void add_further_queues(const Link& first);
    void refuse(Link& link, const std::string& why);
    void close_socket(Link& link);
    void retry_failed();
    void send(Link& link);
    Link& transmitter_of(uint32_t ifindex);

    // A socket that the opener closes now, and whose frames come back when it has.
    struct Closing {
        SocketTicket ticket;
        FrameHolder receive_holder, transmit_holder;
    };

    const Umem& umem_;
    int sockets_map_fd_;
    std::string punt_interface_;
    FramePool frames_;
    std::unique_ptr<SocketOpener> opener_;
    std::vector<LinkPointer> links_;
    std::vector<Link*> receivers_;                      // of links_: open ones that receive
    std::unordered_map<uint32_t, Link*> transmitters_;  // of links_, by ifindex: those that send, open or not
    Link* last_transmitter_ = nullptr;                  // of transmitters_: packets come in bursts
    std::vector<Link*> sending_;                        // of links_: open ones with packets in flight
    std::vector<Closing> closings_;
    SocketTicket last_ticket_ = 0;
    size_t next_receiver_ = 0;
    uint32_t now_ = 0;         // ticks
    uint32_t last_retry_ = 0;  // ticks
    bool unsent_ = false;
    uint64_t lost_before_ = 0;  // by sockets that are closed
    uint64_t unsendable_ = 0;
};

}  // namespace biplane
