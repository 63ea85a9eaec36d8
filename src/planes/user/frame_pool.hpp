// Who holds which frame of the UMEM. Every frame has exactly one holder at any time: the pool (free), the worker (being
// processed), or one direction of one socket. What a socket's receive side holds lies in its fill or RX ring, what its transmit
// side holds in its TX or completion ring or in the kernel on the way between them. So
//
//     free + worker + sum over sockets (fill and RX) + sum over sockets (TX and completion) = total
//
// and the frames of a socket that died can be found again, wherever the kernel left them.
//
// Owner: the socket set. Lifetime: as long as the UMEM. One thread.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

namespace biplane {

using FrameHolder = uint16_t;

class FramePool {
   public:
    static constexpr FrameHolder pool = 0;
    static constexpr FrameHolder worker = 1;

    explicit FramePool(uint32_t frames);

    // A holder for one direction of a socket.
    FrameHolder add_holder();
    // Takes back all that it holds and forgets it. Returns how many frames that were.
    uint32_t remove_holder(FrameHolder holder);

    // A free frame, now held by `to`; nothing if there is none.
    std::optional<uint32_t> take(FrameHolder to);
    // The frame must be held by `from` (asserted).
    void pass(uint32_t frame, FrameHolder from, FrameHolder to);
    void give_back(uint32_t frame, FrameHolder from) { pass(frame, from, pool); }

    FrameHolder holder_of(uint32_t frame) const { return holders_[frame]; }
    uint32_t held_by(FrameHolder holder) const { return counts_[holder]; }
    uint32_t free() const { return counts_[pool]; }
    uint32_t total() const { return static_cast<uint32_t>(holders_.size()); }
    // The law above, recounted from the frames. Linear in their number: for tests and asserts at rare events.
    bool is_sound() const;

   private:
    std::vector<FrameHolder> holders_;   // by frame
    std::vector<uint32_t> free_frames_;  // a stack: the frame used last is the one still in the cache
    std::vector<uint32_t> counts_;       // by holder
    std::vector<FrameHolder> unused_;    // holder numbers to give out again
};

}  // namespace biplane
