// One AF_XDP socket on one queue of one interface, with a receive side, a transmit side or both. Copy mode. It knows its rings and
// nothing of who holds which frame: that is the socket set's business.
//
// Owner: the socket set. It must not outlive its Umem. Threads: opened and closed by the socket opener's thread (both wait in
// the kernel, see socket_opener.hpp), used by the worker in between.
#pragma once
#include <xdp/xsk.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.hpp"
#include "planes/user/packet_sockets.hpp"
#include "planes/user/umem.hpp"

namespace biplane {

struct SocketSides {
    bool receive = false;
    bool transmit = false;
};

class XdpSocket {
   public:
    // Refused with EBUSY while another socket has this queue, also for some time after that one was closed.
    static Result<std::unique_ptr<XdpSocket>> open(const Umem& umem, const std::string& interface, uint32_t queue,
                                                   SocketSides sides);
    XdpSocket(const XdpSocket&) = delete;
    XdpSocket& operator=(const XdpSocket&) = delete;
    ~XdpSocket();

    int fd() const { return xsk_socket__fd(socket_); }
    uint32_t ifindex() const { return ifindex_; }
    uint32_t queue() const { return queue_; }
    uint32_t interface_queues() const { return interface_queues_; }  // receive queues the interface had when this was opened

    // --- receive side ---
    // Gives the kernel as many of `frames` to receive into as its fill ring has room for; returns how many.
    uint32_t fill(std::span<const uint32_t> frames);
    // Takes up to packets.size() received packets out of the RX ring.
    uint32_t receive(std::span<Packet> packets);

    // --- transmit side ---
    // Puts a packet into the TX ring; false if that is full. It leaves with the next kick().
    bool queue(const Packet& packet);
    // Makes the kernel send what is queued, for a bounded time.
    enum class Kick {
        done,     // the ring is empty
        blocked,  // the interface takes no more for now; the rest stays queued
        down,     // the interface is down
        gone      // the interface does not exist any more
    };
    Kick kick();
    uint32_t unsent() const;  // packets in the TX ring
    uint64_t dropped_by_device() const { return dropped_by_device_; }
    // Takes up to frames.size() frames that have been sent out of the completion ring.
    uint32_t take_completed(std::span<uint32_t> frames);

    // Packets that found no room in the RX ring or no frame to be received into, since it was opened.
    uint64_t lost() const;
    // True once the interface has gone. Says so once: the kernel reports it as a pending socket error.
    bool interface_has_gone() const;
    // Makes the packets of that slot of an XSKMAP come here. Replaces a socket that is there.
    Status put_into(int sockets_map_fd, uint32_t slot) const;

   private:
    XdpSocket(uint32_t ifindex, uint32_t queue) : ifindex_(ifindex), queue_(queue) {}

    xsk_socket* socket_ = nullptr;
    xsk_ring_prod fill_{}, transmit_{};
    xsk_ring_cons receive_{}, completion_{};
    uint32_t ifindex_;
    uint32_t queue_;
    uint32_t interface_queues_ = 1;
    uint64_t dropped_by_device_ = 0;
    uint32_t queued_ = 0;     // written into the TX ring, not yet shown to the kernel
    uint32_t in_flight_ = 0;  // in the TX ring, sent, or in the completion ring: never more than that ring takes
};

}  // namespace biplane
