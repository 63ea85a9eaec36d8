#include "traffic/frame.hpp"

#include <arpa/inet.h>
#include <netinet/ether.h>

#include <cstring>

#include "traffic/object.hpp"

namespace biplane::traffic {
namespace {

constexpr uint32_t ethernet_bytes = 14;
constexpr uint32_t ipv4_bytes = 20;
constexpr uint32_t ipv6_bytes = 40;
constexpr uint32_t udp_bytes = 8;
constexpr uint32_t vxlan_bytes = 8;
constexpr uint32_t tunnel_bytes = ethernet_bytes + ipv4_bytes + udp_bytes + vxlan_bytes;
constexpr uint16_t vxlan_port = 4789;

bool is_ipv6(const Ends& ends) { return ends.source.find(':') != std::string::npos; }

void put16(uint8_t* to, uint32_t value) {
    to[0] = static_cast<uint8_t>(value >> 8);
    to[1] = static_cast<uint8_t>(value);
}

// Not folded (RFC 1071).
uint32_t sum_of(const uint8_t* bytes, uint32_t count) {
    uint32_t sum = 0;
    for (uint32_t at = 0; at + 1 < count; at += 2) sum += static_cast<uint32_t>(bytes[at]) << 8 | bytes[at + 1];
    return sum;
}

void put_mac(uint8_t* to, const std::string& text) {
    if (!ether_aton_r(text.c_str(), reinterpret_cast<ether_addr*>(to))) stop("not a MAC address: '" + text + "'");
}

void put_address(uint8_t* to, int family, const std::string& text) {
    if (inet_pton(family, text.c_str(), to) != 1) stop("not an address of this family: '" + text + "'");
}

// Ethernet, IP and UDP at `to`; `bytes` from the Ethernet header to the end of the frame. Returns where the UDP header lies.
uint8_t* put_headers(uint8_t* to, const Ends& ends, uint32_t bytes) {
    put_mac(to, ends.destination_mac);
    put_mac(to + 6, ends.source_mac);
    uint8_t* network = to + ethernet_bytes;
    const bool ipv6 = is_ipv6(ends);
    put16(to + 12, ipv6 ? 0x86dd : 0x0800);
    uint8_t* udp = network + (ipv6 ? ipv6_bytes : ipv4_bytes);
    if (ipv6) {
        network[0] = 0x60;
        put16(network + 4, bytes - ethernet_bytes - ipv6_bytes);
        network[6] = IPPROTO_UDP;
        network[7] = 64;
        put_address(network + 8, AF_INET6, ends.source);
        put_address(network + 24, AF_INET6, ends.destination);
    } else {
        network[0] = 0x45;
        put16(network + 2, bytes - ethernet_bytes);
        network[8] = 64;
        network[9] = IPPROTO_UDP;
        put_address(network + 12, AF_INET, ends.source);
        put_address(network + 16, AF_INET, ends.destination);
        uint32_t sum = sum_of(network, ipv4_bytes);
        while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
        put16(network + 10, ~sum & 0xffff);
    }
    put16(udp + 4, static_cast<uint32_t>(to + bytes - udp));
    return udp;
}

}  // namespace

uint32_t frame_bytes(const FrameOptions& options) { return options.bytes + (options.vni ? tunnel_bytes : 0); }

void plan_frame(const FrameOptions& options, FramePlan& plan) {
    if (options.bytes < 64 || options.bytes > 1514) stop("frames have 64 to 1514 bytes");
    uint8_t* inner = plan.header + (options.vni ? tunnel_bytes : 0);
    const bool ipv6 = is_ipv6(options.inner);
    uint8_t* udp = put_headers(inner, options.inner, options.bytes);
    plan.transport = static_cast<uint32_t>(udp - plan.header);
    // IPv6 has no UDP without checksum (RFC 8200, 8.1): pseudo header and UDP header; ports are still 0, and so is the payload.
    plan.checksum =
        ipv6 ? sum_of(inner + ethernet_bytes + 8, 32) + 2 * (options.bytes - ethernet_bytes - ipv6_bytes) + IPPROTO_UDP : 0;
    if (options.vni) {
        uint8_t* outer = put_headers(plan.header, options.outer, frame_bytes(options));
        put16(outer + 2, vxlan_port);
        outer[udp_bytes] = 0x08;  // RFC 7348, 5: the VNI is valid
        put16(outer + udp_bytes + 4, options.vni >> 8);
        outer[udp_bytes + 6] = static_cast<uint8_t>(options.vni);
        plan.outer_transport = static_cast<uint32_t>(outer - plan.header);
    }
    plan.words = options.vni ? (ipv6 ? 14 : 12) : (ipv6 ? 8 : 6);
}

}  // namespace biplane::traffic
