// What the generator's and the sink's programs (BPF) are told by their processes: global data of the BPF objects, mapped.
//
//   frame without a tunnel:  Ethernet | IP | UDP | zeros
//   with VXLAN:              Ethernet | IPv4 | UDP | VXLAN | Ethernet | IP | UDP | zeros
//
// Flow n has source port 1 + n % source_ports and destination port first_destination_port + n / source_ports; all else is equal.
#pragma once
#include "layout/integers.hpp"

namespace biplane::traffic {

constexpr uint32_t header_bytes_max = 112;  // VXLAN over IPv4 with IPv6 inside
constexpr uint32_t source_ports = 65000;
constexpr uint32_t first_destination_port = 5001;

struct FramePlan {
    uint8_t header[header_bytes_max];
    uint32_t words;            // of 8 bytes that are written into every frame: 6, 8, 12 or 14
    uint32_t transport;        // offset of the (inner) UDP header
    uint32_t outer_transport;  // of the outer one; 0: no tunnel
    uint32_t flows;            // 0: every frame is a new flow
    uint32_t swap_ports;       // 1: the answers to those flows
    uint32_t checksum;         // not folded sum of all that the UDP checksum covers but the ports; 0: none is written
    uint32_t ifindex;          // where frames are sent
    uint64_t next;             // number of the next frame
    uint64_t first_ns;         // CLOCK_MONOTONIC at the first frame, and at the last one whose number 64 divides:
    uint64_t last_ns;          // between them nothing is set up or taken down
};

struct SinkPlan {
    uint32_t network;      // offset of the (inner) IP header
    uint32_t destination;  // last four bytes of the destination address, as they lie in the frame
    uint32_t bytes;        // of a whole frame
    uint32_t is_ipv4;      // its header checksum is verified in one of 64 frames
};

struct SinkCounters {
    uint64_t frames;  // to the destination, UDP
    uint64_t bytes;
    uint64_t bad;      // of these: wrong length or wrong header checksum
    uint64_t last_ns;  // CLOCK_MONOTONIC at the last frame whose number on this processor 64 divides
    uint64_t other;    // anything else (ARP, neighbour discovery); goes on to the stack
};

}  // namespace biplane::traffic
