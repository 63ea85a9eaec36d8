// The fluent half of the builder: each call adds a layer or changes a field. packet_bytes.cpp computes the rest.
#include "packets/packet.hpp"

#include <arpa/inet.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace biplane::packets {

namespace {

[[noreturn]] void stop(const char* complaint, std::string_view text) {
    std::fprintf(stderr, "packet builder: %s: '%.*s'\n", complaint, static_cast<int>(text.size()), text.data());
    std::abort();
}

void append(Bytes& bytes, const void* data, size_t length) {
    const auto* first = static_cast<const uint8_t*>(data);
    bytes.insert(bytes.end(), first, first + length);
}

void append_mac(Bytes& bytes, const MacAddress& mac) { append(bytes, mac.bytes, sizeof mac.bytes); }

void append_ipv4(Bytes& bytes, std::string_view text) {
    const Address a = address(text);
    if (!is_ipv4(a)) stop("not an IPv4 address", text);
    const uint32_t raw = ipv4_of(a).raw;
    append(bytes, &raw, sizeof raw);
}

void append_ipv6(Bytes& bytes, std::string_view text) {
    in6_addr raw;
    if (inet_pton(AF_INET6, std::string(text).c_str(), &raw) != 1) stop("not an IPv6 address", text);
    append(bytes, &raw, sizeof raw);
}

}  // namespace

void put16(Bytes& bytes, size_t offset, uint16_t value) {
    bytes.at(offset) = static_cast<uint8_t>(value >> 8);
    bytes.at(offset + 1) = static_cast<uint8_t>(value);
}
void put32(Bytes& bytes, size_t offset, uint32_t value) {
    put16(bytes, offset, static_cast<uint16_t>(value >> 16));
    put16(bytes, offset + 2, static_cast<uint16_t>(value));
}
uint16_t get16(const Bytes& bytes, size_t offset) { return static_cast<uint16_t>(bytes.at(offset) << 8 | bytes.at(offset + 1)); }
uint32_t get32(const Bytes& bytes, size_t offset) { return uint32_t{get16(bytes, offset)} << 16 | get16(bytes, offset + 2); }

Address address(std::string_view text) {
    uint32_t four;
    if (inet_pton(AF_INET, std::string(text).c_str(), &four) == 1) return address_from_ipv4(be32{four});
    Address six;
    if (inet_pton(AF_INET6, std::string(text).c_str(), &six) != 1) stop("not an address", text);
    return six;
}

