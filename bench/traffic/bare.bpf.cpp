// The limits: programs that do nothing but send a packet on. What they reach is the most any program at that hook can.
#include "planes/kernel/bpf_helpers.hpp"

using namespace biplane;

extern "C" {
__attribute__((section(".data"), used)) uint32_t egress_ifindex = 0;
}

struct bare_sockets_map {
    int (*type)[BPF_MAP_TYPE_XSKMAP];
    int (*max_entries)[1];
    int (*key_size)[4];
    int (*value_size)[4];
};
extern "C" {
__attribute__((section(".maps"), used)) bare_sockets_map bare_sockets;
}

extern "C" __attribute__((section("xdp"), used)) int redirect_xdp([[maybe_unused]] xdp_md* xdp) {
    return static_cast<int>(bpf::redirect(egress_ifindex, 0));
}

extern "C" __attribute__((section("xdp"), used)) int redirect_socket([[maybe_unused]] xdp_md* xdp) {
    return static_cast<int>(bpf::redirect_map(&bare_sockets, 0, XDP_DROP));
}

extern "C" __attribute__((section("xdp"), used)) int drop_xdp([[maybe_unused]] xdp_md* xdp) { return XDP_DROP; }

extern "C" __attribute__((section("tc"), used)) int redirect_tcx([[maybe_unused]] __sk_buff* skb) {
    return static_cast<int>(bpf::redirect(egress_ifindex, 0));
}

extern "C" __attribute__((section("tc"), used)) int redirect_tcx_peer([[maybe_unused]] __sk_buff* skb) {
    return static_cast<int>(bpf::redirect_peer(egress_ifindex, 0));
}

extern "C" __attribute__((section("license"), used)) const char _license[] = "GPL";
