// A frame at an XDP hook as the pipeline's Packet.
#pragma once
#include "datapath/pipeline.hpp"
#include "planes/kernel/bpf_helpers.hpp"
#include "planes/kernel/direct_access.hpp"

// Out of line and global: verified once, for any frame offset.
extern "C" uint32_t bp_parse_xdp(xdp_md* xdp, biplane::Headers* headers);
extern "C" uint32_t bp_rare_step_xdp(xdp_md* xdp, biplane::Headers* headers, uint32_t step, uint32_t offset, uint32_t end);
extern "C" uint32_t bp_sum_bytes_xdp(xdp_md* xdp, uint32_t offset, uint32_t bytes);

namespace biplane {

class XdpPacket {
   public:
    static constexpr Plane plane = Plane::kernel;
    static constexpr bool trims_before_room = false;
    static constexpr bool can_be_cut = false;

    explicit XdpPacket(xdp_md* xdp) : xdp_(xdp) {}

    template <typename T, uint32_t OffsetMax = headers_bytes_max>
    T* at(uint32_t offset) {
        return direct_access<T, OffsetMax>(*xdp_, offset);
    }
    uint32_t parse_headers(Headers& headers) { return bp_parse_xdp(xdp_, &headers); }
    uint32_t rare_step(Headers& headers, RareStep step, uint32_t offset, uint32_t end) {
        return bp_rare_step_xdp(xdp_, &headers, static_cast<uint32_t>(step), offset, end);
    }
    uint32_t sum_bytes(uint32_t offset, uint32_t bytes) { return bp_sum_bytes_xdp(xdp_, offset, bytes); }
    uint32_t length() const { return static_cast<uint32_t>(xdp_->data_end - xdp_->data); }
    uint32_t segment_payload() const { return 0; }
    uint32_t wire_frames() const { return 1; }
    bool came_cut() const { return false; }
    bool must_be_cut() const { return false; }
    bool has_hidden_vlan_tag() const { return false; }
    bool is_traced(uint64_t nonce) const {
        if (nonce == 0) return false;
        const auto* carried = reinterpret_cast<const uint64_t*>(static_cast<unsigned long>(xdp_->data_meta));
        const auto* end = reinterpret_cast<const uint8_t*>(static_cast<unsigned long>(xdp_->data));
        return reinterpret_cast<const uint8_t*>(carried + 1) <= end && *carried == nonce;
    }

    bool insert_after_ethernet(uint32_t bytes, Room) { return bpf::xdp_adjust_head(xdp_, -static_cast<int>(bytes)) == 0; }
    bool remove_after_ethernet(uint32_t bytes, Room, bool) { return bpf::xdp_adjust_head(xdp_, static_cast<int>(bytes)) == 0; }
    bool trim(uint32_t bytes) {
        uint32_t before = length();
        forget_value(before);  // clang 19 would add `bytes` to a pointer as a number of 32 bits
        return bpf::xdp_adjust_tail(xdp_, static_cast<int>(bytes) - static_cast<int>(before)) == 0;
    }
    bool gather(uint32_t) { return true; }

   private:
    xdp_md* xdp_;
};

}  // namespace biplane
