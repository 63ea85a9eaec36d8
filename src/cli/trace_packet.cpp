#include "cli/trace_packet.hpp"

#include <array>

#include "datapath/wire/headers.hpp"

namespace biplane {
namespace {

using Bytes = std::vector<uint8_t>;

// Behind the ports (RFC 9260, sections 3.1 and 3.3.2): no verification tag yet, no checksum (a router verifies none), and an INIT
// chunk of 20 bytes: initiate tag 1, a window, a stream each way, first TSN 1.
constexpr std::array<uint8_t, 28> sctp_init = {0, 0, 0, 0, 0,   0,   0, 0, 1, 0, 0, 20, 0, 0,
                                               0, 1, 0, 0, 255, 255, 0, 1, 0, 1, 0, 0,  0, 1};

template <typename Header>
void append(Bytes& bytes, const Header& header) {
    const auto* begin = reinterpret_cast<const uint8_t*>(&header);
    bytes.insert(bytes.end(), begin, begin + sizeof header);
}

void append(Bytes& bytes, const Bytes& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

// The Internet checksum's sum (RFC 1071), not yet folded.
uint32_t sum_of(const Bytes& bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
    return sum;
}

be16 checksum_from(uint32_t sum) {
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return be16::from_host(static_cast<uint16_t>(~sum));
}

// RFC 9293, section 3.1 and RFC 8200, section 8.1: the sums of both come out the same, since lengths are below 2^16.
uint32_t pseudo_header_sum(const Address& source, const Address& destination, uint8_t protocol_number, size_t length) {
    Bytes bytes;
    for (const Address& address : {source, destination}) {
        if (is_ipv4(address))
            append(bytes, ipv4_of(address));
        else
            append(bytes, address.words);
    }
    return sum_of(bytes) + protocol_number + static_cast<uint32_t>(length);
}

template <typename Header>
Bytes with_checksum(Header header, const Bytes& payload, uint32_t pseudo_sum) {
    header.checksum = be16{0};
    Bytes bytes;
    append(bytes, header);
    append(bytes, payload);
    header.checksum = checksum_from(sum_of(bytes) + pseudo_sum);
    if (header.checksum.raw == 0) header.checksum = be16{0xffff};  // 0 would mean "none" in UDP; elsewhere both are right
    Bytes complete;
    append(complete, header);
    append(complete, payload);
    return complete;
}

Bytes transport_of(const TracePacket& packet) {
    const Bytes data(20, 0);  // enough for the header of any protocol with ports
    const be16 from = be16::from_host(packet.source_port), to = be16::from_host(packet.destination_port);
    const auto pseudo = [&](size_t length) {
        return pseudo_header_sum(packet.source, packet.destination, packet.protocol, length);
    };
    switch (packet.protocol) {
        case protocol::tcp: {
            const TcpHeader header{.source_port = from,
                                   .destination_port = to,
                                   .sequence = be32::from_host(1),
                                   .acknowledgment = {},
                                   .data_offset = sizeof(TcpHeader) / 4 << 4,
                                   .flags = tcp_flag::syn,
                                   .window = be16::from_host(65535)};
            return with_checksum(header, {}, pseudo(sizeof header));
        }
        case protocol::udp: {
            const UdpHeader header{from, to, be16::from_host(static_cast<uint16_t>(sizeof(UdpHeader) + data.size())), {}};
            return with_checksum(header, data, pseudo(sizeof header + data.size()));
        }
        case protocol::icmp:
            return with_checksum(IcmpHeader{icmp_type::echo_request, 0, {}, from, be16::from_host(1)}, data, 0);
        case protocol::icmpv6:
            return with_checksum(IcmpHeader{icmpv6_type::echo_request, 0, {}, from, be16::from_host(1)}, data,
                                 pseudo(sizeof(IcmpHeader) + data.size()));
        case protocol::sctp: {
            Bytes init;
            append(init, std::array<be16, 2>{from, to});
            append(init, sctp_init);
            return init;
        }
        default:
            return data;
    }
}

void append_network_header(Bytes& bytes, const Address& source, const Address& destination, uint8_t protocol_number, uint8_t ttl,
                           size_t payload) {
    if (!is_ipv4(destination)) {
        Ipv6Header header{};
        header.version_class_label = be32::from_host(6u << 28);
        header.payload_length = be16::from_host(static_cast<uint16_t>(payload));
        header.next_header = protocol_number;
        header.hop_limit = ttl;
        for (int i = 0; i < 2; ++i) header.source[i] = source.words[i], header.destination[i] = destination.words[i];
        return append(bytes, header);
    }
    Ipv4Header header{};
    header.version_and_length = 0x45;
    header.total_length = be16::from_host(static_cast<uint16_t>(sizeof header + payload));
    header.fragment = be16::from_host(ipv4_do_not_fragment);
    header.ttl = ttl;
    header.protocol = protocol_number;
    header.source = ipv4_of(source);
    header.destination = ipv4_of(destination);
    Bytes alone;
    append(alone, header);
    header.checksum = checksum_from(sum_of(alone));
    append(bytes, header);
}

void append_ethernet_header(Bytes& bytes, const MacAddress& source, const MacAddress& destination, const Address& family) {
    append(bytes, EthernetHeader{destination, source, is_ipv4(family) ? ethertype_ipv4 : ethertype_ipv6});
}

}  // namespace

std::vector<uint8_t> build_frame(const TracePacket& packet) {
    const Bytes transport = transport_of(packet);
    Bytes frame;
    append_ethernet_header(frame, packet.source_mac, packet.destination_mac, packet.destination);
    append_network_header(frame, packet.source, packet.destination, packet.protocol, packet.ttl, transport.size());
    append(frame, transport);
    return frame;
}

std::vector<uint8_t> encapsulate(const TraceTunnel& tunnel, const std::vector<uint8_t>& frame) {
    constexpr uint16_t entropy_port = 49152;
    Bytes payload;
    append(payload, VxlanHeader{be32::from_host(uint32_t{vxlan_flag_vni} << 24), be32::from_host(tunnel.vni << 8)});
    append(payload, frame);
    const UdpHeader header{
        be16::from_host(entropy_port), vxlan_port, be16::from_host(static_cast<uint16_t>(sizeof(UdpHeader) + payload.size())), {}};
    const Bytes datagram = with_checksum(
        header, payload, pseudo_header_sum(tunnel.source, tunnel.destination, protocol::udp, sizeof header + payload.size()));
    Bytes outer;
    append_ethernet_header(outer, tunnel.source_mac, tunnel.destination_mac, tunnel.destination);
    append_network_header(outer, tunnel.source, tunnel.destination, protocol::udp, 64, datagram.size());
    append(outer, datagram);
    return outer;
}

}  // namespace biplane
