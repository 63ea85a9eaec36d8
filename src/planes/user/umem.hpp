// The memory that all frames of the user plane lie in, registered with the kernel as a UMEM (AF_XDP), and the socket that keeps it
// usable.
//
// The kernel lets further sockets share a UMEM only as long as the socket that registered it is bound. That first socket is
// therefore an anchor on the loopback interface, which cannot go away; it carries no traffic. Were it the punt port's, no socket
// could be opened any more once that port had been made anew. The others inherit its mode: copy.
//
// Owner: the user-plane program, which must destroy all sockets first. Threads: frame() is for the worker, handle() for the
// socket opener's thread; libxdp's bookkeeping behind it has no lock.
#pragma once
#include <cstdint>
#include <memory>

#include "base/result.hpp"

struct xsk_umem;

namespace biplane {

constexpr uint32_t chunk_bytes = 4096;  // one page: what a frame of 1500 or 3506 bytes and its headroom need
// The kernel also keeps about 150 bytes per frame for every socket, and takes some 5 ms to open one: more frames cost every port.
constexpr uint32_t frames_default = 16384;

// Ring sizes, of all sockets (libxdp has one setting per UMEM). Powers of two.
constexpr uint32_t receive_ring_size = 8192;   // fill and RX: what comes while the worker waits for a processor must fit
constexpr uint32_t transmit_ring_size = 4096;  // TX and completion

class Umem {
   public:
    // `frames` of chunk_bytes each. Waits up to two seconds for a predecessor's sockets, which the kernel takes down some time
    // after the process died.
    static Result<Umem> create(uint32_t frames = frames_default);
    Umem(Umem&&) noexcept;
    Umem& operator=(Umem&&) noexcept;
    ~Umem();

    uint32_t frames() const;
    uint8_t* frame(uint32_t number) const;
    xsk_umem* handle() const;

   private:
    struct State;
    explicit Umem(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace biplane
