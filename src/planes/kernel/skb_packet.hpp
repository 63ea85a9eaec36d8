// A socket buffer at a tcx or clsact hook as the pipeline's Packet. GSO packets stay whole: resizing tells the kernel what the
// new bytes are, so that it can segment and checksum later, or never. Some packets the kernel does not let grow that way: those that carry
// the mark of a tunnel already, and GSO of other protocols than TCP and UDP. Such a packet goes through the cut port first, a veth whose
// transmit offloads are off, and comes out of it as frames of the wire with their checksums filled in.
#pragma once
#include "datapath/pipeline.hpp"
#include "planes/kernel/bpf_helpers.hpp"
#include "planes/kernel/direct_access.hpp"

// Out of line and global: verified once, for any frame offset.
extern "C" uint32_t bp_parse_skb(__sk_buff* skb, biplane::Headers* headers);
extern "C" uint32_t bp_rare_step_skb(__sk_buff* skb, biplane::Headers* headers, uint32_t step, uint32_t offset, uint32_t end);
extern "C" uint32_t bp_sum_bytes_skb(__sk_buff* skb, uint32_t offset, uint32_t bytes);

namespace biplane {

namespace adjust_room {  // flags of bpf_skb_adjust_room, newer than Debian's headers in part
constexpr uint32_t mode_mac = 1;
constexpr uint64_t fixed_gso = 1u << 0;
constexpr uint64_t encap_l3_ipv4 = 1u << 1;
constexpr uint64_t encap_l3_ipv6 = 1u << 2;
constexpr uint64_t encap_l4_udp = 1u << 4;
constexpr uint64_t encap_l2_eth = 1u << 6;
constexpr uint64_t decap_l3_ipv4 = 1u << 7;
constexpr uint64_t decap_l3_ipv6 = 1u << 8;
constexpr uint64_t encap_l2(uint64_t bytes) { return bytes << 56; }
constexpr long flags_unknown = -22;  // EINVAL
}  // namespace adjust_room

namespace refusal {                        // what bpf_skb_adjust_room returns
constexpr long is_encapsulated = -114;     // EALREADY
constexpr long is_not_to_be_grown = -524;  // ENOTSUPP
}  // namespace refusal

class SkbPacket {
   public:
    static constexpr Plane plane = Plane::kernel;
    static constexpr bool trims_before_room = true;  // bpf_skb_change_tail takes no packet with a tunnel's mark
    static constexpr bool can_be_cut = true;

    explicit SkbPacket(__sk_buff* skb, bool came_cut = false) : skb_(skb), came_cut_(came_cut) {}

    template <typename T, uint32_t OffsetMax = headers_bytes_max>
    T* at(uint32_t offset) {
        return direct_access<T, OffsetMax>(*skb_, offset);
    }
    uint32_t parse_headers(Headers& headers) { return bp_parse_skb(skb_, &headers); }
    uint32_t rare_step(Headers& headers, RareStep step, uint32_t offset, uint32_t end) {
        return bp_rare_step_skb(skb_, &headers, static_cast<uint32_t>(step), offset, end);
    }
    uint32_t sum_bytes(uint32_t offset, uint32_t bytes) { return bp_sum_bytes_skb(skb_, offset, bytes); }
    uint32_t length() const { return skb_->len; }
    uint32_t segment_payload() const { return skb_->gso_size; }
    uint32_t wire_frames() const { return skb_->gso_segs > 1 ? skb_->gso_segs : 1; }
    bool came_cut() const { return came_cut_; }
    bool must_be_cut() const { return must_be_cut_; }
    // The kernel takes a VLAN tag out of the frame before a tcx program sees it, and puts it back when the frame leaves.
    bool has_hidden_vlan_tag() const { return skb_->vlan_present != 0; }
    bool is_traced(uint64_t nonce) const { return nonce != 0 && skb_->tstamp == nonce; }

    bool insert_after_ethernet(uint32_t bytes, Room room) {
        using namespace adjust_room;
        uint64_t flags = 0;
        // What came through the cut port may carry a tunnel's mark, which tells nobody anything any more, and takes no second one.
        if (room != Room::plain && !came_cut_)
            flags = fixed_gso | encap_l4_udp | encap_l2_eth | encap_l2(sizeof(EthernetHeader)) |
                    (room == Room::tunnel_ipv4 ? encap_l3_ipv4 : encap_l3_ipv6);
        const long result = bpf::skb_adjust_room(skb_, static_cast<int>(bytes), mode_mac, flags);
        must_be_cut_ = !came_cut_ && (result == refusal::is_encapsulated || result == refusal::is_not_to_be_grown);
        return result == 0;
    }
    bool remove_after_ethernet(uint32_t bytes, Room room, bool inner_is_ipv6) {
        using namespace adjust_room;
        uint64_t family = 0;
        if (room == Room::tunnel_ipv4 && inner_is_ipv6) family = decap_l3_ipv6;
        if (room == Room::tunnel_ipv6 && !inner_is_ipv6) family = decap_l3_ipv4;
        const long status = bpf::skb_adjust_room(skb_, -static_cast<int>(bytes), mode_mac, fixed_gso | family);
        if (status == 0 || family == 0 || status != adjust_room::flags_unknown) return status == 0;
        return translate_then_remove(bytes, inner_is_ipv6);
    }
    bool trim(uint32_t bytes) { return bpf::skb_change_tail(skb_, bytes) == 0; }
    bool gather(uint32_t bytes) { return bpf::skb_pull_data(skb_, bytes) == 0; }

   private:
    // Before Linux 6.3 the kernel refuses the flags that change the family with the removal (EINVAL, the packet untouched). There the
    // family is changed first, which makes the outer header longer or shorter by what the two families' headers differ in.
    bool translate_then_remove(uint32_t bytes, bool inner_is_ipv6) {
        constexpr uint32_t difference = sizeof(Ipv6Header) - sizeof(Ipv4Header);
        const be16 protocol = inner_is_ipv6 ? ethertype_ipv6 : ethertype_ipv4;
        if (bpf::skb_change_proto(skb_, protocol.raw, 0) != 0) return false;
        bytes = inner_is_ipv6 ? bytes + difference : bytes - difference;
        return bpf::skb_adjust_room(skb_, -static_cast<int>(bytes), adjust_room::mode_mac, adjust_room::fixed_gso) == 0;
    }

    __sk_buff* skb_;
    bool came_cut_;
    bool must_be_cut_ = false;
};

}  // namespace biplane
