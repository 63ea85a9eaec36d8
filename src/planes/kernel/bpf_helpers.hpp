// The BPF helpers that the kernel plane calls, as C++ functions. The numbers are the kernel's ABI (include/uapi/linux/bpf.h).
// libbpf's bpf_helpers.h does not compile as C++.
#pragma once
#include <linux/bpf.h>

#include "layout/integers.hpp"

namespace biplane::bpf {

template <uint64_t Id, typename Result, typename... Arguments>
inline __attribute__((always_inline)) Result helper(Arguments... arguments) {
    return reinterpret_cast<Result (*)(Arguments...)>(Id)(arguments...);
}

inline void* map_lookup_elem(void* map, const void* key) { return helper<1, void*, void*, const void*>(map, key); }
inline uint64_t ktime_get_ns() { return helper<5, uint64_t>(); }
inline uint32_t get_smp_processor_id() { return helper<8, uint32_t>(); }
inline long redirect(uint32_t ifindex, uint64_t flags) { return helper<23, long, uint32_t, uint64_t>(ifindex, flags); }
inline long skb_change_proto(__sk_buff* skb, uint16_t protocol, uint64_t flags) {
    return helper<31, long, __sk_buff*, uint16_t, uint64_t>(skb, protocol, flags);
}
inline long skb_change_tail(__sk_buff* skb, uint32_t length) {
    return helper<38, long, __sk_buff*, uint32_t, uint64_t>(skb, length, 0);
}
inline long skb_pull_data(__sk_buff* skb, uint32_t length) { return helper<39, long, __sk_buff*, uint32_t>(skb, length); }
inline long xdp_adjust_head(xdp_md* xdp, int delta) { return helper<44, long, xdp_md*, int>(xdp, delta); }
inline long skb_adjust_room(__sk_buff* skb, int difference, uint32_t mode, uint64_t flags) {
    return helper<50, long, __sk_buff*, int, uint32_t, uint64_t>(skb, difference, mode, flags);
}
inline long redirect_map(void* map, uint64_t key, uint64_t flags) {
    return helper<51, long, void*, uint64_t, uint64_t>(map, key, flags);
}
inline long xdp_adjust_tail(xdp_md* xdp, int delta) { return helper<65, long, xdp_md*, int>(xdp, delta); }
inline uint64_t jiffies64() { return helper<118, uint64_t>(); }
inline long redirect_peer(uint32_t ifindex, uint64_t flags) { return helper<155, long, uint32_t, uint64_t>(ifindex, flags); }
inline uint64_t ktime_get_coarse_ns() { return helper<160, uint64_t>(); }

}  // namespace biplane::bpf
