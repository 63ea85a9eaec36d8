// The synthetic packet of `biplane trace`.
#pragma once
#include <cstdint>
#include <vector>

#include "layout/address.hpp"

namespace biplane {

struct TracePacket {
    MacAddress source_mac{};
    MacAddress destination_mac{};
    Address source{};
    Address destination{};
    uint8_t protocol = 0;
    uint16_t source_port = 0;  // ICMP echo: the identifier
    uint16_t destination_port = 0;
    uint8_t ttl = 64;
};
// An Ethernet frame: TCP SYN, UDP or ICMP echo request with 20 bytes of data, else 20 bytes of the protocol. All checksums
// are right. Source and destination are of one family.
std::vector<uint8_t> build_frame(const TracePacket& packet);

struct TraceTunnel {
    MacAddress source_mac{};
    MacAddress destination_mac{};
    Address source{};       // the other node
    Address destination{};  // this node
    uint32_t vni = 0;
};
// `frame` as another node would send it: in VXLAN (RFC 7348).
std::vector<uint8_t> encapsulate(const TraceTunnel& tunnel, const std::vector<uint8_t>& frame);

}  // namespace biplane
