// Programs that a workload may have at its own interface: they put its TCP packets into a tunnel as they leave and take them out as
// they come, GSO packets whole, with the marks that tunnel devices leave on a socket buffer. For kernels without such devices.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "datapath/wire/checksum.hpp"
#include "planes/kernel/bpf_helpers.hpp"

using namespace biplane;

namespace {

constexpr uint8_t ipip = 4, gre = 47;
constexpr be32 gre_of_ipv4 = be32::from_host(0x0800);  // no flags, version 0 (RFC 2784, section 2)
constexpr uint32_t mode_mac = 1;
constexpr uint64_t fixed_gso = 1u << 0, encap_l3_ipv4 = 1u << 1, encap_l4_gre = 1u << 3;

template <typename T>
__attribute__((always_inline)) inline T* at(__sk_buff* skb, uint32_t offset) {
    auto* place = reinterpret_cast<uint8_t*>(static_cast<unsigned long>(skb->data)) + offset;
    return place + sizeof(T) <= reinterpret_cast<uint8_t*>(static_cast<unsigned long>(skb->data_end)) ? reinterpret_cast<T*>(place)
                                                                                                      : nullptr;
}

struct Inner {
    EthernetHeader ethernet;
    Ipv4Header ip;
} __attribute__((packed));

__attribute__((always_inline)) inline int wrap(__sk_buff* skb, uint8_t protocol_number, uint32_t bytes, uint64_t flags) {
    const auto* inner = at<Inner>(skb, 0);
    if (!inner || !(inner->ethernet.ethertype == ethertype_ipv4) || inner->ip.protocol != protocol::tcp) return TC_ACT_OK;
    Ipv4Header outer = inner->ip;
    if (bpf::skb_adjust_room(skb, static_cast<int>(bytes), mode_mac, fixed_gso | encap_l3_ipv4 | flags) != 0) return TC_ACT_SHOT;
    outer.total_length = be16::from_host(static_cast<uint16_t>(outer.total_length.to_host() + bytes));
    outer.protocol = protocol_number;
    outer.checksum = be16{0};
    outer.checksum = checksum_of(sum_of<sizeof(Ipv4Header)>(&outer));
    auto* ip = at<Ipv4Header>(skb, sizeof(EthernetHeader));
    if (!ip) return TC_ACT_SHOT;
    *ip = outer;
    if (protocol_number != gre) return TC_ACT_OK;
    auto* header = at<be32>(skb, sizeof(EthernetHeader) + sizeof(Ipv4Header));
    if (!header) return TC_ACT_SHOT;
    *header = gre_of_ipv4;
    return TC_ACT_OK;
}

__attribute__((always_inline)) inline int unwrap(__sk_buff* skb, uint8_t protocol_number, uint32_t bytes) {
    const auto* outer = at<Inner>(skb, 0);
    if (!outer || !(outer->ethernet.ethertype == ethertype_ipv4) || outer->ip.protocol != protocol_number) return TC_ACT_OK;
    return bpf::skb_adjust_room(skb, -static_cast<int>(bytes), mode_mac, fixed_gso) == 0 ? TC_ACT_OK : TC_ACT_SHOT;
}

}  // namespace

#define PROGRAM(name) extern "C" __attribute__((section(name), used)) int

PROGRAM("wrap-gre") wrap_gre(__sk_buff* skb) { return wrap(skb, gre, sizeof(Ipv4Header) + 4, encap_l4_gre); }
PROGRAM("unwrap-gre") unwrap_gre(__sk_buff* skb) { return unwrap(skb, gre, sizeof(Ipv4Header) + 4); }
PROGRAM("wrap-ipip") wrap_ipip(__sk_buff* skb) { return wrap(skb, ipip, sizeof(Ipv4Header), 0); }
PROGRAM("unwrap-ipip") unwrap_ipip(__sk_buff* skb) { return unwrap(skb, ipip, sizeof(Ipv4Header)); }

extern "C" __attribute__((section("license"), used)) const char license_text[] = "GPL";
