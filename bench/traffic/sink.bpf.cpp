// Counts what arrives, looks whether it is what was sent, and drops it. At XDP and at tcx ingress: what XDP has dropped never gets
// to tcx, so a frame is counted once; redirect_peer puts packets behind XDP, where only tcx sees them.
#include "planes/kernel/bpf_helpers.hpp"
#include "traffic/plan.hpp"

using namespace biplane;
using traffic::SinkCounters;
using traffic::SinkPlan;

extern "C" {
__attribute__((section(".data"), used)) SinkPlan sink_plan = {};
}

struct sink_counters_map {
    int (*type)[BPF_MAP_TYPE_PERCPU_ARRAY];
    int (*max_entries)[1];
    int (*key_size)[4];
    int (*value_size)[sizeof(SinkCounters)];
};
extern "C" {
__attribute__((section(".maps"), used)) sink_counters_map sink_counters;
}

namespace {

constexpr uint8_t udp = 17;

inline bool has_valid_checksum(const uint8_t* header) {
    const auto* words = reinterpret_cast<const uint16_t*>(header);
    uint32_t sum = 0;
#pragma unroll
    for (uint32_t word = 0; word < 10; word++) sum += words[word];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

inline bool is_ours(const uint8_t* network) {
    const bool ipv4 = sink_plan.is_ipv4;
    const uint8_t protocol = ipv4 ? network[9] : network[6];
    const uint8_t* destination = ipv4 ? network + 16 : network + 36;
    return protocol == udp && *reinterpret_cast<const uint32_t*>(destination) == sink_plan.destination;
}

inline void look_closely(SinkCounters& counters, const uint8_t* network) {
    counters.last_ns = bpf::ktime_get_ns();
    if (sink_plan.is_ipv4 && !has_valid_checksum(network)) counters.bad += 64;  // it stands for those between
}

// True if the frame is one of the generator's.
inline bool count(const uint8_t* data, const uint8_t* end, uint32_t length) {
    const uint32_t zero = 0;
    auto* counters = static_cast<SinkCounters*>(bpf::map_lookup_elem(&sink_counters, &zero));
    if (!counters) return false;
    const uint8_t* network = data + (sink_plan.network & 127);
    if (network + 40 > end || !is_ours(network)) {
        counters->other++;
        return false;
    }
    counters->frames++;
    counters->bytes += length;
    if (length != sink_plan.bytes) counters->bad++;
    if ((counters->frames & 63) == 0) look_closely(*counters, network);
    return true;
}

}  // namespace

extern "C" __attribute__((section("xdp"), used)) int count_xdp(xdp_md* xdp) {
    const auto* data = reinterpret_cast<const uint8_t*>(static_cast<uint64_t>(xdp->data));
    const auto* end = reinterpret_cast<const uint8_t*>(static_cast<uint64_t>(xdp->data_end));
    return count(data, end, xdp->data_end - xdp->data) ? XDP_DROP : XDP_PASS;
}

extern "C" __attribute__((section("tc"), used)) int count_tcx(__sk_buff* skb) {
    constexpr int tc_next = -1;
    constexpr int tc_drop = 2;
    const auto* data = reinterpret_cast<const uint8_t*>(static_cast<uint64_t>(skb->data));
    const auto* end = reinterpret_cast<const uint8_t*>(static_cast<uint64_t>(skb->data_end));
    return count(data, end, skb->len) ? tc_drop : tc_next;
}

extern "C" __attribute__((section("license"), used)) const char _license[] = "GPL";
