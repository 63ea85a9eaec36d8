// From layers to bytes: built from the inside out, so that every header knows what it carries.
#include <algorithm>

#include "packets/packet.hpp"

namespace biplane::packets {

namespace {

// The number by which an IP or extension header announces the layer behind it.
uint8_t protocol_number(Layer layer) {
    switch (layer) {
        case Layer::hop_by_hop:
            return protocol::hop_by_hop;
        case Layer::destination_options:
            return protocol::destination_options;
        case Layer::routing:
            return protocol::routing;
        case Layer::fragment:
            return protocol::fragment;
        case Layer::tcp:
            return protocol::tcp;
        case Layer::udp:
            return protocol::udp;
        case Layer::icmp:
            return protocol::icmp;
        case Layer::icmpv6:
            return protocol::icmpv6;
        case Layer::sctp:
            return protocol::sctp;
        case Layer::ipv4:
            return 4;
        case Layer::ipv6:
            return 41;
        case Layer::ethernet:
        case Layer::arp:
        case Layer::vxlan:
        case Layer::payload:
            return protocol::experimental;
    }
    return protocol::experimental;
}

uint16_t ethertype_of(Layer layer) {
    switch (layer) {
        case Layer::arp:
            return 0x0806;
        case Layer::ipv4:
            return 0x0800;
        case Layer::ipv6:
            return 0x86dd;
        default:
            return 0x88b5;  // IEEE 802, local experimental
    }
}

// RFC 9293, section 3.1 and RFC 8200, section 8.1.
Bytes pseudo_header(const Bytes& network_header, bool is_ipv6, uint8_t protocol, size_t length) {
    Bytes pseudo;
    if (is_ipv6) {
        pseudo.assign(network_header.begin() + 8, network_header.begin() + 40);
        pseudo.resize(40);
        put32(pseudo, 32, static_cast<uint32_t>(length));
        pseudo[39] = protocol;
    } else {
        pseudo.assign(network_header.begin() + 12, network_header.begin() + 20);
        pseudo.resize(12);
        pseudo[9] = protocol;
        put16(pseudo, 10, static_cast<uint16_t>(length));
    }
    return pseudo;
}

}  // namespace

const Packet::Header& Packet::network_header_of(size_t index) const {
    while (index-- > 0)
        if (headers_[index].layer == Layer::ipv4 || headers_[index].layer == Layer::ipv6) return headers_[index];
    static const Header none{Layer::ipv4, Bytes(20)};
    return none;
}

uint8_t Packet::protocol_after(size_t index) const {
    if (index + 1 < headers_.size()) return protocol_number(headers_[index + 1].layer);
    return headers_[index].layer == Layer::ipv4 ? protocol::experimental : protocol::no_next_header;
}

void Packet::finish_ipv4(Header& header, size_t content_length) const {
    if (!header.length_by_hand) put16(header.bytes, 2, static_cast<uint16_t>(header.bytes.size() + content_length));
    if (!header.checksum_by_hand) put16(header.bytes, 10, internet_checksum(header.bytes));
}

void Packet::finish_transport(Header& header, const Bytes& content, size_t index) const {
    const bool is_udp = header.layer == Layer::udp;
    if (is_udp && !header.length_by_hand) put16(header.bytes, 4, static_cast<uint16_t>(8 + content.size()));
    if (header.checksum_by_hand) return;

    const size_t field = header.layer == Layer::tcp ? 16 : is_udp ? 6 : 2;
    const Header& network = network_header_of(index);
    Bytes covered;
    if (header.layer != Layer::icmp)
        covered = pseudo_header(network.bytes, network.layer == Layer::ipv6, protocol_number(header.layer),
                                header.bytes.size() + content.size());
    covered.insert(covered.end(), header.bytes.begin(), header.bytes.end());
    covered.insert(covered.end(), content.begin(), content.end());
    const uint16_t sum = internet_checksum(covered);
    put16(header.bytes, field, is_udp && sum == 0 ? 0xffff : sum);  // RFC 768: zero means none
}

Bytes Packet::finished(size_t index, const Bytes& content) const {
    Header header = headers_[index];
    Bytes& bytes = header.bytes;
    switch (header.layer) {
        case Layer::ethernet:
            if (!header.protocol_by_hand)
                put16(bytes, 12, ethertype_of(index + 1 < headers_.size() ? headers_[index + 1].layer : Layer::payload));
            break;
        case Layer::ipv4:
            if (!header.protocol_by_hand) bytes[9] = protocol_after(index);
            finish_ipv4(header, content.size());
            break;
        case Layer::ipv6:
            if (!header.protocol_by_hand) bytes[6] = protocol_after(index);
            if (!header.length_by_hand) put16(bytes, 4, static_cast<uint16_t>(content.size()));
            break;
        case Layer::hop_by_hop:
        case Layer::destination_options:
        case Layer::routing:
        case Layer::fragment:
            if (!header.protocol_by_hand) bytes[0] = protocol_after(index);
            break;
        case Layer::tcp:
        case Layer::udp:
        case Layer::icmp:
        case Layer::icmpv6:
            finish_transport(header, content, index);
            break;
        case Layer::sctp: {
            Bytes covered = bytes;
            covered.insert(covered.end(), content.begin(), content.end());
            put32(bytes, 8, sctp_checksum(covered));
            break;
        }
        case Layer::arp:
        case Layer::vxlan:
        case Layer::payload:
            break;
    }
    return bytes;
}

void Packet::apply(const Damage& damage, Bytes& bytes) {
    switch (damage.kind) {
        case Damage::Kind::cut:
            bytes.resize(std::min(bytes.size(), damage.position));
            break;
        case Damage::Kind::trailer:
            bytes.resize(bytes.size() + damage.position);
            break;
        case Damage::Kind::patch:
            bytes.resize(std::max(bytes.size(), damage.position + damage.replacement.size()));
            std::copy(damage.replacement.begin(), damage.replacement.end(),
                      bytes.begin() + static_cast<ptrdiff_t>(damage.position));
            break;
    }
}

Bytes Packet::bytes() const {
    Bytes bytes;
    for (size_t i = headers_.size(); i-- > 0;) {
        Bytes outer = finished(i, bytes);
        outer.insert(outer.end(), bytes.begin(), bytes.end());
        bytes = std::move(outer);
    }
    for (const Damage& damage : damages_) apply(damage, bytes);
    return bytes;
}

Packet Packet::cut_to(size_t length) const {
    Packet copy = *this;
    copy.damages_.push_back({Damage::Kind::cut, length, {}});
    return copy;
}

Packet Packet::trailer(size_t length) const {
    Packet copy = *this;
    copy.damages_.push_back({Damage::Kind::trailer, length, {}});
    return copy;
}

Packet Packet::patched(size_t offset, const Bytes& replacement) const {
    Packet copy = *this;
    copy.damages_.push_back({Damage::Kind::patch, offset, replacement});
    return copy;
}

}  // namespace biplane::packets
