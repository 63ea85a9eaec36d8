// Writes the headers of the next frame, with the ports of its flow. For programs that hold a FramePlan in `frame_plan`.
#pragma once
#include "planes/kernel/bpf_helpers.hpp"
#include "traffic/plan.hpp"

using biplane::traffic::FramePlan;

// Inline functions that clang leaves out of line would lie where libbpf does not look for subprograms.
#pragma clang attribute push(__attribute__((always_inline)), apply_to = function)

extern "C" {
__attribute__((section(".data"), used)) FramePlan frame_plan = {};
}

namespace biplane::traffic {

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
    const uint32_t source = 1 + flow % source_ports;
    const uint32_t destination = first_destination_port + flow / source_ports;
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

// False if the frame is too short.
inline bool write_next_frame(uint8_t* data, const uint8_t* end) {
    const uint64_t number = frame_plan.next++;  // one processor runs this
    const uint64_t flow = frame_plan.flows ? number % frame_plan.flows : number;
    return write_headers(data, end) && write_ports(data, end, flow);
}

}  // namespace biplane::traffic

#pragma clang attribute pop
