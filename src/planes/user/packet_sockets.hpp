// The seam between the worker, which decides about packets, and the sockets they come from and go to. The real ones are in
// socket_set.hpp; tests have their own.
#pragma once
#include <cstdint>
#include <span>

namespace biplane {

// A packet in the UMEM: `length` bytes from `offset` on in frame number `frame`. Whoever has it may use the whole frame.
struct Packet {
    uint32_t frame;
    uint32_t offset;
    uint32_t length;
};

// One thread: the worker's.
class PacketSockets {
   public:
    virtual ~PacketSockets() = default;

    // Up to packets.size() packets that came in. Each is the worker's until it calls transmit() with success or release().
    virtual uint32_t receive(std::span<Packet> packets) = 0;
    // The memory of a frame, chunk_bytes long.
    virtual uint8_t* frame(uint32_t number) = 0;
    // Sends the packet through an interface of this node, at the latest with the next flush(). False: there is no room on the way to
    // it, and the packet stays the worker's.
    virtual bool transmit(uint32_t ifindex, const Packet& packet) = 0;
    virtual void release(const Packet& packet) = 0;
    virtual void flush() = 0;
};

}  // namespace biplane
