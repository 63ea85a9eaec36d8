// IPv4: header validity (RFC 791, RFC 1812 section 5.2.2), options (RFC 6274), addresses (RFC 1812 section 5.3.7).
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

namespace {

constexpr std::string_view web = "10.0.0.10", db = "10.0.0.11";

Packet ipv4_to(std::string_view destination) { return frame_from(red_web).ipv4(web, destination); }
const Packet header = frame_from(red_web).ipv4(web, db);
const Packet datagram = header.udp(5000, 53).filler(16);

Wanted delivered_to_db(const Packet& packet) { return delivered(red_db, at(red_db, packet).ttl(63)); }

// The datagram with whatever identification gives its header this checksum.
Packet with_header_checksum(uint16_t wanted) {
    for (uint32_t identification = 0; identification <= 0xffff; ++identification) {
        const Packet packet = datagram.identification(static_cast<uint16_t>(identification));
        if (get16(packet.bytes(), 14 + 10) == wanted) return packet;
    }
    return datagram;
}

// The TTL goes down by one, so the checksum goes up by 0x0100, in ones' complement (RFC 1624): where it wraps is where one errs.
Case checksum_case(uint16_t before) {
    const Packet packet = with_header_checksum(before);
    return {"the header checksum " + std::to_string(before) + " is right after the TTL is spent",
            {arrives(red_web, packet).is(delivered_to_db(packet))},
            {flow(red, 17, "10.0.0.10", 5000, "10.0.0.11", 53)}};
}

std::vector<Case> header_cases() {
    using enum DropReason;
    return {
        {"a datagram between two workloads of one network is delivered, its TTL spent by one",
         {arrives(red_web, datagram).is(delivered_to_db(datagram))},
         {flow(red, 17, "10.0.0.10", 5000, "10.0.0.11", 53).to(red_db).from(red_web, red_web).seen(1, 0).of_bytes(44, 0)}},
        checksum_case(0xfefe),
        checksum_case(0xfeff),
        checksum_case(0xff00),
        checksum_case(0xfffe),
        checksum_case(0x0000),
        {"DSCP and ECN of a delivered packet stay as they are",
         {arrives(red_web, datagram.traffic_class(0xb9)).is(delivered_to_db(datagram.traffic_class(0xb9)))},
         {flow(red, 17, "10.0.0.10", 5000, "10.0.0.11", 53)}},
        {"an IPv4 packet of version 5 is dropped", {arrives(red_web, datagram.version(5)).is(dropped(ipv4_header_invalid))}},
        {"an IPv6 version in an IPv4 frame is dropped", {arrives(red_web, datagram.version(6)).is(dropped(ipv4_header_invalid))}},
        {"an IPv4 header of less than five words is dropped",
         {arrives(red_web, datagram.header_words(4)).is(dropped(ipv4_header_invalid))}},
        {"a total length below the header's is dropped",
         {arrives(red_web, datagram.length_field(19)).is(dropped(ipv4_header_invalid))}},
        {"a total length of one byte more than the frame has is dropped",
         {arrives(red_web, datagram.length_field(45)).is(dropped(ipv4_header_invalid))}},
        {"a frame that ends within the IPv4 header is dropped",
         {arrives(red_web, datagram.cut_to(14 + 19)).is(dropped(frame_truncated))}},
        {"a frame that ends behind the Ethernet header is dropped",
         {arrives(red_web, datagram.cut_to(14)).is(dropped(frame_truncated))}},
        {"a wrong header checksum is dropped", {arrives(red_web, datagram.ipv4_checksum(0)).is(dropped(ipv4_checksum_invalid))}},
        {"one flipped bit in the addresses fails the header checksum",
         {arrives(red_web, datagram.patched(33, {0x0f})).is(dropped(ipv4_checksum_invalid))}},
        {"TTL 2 is forwarded with TTL 1",
         {arrives(red_web, datagram.ttl(2)).is(delivered(red_db, at(red_db, datagram).ttl(1)))},
         {flow(red, 17, "10.0.0.10", 5000, "10.0.0.11", 53)}},
    };
}

std::vector<Case> option_cases() {
    using enum DropReason;
    const auto with_options = [](const Bytes& options) { return header.ipv4_options(options).udp(5000, 53).filler(16); };
    const Packet record_route = with_options({7, 7, 4, 0, 0, 0, 0});
    const Packet padded = with_options({1, 1, 1, 1});
    const Packet ended = with_options({0, 131, 3, 4});
    const Packet longest = with_options(Bytes(40, 1));
    const std::vector<WantedFlow> one_flow = {flow(red, 17, "10.0.0.10", 5000, "10.0.0.11", 53)};
    return {
        {"a record route option passes untouched", {arrives(red_web, record_route).is(delivered_to_db(record_route))}, one_flow},
        {"no-operation options pass", {arrives(red_web, padded).is(delivered_to_db(padded))}, one_flow},
        {"forty bytes of options pass", {arrives(red_web, longest).is(delivered_to_db(longest))}, one_flow},
        {"what stands behind the end of options is no option", {arrives(red_web, ended).is(delivered_to_db(ended))}, one_flow},
        {"a loose source route is dropped",
         {arrives(red_web, with_options({131, 7, 4, 10, 0, 0, 11})).is(dropped(ipv4_source_route))}},
        {"a strict source route is dropped, also behind other options",
         {arrives(red_web, with_options({1, 7, 3, 4, 137, 7, 4, 10, 0, 0, 11})).is(dropped(ipv4_source_route))}},
        {"a source route as the last of forty bytes of options is dropped",
         {arrives(red_web, with_options({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,   1, 1, 1,  1, 1, 1,
                                         1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 131, 7, 4, 10, 0, 0, 11}))
              .is(dropped(ipv4_source_route))}},
        {"an option of length 1 is dropped", {arrives(red_web, with_options({7, 1, 0, 0})).is(dropped(ipv4_header_invalid))}},
        {"an option that reaches beyond the header is dropped",
         {arrives(red_web, with_options({7, 5, 0, 0})).is(dropped(ipv4_header_invalid))}},
        {"a frame that ends within the options is dropped",
         {arrives(red_web, longest.cut_to(14 + 30)).is(dropped(ipv4_header_invalid))}},
    };
}

std::vector<Case> address_cases() {
    using enum DropReason;
    const auto to = [](std::string_view destination) { return arrives(red_web, ipv4_to(destination).udp(5000, 53)); };
    const auto claiming = [](std::string_view source) {
        return arrives(red_web, frame_from(red_web).ipv4(source, db).udp(5000, 53));
    };
    return {
        {"a packet to itself is dropped", {to("10.0.0.10").is(dropped(source_is_destination))}},
        {"a packet to loopback is dropped", {to("127.0.0.1").is(dropped(martian_address))}},
        {"a packet to network 0 is dropped", {to("0.1.2.3").is(dropped(martian_address))}},
        {"a packet to class E is dropped", {to("240.0.0.1").is(dropped(martian_address))}},
        {"a packet to an address of the link does not leave the link", {to("169.254.7.7").is(dropped(martian_address))}},
        {"a packet from loopback is dropped", {claiming("127.0.0.1").is(dropped(martian_address))}},
        {"a packet from no address is dropped", {claiming("0.0.0.0").is(dropped(martian_address))}},
        {"a packet from a group is dropped", {claiming("224.0.0.1").is(dropped(martian_address))}},
        {"a packet from the broadcast address is dropped", {claiming("255.255.255.255").is(dropped(martian_address))}},
        {"a packet to a group is dropped", {to("224.0.0.251").is(dropped(multicast_unsupported))}},
        {"a packet to the limited broadcast address is dropped", {to("255.255.255.255").is(dropped(multicast_unsupported))}},
        {"a packet from the address of another workload is dropped", {claiming("10.0.0.12").is(dropped(source_address_spoofed))}},
        {"a packet from an address behind a node is dropped at a workload port",
         {claiming("10.0.0.20").is(dropped(source_address_spoofed))}},
        {"a packet from an address of the default route is dropped at a workload port",
         {claiming("203.0.113.7").is(dropped(source_address_spoofed))}},
        {"a packet from an address without a route is dropped at a workload port",
         {arrives(blue_web, frame_from(blue_web).ipv4("203.0.113.7", db).udp(5000, 53)).is(dropped(source_address_spoofed))}},
    };
}

}  // namespace

std::vector<Case> ipv4_cases() {
    std::vector<Case> all = header_cases();
    for (const auto& some : {option_cases(), address_cases()}) all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
