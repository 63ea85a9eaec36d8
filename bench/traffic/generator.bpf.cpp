// Writes a fresh header into every frame that the kernel's test run hands out (they are recycled with everybody's edits) and
// sends it through the interface, as if its owner had.
#include "planes/kernel/bpf_helpers.hpp"
#include "traffic/plan.hpp"

using namespace biplane;
using traffic::FramePlan;

extern "C" {
__attribute__((section(".data"), used)) FramePlan frame_plan = {};
}

namespace {

inline uint16_t network_order(uint32_t value) { return __builtin_bswap16(static_cast<uint16_t>(value)); }

inline uint16_t folded(uint32_t sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

template <uint32_t Words>
inline bool write_header(uint8_t* data, const uint8_t* end) {
    if (data + Words * 8 > end) return false;
    const auto* from = reinterpret_cast<const uint64_t*>(frame_plan.header);
    auto* to = reinterpret_cast<uint64_t*>(data);
#pragma unroll
    for (uint32_t word = 0; word < Words; word++) to[word] = from[word];
    return true;
}

inline bool write_headers(uint8_t* data, const uint8_t* end) {
    switch (frame_plan.words) {
        case 6:
            return write_header<6>(data, end);
        case 8:
            return write_header<8>(data, end);
        case 12:
            return write_header<12>(data, end);
        default:
            return write_header<14>(data, end);
    }
}

inline bool write_ports(uint8_t* data, const uint8_t* end, uint64_t flow) {
    uint8_t* udp = data + (frame_plan.transport & 127);
    if (udp + 8 > end) return false;
    const uint32_t source = 1 + flow % traffic::source_ports;
    const uint32_t destination = traffic::first_destination_port + flow / traffic::source_ports;
    auto* ports = reinterpret_cast<uint16_t*>(udp);
    ports[0] = network_order(frame_plan.swap_ports ? destination : source);
    ports[1] = network_order(frame_plan.swap_ports ? source : destination);
    if (frame_plan.checksum) ports[3] = network_order(folded(frame_plan.checksum + source + destination));
    if (frame_plan.outer_transport == 0) return true;
    uint8_t* outer = data + (frame_plan.outer_transport & 63);
    if (outer + 2 > end) return false;
    *reinterpret_cast<uint16_t*>(outer) = network_order(49152 + (flow & 0x3fff));  // RFC 7348: the entropy of the inner flow
    return true;
}

inline void note_time() {
    frame_plan.last_ns = bpf::ktime_get_ns();
    if (frame_plan.first_ns == 0) frame_plan.first_ns = frame_plan.last_ns;
}

}  // namespace

extern "C" __attribute__((section("xdp"), used)) int generate(xdp_md* xdp) {
    auto* data = reinterpret_cast<uint8_t*>(static_cast<uint64_t>(xdp->data));
    const auto* end = reinterpret_cast<const uint8_t*>(static_cast<uint64_t>(xdp->data_end));
    const uint64_t number = frame_plan.next++;  // one processor runs this
    if ((number & 63) == 0) note_time();
    const uint64_t flow = frame_plan.flows ? number % frame_plan.flows : number;
    if (!write_headers(data, end) || !write_ports(data, end, flow)) return XDP_ABORTED;
    return static_cast<int>(bpf::redirect(frame_plan.ifindex, 0));
}

extern "C" __attribute__((section("license"), used)) const char _license[] = "GPL";
