// The fluent half of the builder, from the transport header inwards.
#include <arpa/inet.h>

#include "packets/packet.hpp"

namespace biplane::packets {

Packet Packet::tcp(uint16_t source, uint16_t destination, uint8_t flags) const {
    Bytes header(20);
    put16(header, 0, source);
    put16(header, 2, destination);
    put32(header, 4, 1000);
    put32(header, 8, (flags & tcp::ack) != 0 ? 2000 : 0);
    header[12] = 5 << 4;
    header[13] = flags;
    put16(header, 14, 65535);
    return with(Layer::tcp, header);
}

Packet Packet::sequence(uint32_t sequence, uint32_t acknowledgment) const {
    Packet copy = *this;
    Bytes& header = copy.innermost({Layer::tcp}).bytes;
    put32(header, 4, sequence);
    put32(header, 8, acknowledgment);
    return copy;
}

Packet Packet::tcp_options(const Bytes& options) const {
    Packet copy = *this;
    Bytes& header = copy.innermost({Layer::tcp}).bytes;
    header.insert(header.end(), options.begin(), options.end());
    header.resize((header.size() + 3) / 4 * 4);
    header[12] = static_cast<uint8_t>(header.size() / 4 << 4);
    return copy;
}

Packet Packet::data_offset(uint8_t words) const {
    Packet copy = *this;
    copy.innermost({Layer::tcp}).bytes[12] = static_cast<uint8_t>(words << 4);
    return copy;
}

Packet Packet::udp(uint16_t source, uint16_t destination) const {
    Bytes header(8);
    put16(header, 0, source);
    put16(header, 2, destination);
    return with(Layer::udp, header);
}

Packet Packet::udp_length(uint16_t value) const {
    Packet copy = *this;
    Header& header = copy.innermost({Layer::udp});
    put16(header.bytes, 4, value);
    header.length_by_hand = true;
    return copy;
}

Packet Packet::sctp(uint16_t source, uint16_t destination, uint32_t verification_tag) const {
    Bytes header(12);
    put16(header, 0, source);
    put16(header, 2, destination);
    put32(header, 4, verification_tag);
    return with(Layer::sctp, header);
}

bool Packet::is_ipv6_inside() const {
    for (size_t i = headers_.size(); i-- > 0;) {
        if (headers_[i].layer == Layer::ipv4) return false;
        if (headers_[i].layer == Layer::ipv6) return true;
    }
    return false;
}

Packet Packet::icmp_message(Bytes message) const {
    return with(is_ipv6_inside() ? Layer::icmpv6 : Layer::icmp, std::move(message));
}

Packet Packet::icmp(uint8_t type, uint8_t code, uint32_t rest_of_header) const {
    Bytes message(8);
    message[0] = type;
    message[1] = code;
    put32(message, 4, rest_of_header);
    return icmp_message(message);
}

Packet Packet::echo_request(uint16_t identifier, uint16_t sequence) const {
    return icmp(is_ipv6_inside() ? 128 : 8, 0, uint32_t{identifier} << 16 | sequence);
}

Packet Packet::echo_reply(uint16_t identifier, uint16_t sequence) const {
    return icmp(is_ipv6_inside() ? 129 : 0, 0, uint32_t{identifier} << 16 | sequence);
}

namespace {
Bytes neighbour_message(uint8_t type, uint32_t flags, std::string_view target) {
    Bytes message(24);
    message[0] = type;
    put32(message, 4, flags);
    inet_pton(AF_INET6, std::string(target).c_str(), message.data() + 8);
    return message;
}

void append_link_address_option(Bytes& message, uint8_t type, const MacAddress& address) {  // RFC 4861, section 4.6.1
    message.push_back(type);
    message.push_back(1);
    message.insert(message.end(), address.bytes, address.bytes + 6);
}
}  // namespace

Packet Packet::neighbour_solicitation(std::string_view target, const MacAddress* source_link_address) const {
    Bytes message = neighbour_message(135, 0, target);
    if (source_link_address != nullptr) append_link_address_option(message, 1, *source_link_address);
    return with(Layer::icmpv6, message);
}

Packet Packet::neighbour_advertisement(std::string_view target, uint32_t flags, const MacAddress& target_link_address) const {
    Bytes message = neighbour_message(136, flags, target);
    append_link_address_option(message, 2, target_link_address);
    return with(Layer::icmpv6, message);
}

Packet Packet::transport_checksum(uint16_t value) const {
    Packet copy = *this;
    Header& header = copy.innermost({Layer::tcp, Layer::udp, Layer::icmp, Layer::icmpv6});
    const size_t offset = header.layer == Layer::tcp ? 16 : header.layer == Layer::udp ? 6 : 2;
    put16(header.bytes, offset, value);
    header.checksum_by_hand = true;
    return copy;
}

Packet Packet::vxlan(uint32_t vni, uint8_t flags) const {
    Bytes header(8);  // RFC 7348, section 5
    header[0] = flags;
    put32(header, 4, vni << 8);
    return with(Layer::vxlan, header);
}

Packet Packet::payload(const Bytes& bytes) const { return with(Layer::payload, bytes); }

Packet Packet::payload(std::string_view text) const { return payload(Bytes(text.begin(), text.end())); }

Packet Packet::filler(size_t length) const {
    Bytes bytes(length);
    for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<uint8_t>(i);
    return payload(bytes);
}

Packet Packet::carrying(const Packet& inner) const {
    if (!inner.damages_.empty()) return payload(inner.bytes());
    Packet copy = *this;
    copy.headers_.insert(copy.headers_.end(), inner.headers_.begin(), inner.headers_.end());
    return copy;
}

}  // namespace biplane::packets
