// Protocol headers as they stand on the wire. Packed: nothing in a packet is aligned.
#pragma once
#include "layout/tables.hpp"

namespace biplane {

constexpr be16 ethertype_ipv4 = be16::from_host(0x0800);
constexpr be16 ethertype_arp = be16::from_host(0x0806);
constexpr be16 ethertype_ipv6 = be16::from_host(0x86dd);

namespace protocol {  // IANA protocol numbers
constexpr uint8_t hop_by_hop = 0;
constexpr uint8_t icmp = 1;
constexpr uint8_t tcp = 6;
constexpr uint8_t udp = 17;
constexpr uint8_t routing = 43;
constexpr uint8_t fragment = 44;
constexpr uint8_t icmpv6 = 58;
constexpr uint8_t destination_options = 60;
constexpr uint8_t sctp = 132;
}  // namespace protocol

struct BIPLANE_UNALIGNED EthernetHeader {
    MacAddress destination;
    MacAddress source;
    be16 ethertype;
};
static_assert(sizeof(EthernetHeader) == 14);

// RFC 826, for IPv4 over Ethernet.
struct __attribute__((packed)) ArpPacket {
    be16 hardware_type;
    be16 protocol_type;
    uint8_t hardware_length;
    uint8_t protocol_length;
    be16 operation;
    MacAddress sender_mac;
    be32 sender_address;
    MacAddress target_mac;
    be32 target_address;
};
static_assert(sizeof(ArpPacket) == 28);

// RFC 791, section 3.1.
struct BIPLANE_UNALIGNED Ipv4Header {
    uint8_t version_and_length;  // length of the header in the low four bits, in words of four bytes
    uint8_t traffic_class;
    be16 total_length;
    be16 identification;
    be16 fragment;  // flags in the upper three bits, offset in units of eight bytes below
    uint8_t ttl;
    uint8_t protocol;
    be16 checksum;
    be32 source;
    be32 destination;
};
static_assert(sizeof(Ipv4Header) == 20);
constexpr uint16_t ipv4_do_not_fragment = 0x4000;
constexpr uint16_t ipv4_more_fragments = 0x2000;
constexpr uint16_t ipv4_fragment_offset = 0x1fff;

// RFC 8200, section 3. Addresses as two words in network byte order.
struct BIPLANE_UNALIGNED Ipv6Header {
    be32 version_class_label;
    be16 payload_length;
    uint8_t next_header;
    uint8_t hop_limit;
    uint64_t source[2];
    uint64_t destination[2];
};
static_assert(sizeof(Ipv6Header) == 40);

// RFC 8200, section 4.5.
struct BIPLANE_UNALIGNED Ipv6Fragment {
    uint8_t next_header;
    uint8_t reserved;
    be16 offset_and_more;  // offset in units of eight bytes in the upper 13 bits, "more" in the lowest
    be32 identification;
};
static_assert(sizeof(Ipv6Fragment) == 8);

struct BIPLANE_UNALIGNED TcpHeader {
    be16 source_port;
    be16 destination_port;
    be32 sequence;
    be32 acknowledgment;
    uint8_t data_offset;  // upper four bits, in words of four bytes
    uint8_t flags;
    be16 window;
    be16 checksum;
    be16 urgent;
};
static_assert(sizeof(TcpHeader) == 20);

namespace tcp_flag {
constexpr uint8_t fin = 0x01;
constexpr uint8_t syn = 0x02;
constexpr uint8_t rst = 0x04;
constexpr uint8_t ack = 0x10;
}  // namespace tcp_flag

// RFC 9260, sections 3.1 and 3.2.
struct BIPLANE_UNALIGNED SctpHeader {
    be16 source_port;
    be16 destination_port;
    be32 verification_tag;
    be32 checksum;
};
static_assert(sizeof(SctpHeader) == 12);

struct BIPLANE_UNALIGNED SctpChunk {
    uint8_t type;
    uint8_t flags;
    be16 length;  // with these four bytes, without padding to a multiple of four
};
static_assert(sizeof(SctpChunk) == 4);

// What a packet's chunks are to its association: the first of these that one of them is. `reflected`: with the T bit, the tag
// is the other direction's (RFC 9260, section 8.5.1).
enum class SctpEvent : uint8_t {
    none,
    init,
    init_ack,
    abort,
    abort_reflected,
    shutdown_complete,
    shutdown_complete_reflected,
    cookie_echo,
    cookie_ack,
    shutdown,
    shutdown_ack,
    other,
};

struct BIPLANE_UNALIGNED UdpHeader {
    be16 source_port;
    be16 destination_port;
    be16 length;
    be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8);

// ICMP and ICMPv6 share these eight bytes (RFC 792, RFC 4443).
struct BIPLANE_UNALIGNED IcmpHeader {
    uint8_t type;
    uint8_t code;
    be16 checksum;
    be16 identifier;  // of queries
    be16 sequence;    // echo; the next hop's MTU in "fragmentation needed" (RFC 1191)
};
static_assert(sizeof(IcmpHeader) == 8);

namespace icmp_type {
constexpr uint8_t echo_reply = 0;
constexpr uint8_t unreachable = 3;
constexpr uint8_t source_quench = 4;
constexpr uint8_t redirect = 5;
constexpr uint8_t echo_request = 8;
constexpr uint8_t time_exceeded = 11;
constexpr uint8_t parameter_problem = 12;
constexpr uint8_t timestamp = 13;
constexpr uint8_t information = 15;
constexpr uint8_t address_mask = 17;
constexpr uint8_t extended_echo = 42;  // RFC 8335
}  // namespace icmp_type
constexpr uint8_t icmp_code_fragmentation_needed = 4;

namespace icmpv6_type {
constexpr uint8_t unreachable = 1;
constexpr uint8_t packet_too_big = 2;
constexpr uint8_t time_exceeded = 3;
constexpr uint8_t last_error = 127;  // types up to here are errors (RFC 4443, section 2.1)
constexpr uint8_t echo_request = 128;
constexpr uint8_t echo_reply = 129;
constexpr uint8_t router_solicitation = 133;
constexpr uint8_t router_advertisement = 134;
constexpr uint8_t neighbour_solicitation = 135;
constexpr uint8_t neighbour_advertisement = 136;
constexpr uint8_t redirect = 137;
constexpr uint8_t extended_echo = 160;  // RFC 8335
}  // namespace icmpv6_type

// RFC 4861, sections 4.3 and 4.4: solicitation and advertisement have the same form, and options behind it.
struct BIPLANE_UNALIGNED NeighbourMessage {
    uint8_t type;
    uint8_t code;
    be16 checksum;
    be32 flags;  // advertisement: router, solicited, override in the upper three bits
    uint64_t target[2];
};
static_assert(sizeof(NeighbourMessage) == 24);

// RFC 4861, section 4.6. All options begin with type and length; this is how a link-layer address stands in one.
struct BIPLANE_UNALIGNED LinkLayerOption {
    uint8_t type;
    uint8_t length;  // in units of eight bytes
    MacAddress mac;
};
static_assert(sizeof(LinkLayerOption) == 8);
constexpr uint8_t nd_option_source_address = 1;
constexpr uint8_t nd_option_target_address = 2;

// RFC 7348, section 5.
struct BIPLANE_UNALIGNED VxlanHeader {
    be32 flags_and_reserved;  // flags in the upper eight bits
    be32 vni_and_reserved;    // VNI in the upper 24 bits
};
static_assert(sizeof(VxlanHeader) == 8);
constexpr uint8_t vxlan_flag_vni = 0x08;
constexpr be16 vxlan_port = be16::from_host(4789);

constexpr uint32_t tunnel_ipv4_bytes = sizeof(Ipv4Header) + sizeof(UdpHeader) + sizeof(VxlanHeader) + sizeof(EthernetHeader);
constexpr uint32_t tunnel_ipv6_bytes = sizeof(Ipv6Header) + sizeof(UdpHeader) + sizeof(VxlanHeader) + sizeof(EthernetHeader);
static_assert(tunnel_ipv4_bytes == 50 && tunnel_ipv6_bytes == 70);

}  // namespace biplane
