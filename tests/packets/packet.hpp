// Packets in one sentence:
//
//     Packet().ethernet(web_mac, router_mac).ipv4("10.0.0.10", "10.0.0.11").ttl(1).udp(5000, 53).payload("hello")
//
// Layers are added from the outside in. Every call returns a changed copy, so a packet can be the start of others:
// `ping.ttl(63)`. A call that changes a field changes it in the innermost layer that has that field. Lengths, protocol
// numbers and checksums are computed by bytes(), from the finished packet, unless they were set by hand.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "layout/address.hpp"
#include "packets/checksum.hpp"

namespace biplane::packets {

// "10.0.0.1" or "fd00:a::1"; "02:00:00:00:00:01". Aborts on anything else: a test that misspells an address is no test.
Address address(std::string_view text);
MacAddress mac(std::string_view text);

enum class Layer : uint8_t {
    ethernet,
    arp,
    ipv4,
    ipv6,
    hop_by_hop,
    destination_options,
    routing,
    fragment,
    tcp,
    udp,
    icmp,
    icmpv6,
    sctp,
    vxlan,
    payload
};

namespace tcp {
constexpr uint8_t fin = 0x01, syn = 0x02, rst = 0x04, psh = 0x08, ack = 0x10, urg = 0x20;
}
namespace protocol {
constexpr uint8_t hop_by_hop = 0, icmp = 1, tcp = 6, udp = 17, routing = 43, fragment = 44, gre = 47, esp = 50, icmpv6 = 58,
                  no_next_header = 59, destination_options = 60, sctp = 132, experimental = 253;
}

class Packet {
   public:
    // --- link layer ---
    Packet ethernet(const MacAddress& source, const MacAddress& destination) const;
    Packet ethertype(uint16_t value) const;
    Packet macs(const MacAddress& source, const MacAddress& destination) const;  // of the outermost Ethernet header
    Packet arp(uint16_t operation, const MacAddress& sender_mac, std::string_view sender, const MacAddress& target_mac,
               std::string_view target) const;

    // --- network layer ---
    Packet ipv4(std::string_view source, std::string_view destination) const;
    Packet ipv6(std::string_view source, std::string_view destination) const;
    Packet ip(std::string_view source, std::string_view destination) const;  // whichever family the addresses are of
    Packet ttl(uint8_t value) const;                                         // or hop limit
    Packet traffic_class(uint8_t value) const;                               // DSCP and ECN
    Packet protocol(uint8_t value) const;                                    // of the innermost IP or extension header
    Packet version(uint8_t value) const;
    Packet length_field(uint16_t value) const;  // IPv4 total length, IPv6 payload length
    Packet identification(uint16_t value) const;
    Packet dont_fragment(bool on = true) const;
    Packet fragment(uint16_t offset_bytes, bool more) const;  // IPv4 header fields; for IPv6 use fragment_header
    Packet ipv4_options(const Bytes& options) const;          // padded with zero to a multiple of four
    Packet header_words(uint8_t value) const;                 // IPv4 IHL
    Packet ipv4_checksum(uint16_t value) const;
    Packet hop_by_hop(uint8_t units = 0) const;  // options header, 8 + 8 * units bytes of padding options
    Packet destination_options(uint8_t units = 0) const;
    Packet routing_header(uint8_t type, uint8_t segments_left) const;
    Packet fragment_header(uint16_t offset_bytes, bool more, uint32_t identification = 0x1234) const;

    // --- transport layer ---
    Packet tcp(uint16_t source, uint16_t destination, uint8_t flags) const;
    Packet sequence(uint32_t sequence, uint32_t acknowledgment) const;
    Packet tcp_options(const Bytes& options) const;
    Packet data_offset(uint8_t words) const;
    Packet udp(uint16_t source, uint16_t destination) const;
    Packet udp_length(uint16_t value) const;
    Packet sctp(uint16_t source, uint16_t destination, uint32_t verification_tag = 0x600df00d) const;
    Packet echo_request(uint16_t identifier, uint16_t sequence = 1) const;  // ICMP or ICMPv6, after the IP header's family
    Packet echo_reply(uint16_t identifier, uint16_t sequence = 1) const;
    Packet icmp(uint8_t type, uint8_t code, uint32_t rest_of_header = 0) const;  // family as above
    Packet neighbour_solicitation(std::string_view target, const MacAddress* source_link_address) const;
    Packet neighbour_advertisement(std::string_view target, uint32_t flags, const MacAddress& target_link_address) const;
    Packet transport_checksum(uint16_t value) const;

    // --- tunnel and the rest ---
    Packet vxlan(uint32_t vni, uint8_t flags = 0x08) const;
    Packet payload(std::string_view text) const;
    Packet payload(const Bytes& bytes) const;
    Packet filler(size_t length) const;          // payload of counted bytes
    Packet carrying(const Packet& inner) const;  // all layers of another packet, its trailer and damage included

    // --- what happens to the finished bytes, in the order of the calls ---
    Packet cut_to(size_t length) const;
    Packet trailer(size_t length) const;  // zeros behind the packet: Ethernet padding
    Packet patched(size_t offset, const Bytes& replacement) const;

    Bytes bytes() const;

   private:
    struct Header {
        Layer layer;
        Bytes bytes;
        bool length_by_hand = false;
        bool checksum_by_hand = false;
        bool protocol_by_hand = false;
    };
    struct Damage {
        enum class Kind : uint8_t { cut, trailer, patch } kind;
        size_t position;
        Bytes replacement;
    };

    Packet with(Layer layer, Bytes bytes) const;
    Header& innermost(std::initializer_list<Layer> layers);
    const Header& network_header_of(size_t index) const;
    bool is_ipv6_inside() const;
    Packet icmp_message(Bytes message) const;

    Bytes finished(size_t index, const Bytes& content) const;
    void finish_ipv4(Header& header, size_t content_length) const;
    void finish_transport(Header& header, const Bytes& content, size_t index) const;
    uint8_t protocol_after(size_t index) const;
    static void apply(const Damage& damage, Bytes& bytes);

    std::vector<Header> headers_;
    std::vector<Damage> damages_;
};

// Writing and reading of numbers in network order.
void put16(Bytes& bytes, size_t offset, uint16_t value);
void put32(Bytes& bytes, size_t offset, uint32_t value);
uint16_t get16(const Bytes& bytes, size_t offset);
uint32_t get32(const Bytes& bytes, size_t offset);

}  // namespace biplane::packets
