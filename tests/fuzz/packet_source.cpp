#include "fuzz/packet_source.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cases/case.hpp"

namespace biplane::fuzz {

using namespace packets;
using namespace world;

namespace {

constexpr size_t frame_bytes_min = 14;  // BPF_PROG_TEST_RUN takes no shorter frame

// Values at which parsers go wrong.
const std::vector<uint8_t> interesting = {0,  1,  2,  4,  5,  6,  7,  8,  11, 14,  17,  20,  40,  43,  44,
                                          46, 47, 50, 58, 60, 64, 69, 95, 96, 127, 128, 132, 135, 254, 255};

size_t network_offset_of(const Bytes& frame) {
    const bool is_tunnel = frame.size() > 100 && get16(frame, 12) == 0x0800 && frame[23] == 17 && get16(frame, 36) == 4789;
    return is_tunnel ? 50 + 14 : 14;
}

struct Endpoint {
    uint16_t port;  // where its packets arrive
    uint16_t node;  // of a remote one: the next hop to its node; 0: local
    Network network;
    const char* host;  // last part of its addresses
};

const std::vector<Endpoint> endpoints = {
    {red_web, 0, red, "10"},          {red_db, 0, red, "11"},          {red_narrow, 0, red, "12"},
    {blue_web, 0, blue, "10"},        {blue_db, 0, blue, "11"},        {green_web, 0, green, "10"},
    {teal_web, 0, teal, "10"},        {teal_db, 0, teal, "11"},        {fabric, to_node_b, red, "20"},
    {fabric, to_node_c, red, "30"},   {fabric, to_node_b, blue, "20"}, {fabric, to_node_d, blue, "40"},
    {fabric, to_node_c, green, "30"}, {fabric, to_node_b, teal, "20"},
};
const std::vector<const char*> hosts = {"10", "11", "12", "20", "30", "40", "50", "99"};
const std::vector<uint8_t> tcp_flags = {tcp::syn,
                                        tcp::syn,
                                        tcp::syn,
                                        tcp::syn | tcp::ack,
                                        tcp::ack,
                                        tcp::ack,
                                        tcp::ack | tcp::psh,
                                        tcp::fin | tcp::ack,
                                        tcp::rst,
                                        tcp::rst | tcp::ack,
                                        0,
                                        tcp::syn | tcp::fin};

const std::vector<uint16_t> fragment_offsets = {0, 0, 0, 8, 16, 24, 32, 64, 64};  // bytes

uint16_t some_port(Random& random) { return static_cast<uint16_t>(1000 + random.below(6)); }

// An ICMP error about a packet that travelled the other way.
Packet error_about(Random& random, const Packet& header, const std::string& source, const std::string& destination) {
    const Packet asked = Packet().ip(destination, source);
    const uint16_t from = some_port(random), to = some_port(random);
    const Packet quoted = random.one_in(2)   ? asked.udp(from, to).filler(8)
                          : random.one_in(2) ? asked.tcp(from, to, tcp::ack)
                                             : asked.echo_request(from);
    const bool is_ipv6 = source.find(':') != std::string::npos;
    const auto type = static_cast<uint8_t>(is_ipv6 ? 1 + random.below(4) : random.one_in(2) ? 3 : 11);
    return header.icmp(type, static_cast<uint8_t>(random.below(6)), random.one_in(2) ? 1280 : 0).payload(quoted.bytes());
}

Packet transport(Random& random, const Packet& header) {
    const uint16_t source = some_port(random), destination = some_port(random);
    switch (random.below(9)) {
        case 0:
            return header.echo_request(source).filler(random.below(40));
        case 1:
            return header.echo_reply(source).filler(random.below(40));
        case 2:
            return header.sctp(source, destination).filler(random.below(40));
        case 3:
            return header.protocol(static_cast<uint8_t>(random.next())).filler(random.below(60));
        case 4:
        case 5:
            return header.udp(source, destination).filler(random.one_in(20) ? 1200 + random.below(300) : random.below(60));
        default:
            return header.tcp(source, destination, random.pick(tcp_flags)).filler(random.below(40));
    }
}

}  // namespace

uint64_t Random::next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

PacketSource::PacketSource(uint64_t seed) : random_(seed) {
    for (const cases::Case& c : cases::all_cases())
        for (const cases::Step& step : c.steps) specification_.push_back({step.port, step.packet.bytes()});
}

void PacketSource::conversation() {
    const Endpoint& from = random_.pick(endpoints);
    const bool is_ipv6 = random_.one_in(2);
    const std::string prefix = is_ipv6 ? "fd00:a::" : "10.0.0.";
    const std::string source = prefix + (random_.one_in(30) ? random_.pick(hosts) : from.host);
    const std::string destination =
        random_.one_in(15) ? (is_ipv6 ? "2001:db8:1:8000::7" : "198.51.100.130") : prefix + random_.pick(hosts);
    const Packet start = from.node == 0 ? cases::frame_from(from.port) : cases::inner_frame();
    Packet header = start.ip(source, destination).ttl(random_.one_in(20) ? static_cast<uint8_t>(random_.below(3)) : 64);
    header = header.traffic_class(static_cast<uint8_t>(random_.one_in(3) ? random_.below(256) : 0));
    if (is_ipv6 && random_.one_in(6)) header = header.hop_by_hop(static_cast<uint8_t>(random_.below(3)));
    if (is_ipv6 && random_.one_in(6)) header = header.destination_options(static_cast<uint8_t>(random_.below(62)));
    if (is_ipv6 && random_.one_in(12))
        header = header.fragment_header(random_.pick(fragment_offsets), random_.one_in(2), random_.below(3));
    if (!is_ipv6 && random_.one_in(12))
        header = header.identification(static_cast<uint16_t>(random_.below(3)))
                     .fragment(random_.pick(fragment_offsets), random_.one_in(2));
    if (!is_ipv6 && random_.one_in(8)) header = header.ipv4_options(Bytes(4 * (1 + random_.below(10)), 1));
    const Packet inner = random_.one_in(10) ? error_about(random_, header, source, destination) : transport(random_, header);
    const Packet whole = from.node == 0 ? inner : cases::coming_from_node(from.node, from.network, inner);
    current_.port = from.port;
    current_.frame = whole.bytes();
    if (from.node != 0 && random_.one_in(4) && current_.frame[12] == 0x08) {
        current_.frame[15] = static_cast<uint8_t>(random_.below(4));  // congestion on the way
        mend_ipv4_checksum(14);
    }
}

void PacketSource::mend_ipv4_checksum(size_t at) {
    Bytes& frame = current_.frame;
    if (frame.size() < at + 20 || frame[at] >> 4 != 4) return;
    const size_t length = std::clamp<size_t>((frame[at] & 15) * 4u, 20, frame.size() - at);
    put16(frame, at + 10, 0);
    put16(frame, at + 10, internet_checksum(std::span(frame).subspan(at, length)));
}

void PacketSource::change_network_field() {
    Bytes& frame = current_.frame;
    const size_t at = network_offset_of(frame);
    if (frame.size() < at + 40) return;
    frame[at + random_.below(40)] = random_.pick(interesting);
    mend_ipv4_checksum(at);
}

void PacketSource::damage() {
    Bytes& frame = current_.frame;
    const auto size = static_cast<uint32_t>(frame.size());
    switch (random_.below(8)) {
        case 0:
            frame[random_.below(size)] ^= static_cast<uint8_t>(1u << random_.below(8));
            break;
        case 1:
            frame[random_.below(size)] = random_.pick(interesting);
            break;
        case 2:
            frame.resize(std::max<size_t>(frame_bytes_min, random_.below(size + 1)));
            break;
        case 3:
            frame.resize(size + random_.below(80), static_cast<uint8_t>(random_.next()));
            break;
        case 4: {  // a piece of it, somewhere else
            const uint32_t length = random_.below(std::min(size, 40u)), from = random_.below(size - length + 1),
                           to = random_.below(size - length + 1);
            const Bytes piece(frame.begin() + from, frame.begin() + from + length);
            std::copy(piece.begin(), piece.end(), frame.begin() + to);
            break;
        }
        case 5:
            current_.port = static_cast<uint16_t>(1 + random_.below(ports_end - 1));
            break;
        default:
            change_network_field();
            break;
    }
}

const Arrival& PacketSource::next() {
    if (random_.one_in(3))
        current_ = random_.pick(specification_);
    else
        conversation();
    if (current_.frame.size() < frame_bytes_min) current_.frame.resize(frame_bytes_min);
    if (random_.one_in(2))
        for (uint32_t times = 1 + random_.below(3); times > 0; --times) damage();
    return current_;
}

}  // namespace biplane::fuzz