MacAddress mac(std::string_view text) {
    MacAddress result;
    uint8_t(&b)[6] = result.bytes;
    if (std::sscanf(std::string(text).c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", b, b + 1, b + 2, b + 3, b + 4, b + 5) != 6)
        stop("not a MAC address", text);
    return result;
}

Packet Packet::with(Layer layer, Bytes bytes) const {
    Packet copy = *this;
    copy.headers_.push_back({layer, std::move(bytes)});
    return copy;
}

Packet::Header& Packet::innermost(std::initializer_list<Layer> layers) {
    for (size_t i = headers_.size(); i-- > 0;)
        for (const Layer layer : layers)
            if (headers_[i].layer == layer) return headers_[i];
    stop("no layer has the field that was to be changed", "");
}

// --- link layer ---

Packet Packet::ethernet(const MacAddress& source, const MacAddress& destination) const {
    Bytes header;
    append_mac(header, destination);
    append_mac(header, source);
    header.resize(14);
    return with(Layer::ethernet, header);
}

Packet Packet::ethertype(uint16_t value) const {
    Packet copy = *this;
    Header& header = copy.innermost({Layer::ethernet});
    put16(header.bytes, 12, value);
    header.protocol_by_hand = true;
    return copy;
}

Packet Packet::macs(const MacAddress& source, const MacAddress& destination) const {
    Packet copy = *this;
    std::memcpy(copy.headers_.at(0).bytes.data(), destination.bytes, 6);
    std::memcpy(copy.headers_.at(0).bytes.data() + 6, source.bytes, 6);
    return copy;
}

Packet Packet::arp(uint16_t operation, const MacAddress& sender_mac, std::string_view sender, const MacAddress& target_mac,
                   std::string_view target) const {
    Bytes message{0, 1, 8, 0, 6, 4, 0, 0};  // Ethernet, IPv4, their address lengths (RFC 826)
    put16(message, 6, operation);
    append_mac(message, sender_mac);
    append_ipv4(message, sender);
    append_mac(message, target_mac);
    append_ipv4(message, target);
    return with(Layer::arp, message);
}

// --- network layer ---

Packet Packet::ipv4(std::string_view source, std::string_view destination) const {
    Bytes header{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0};
    append_ipv4(header, source);
    append_ipv4(header, destination);
    return with(Layer::ipv4, header);
}

Packet Packet::ipv6(std::string_view source, std::string_view destination) const {
    Bytes header{0x60, 0, 0, 0, 0, 0, 0, 64};
    append_ipv6(header, source);
    append_ipv6(header, destination);
    return with(Layer::ipv6, header);
}

Packet Packet::ip(std::string_view source, std::string_view destination) const {
    return destination.find(':') == std::string_view::npos ? ipv4(source, destination) : ipv6(source, destination);
}

Packet Packet::ttl(uint8_t value) const {
    Packet copy = *this;
    Header& header = copy.innermost({Layer::ipv4, Layer::ipv6});
    header.bytes[header.layer == Layer::ipv4 ? 8 : 7] = value;
    return copy;
}

Packet Packet::traffic_class(uint8_t value) const {
    Packet copy = *this;
    Header& header = copy.innermost({Layer::ipv4, Layer::ipv6});
    if (header.layer == Layer::ipv4) {
        header.bytes[1] = value;
    } else {
        header.bytes[0] = static_cast<uint8_t>((header.bytes[0] & 0xf0) | value >> 4);
        header.bytes[1] = static_cast<uint8_t>((header.bytes[1] & 0x0f) | value << 4);
    }
    return copy;
}

Packet Packet::protocol(uint8_t value) const {
    Packet copy = *this;
    Header& header =
        copy.innermost({Layer::ipv4, Layer::ipv6, Layer::hop_by_hop, Layer::destination_options, Layer::routing, Layer::fragment});
    header.bytes[header.layer == Layer::ipv4 ? 9 : header.layer == Layer::ipv6 ? 6 : 0] = value;
    header.protocol_by_hand = true;
    return copy;
}

Packet Packet::version(uint8_t value) const {
    Packet copy = *this;
    uint8_t& first = copy.innermost({Layer::ipv4, Layer::ipv6}).bytes[0];
    first = static_cast<uint8_t>(value << 4 | (first & 0x0f));
    return copy;
}

Packet Packet::length_field(uint16_t value) const {
    Packet copy = *this;
    Header& header = copy.innermost({Layer::ipv4, Layer::ipv6});
    put16(header.bytes, header.layer == Layer::ipv4 ? 2 : 4, value);
    header.length_by_hand = true;
    return copy;
}

Packet Packet::identification(uint16_t value) const {
    Packet copy = *this;
    put16(copy.innermost({Layer::ipv4}).bytes, 4, value);
    return copy;
}

Packet Packet::dont_fragment(bool on) const {
    Packet copy = *this;
    uint8_t& flags = copy.innermost({Layer::ipv4}).bytes[6];
    flags = static_cast<uint8_t>(on ? flags | 0x40 : flags & ~0x40);
    return copy;
}

Packet Packet::fragment(uint16_t offset_bytes, bool more) const {
    Packet copy = *this;
    Bytes& header = copy.innermost({Layer::ipv4}).bytes;
    put16(header, 6, static_cast<uint16_t>((header[6] & 0x40) << 8 | (more ? 0x2000 : 0) | offset_bytes / 8));
    return copy;
}

Packet Packet::ipv4_options(const Bytes& options) const {
    Packet copy = *this;
    Bytes& header = copy.innermost({Layer::ipv4}).bytes;
    append(header, options.data(), options.size());
    header.resize((header.size() + 3) / 4 * 4);
    header[0] = static_cast<uint8_t>(0x40 | header.size() / 4);
    return copy;
}

Packet Packet::header_words(uint8_t value) const {
    Packet copy = *this;
    uint8_t& first = copy.innermost({Layer::ipv4}).bytes[0];
    first = static_cast<uint8_t>((first & 0xf0) | value);
    return copy;
}

Packet Packet::ipv4_checksum(uint16_t value) const {
    Packet copy = *this;
    Header& header = copy.innermost({Layer::ipv4});
    put16(header.bytes, 10, value);
    header.checksum_by_hand = true;
    return copy;
}

namespace {
Bytes padding_options(uint8_t units) {  // one PadN option that fills the header (RFC 8200, section 4.2)
    Bytes header(8 + 8 * size_t{units});
    header[1] = units;
    header[2] = 1;
    header[3] = static_cast<uint8_t>(header.size() - 4);
    return header;
}
}  // namespace

Packet Packet::hop_by_hop(uint8_t units) const { return with(Layer::hop_by_hop, padding_options(units)); }
Packet Packet::destination_options(uint8_t units) const { return with(Layer::destination_options, padding_options(units)); }

Packet Packet::routing_header(uint8_t type, uint8_t segments_left) const {
    Bytes header{0, 2, type, segments_left, 0, 0, 0, 0};  // one segment, as of RFC 8200, section 4.4
    append_ipv6(header, "fd00:a::63");
    return with(Layer::routing, header);
}

Packet Packet::fragment_header(uint16_t offset_bytes, bool more, uint32_t identification) const {
    Bytes header(8);
    put16(header, 2, static_cast<uint16_t>((offset_bytes & ~7) | (more ? 1 : 0)));
    put32(header, 4, identification);
    return with(Layer::fragment, header);
}

}  // namespace biplane::packets
