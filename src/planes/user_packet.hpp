// A frame in plain memory with room before it: the user plane's and the tests' Packet. Owns nothing.
#pragma once
#include <cstring>

#include "datapath/pipeline.hpp"

namespace biplane {

class UserPacket {
   public:
    static constexpr Plane plane = Plane::user;
    static constexpr bool trims_before_room = false;
    static constexpr bool can_be_cut = false;

    // `capacity_before` and `capacity_after` bytes around the frame may be written to.
    UserPacket(uint8_t* frame, uint32_t length, uint32_t capacity_before, bool is_traced = false)
        : frame_(frame), length_(length), before_(capacity_before), is_traced_(is_traced) {}

    const uint8_t* frame() const { return frame_; }
    uint8_t* frame() { return frame_; }
    uint32_t length() const { return length_; }

    template <typename T, uint32_t OffsetMax = headers_bytes_max>
    T* at(uint32_t offset) {
        if (offset > OffsetMax) return nullptr;  // as in the kernel plane
        return offset + sizeof(T) <= length_ ? reinterpret_cast<T*>(frame_ + offset) : nullptr;
    }
    uint32_t parse_headers(Headers& headers) { return parse(*this, headers).packed(); }
    uint32_t rare_step(Headers& headers, RareStep step, uint32_t offset, uint32_t end) {
        return take_rare_step(*this, headers, step, offset, end);
    }
    uint32_t sum_bytes(uint32_t offset, uint32_t bytes) { return sum_piece(*this, offset, bytes); }
    uint32_t segment_payload() const { return 0; }
    uint32_t wire_frames() const { return 1; }
    bool came_cut() const { return false; }
    bool must_be_cut() const { return false; }
    bool has_hidden_vlan_tag() const { return false; }
    bool is_traced(uint64_t) const { return is_traced_; }

    bool insert_after_ethernet(uint32_t bytes, Room) {
        if (bytes > before_) return false;
        std::memmove(frame_ - bytes, frame_, sizeof(EthernetHeader));
        frame_ -= bytes;
        before_ -= bytes;
        length_ += bytes;
        return true;
    }
    bool remove_after_ethernet(uint32_t bytes, Room, bool) {
        if (bytes + sizeof(EthernetHeader) > length_) return false;
        std::memmove(frame_ + bytes, frame_, sizeof(EthernetHeader));
        frame_ += bytes;
        before_ += bytes;
        length_ -= bytes;
        return true;
    }
    bool trim(uint32_t bytes) {
        if (bytes > length_) return false;
        length_ = bytes;
        return true;
    }
    bool gather(uint32_t) { return true; }

   private:
    uint8_t* frame_;
    uint32_t length_;
    uint32_t before_;
    bool is_traced_;
};

// The same frame as the kernel plane would see it, for comparing the planes on one engine.
class KernelLikePacket : public UserPacket {
   public:
    static constexpr Plane plane = Plane::kernel;
    using UserPacket::UserPacket;
};

}  // namespace biplane
