// IPv6: header validity, extension headers in order and bounded (RFC 8200 section 4, RFC 7112), routing headers (RFC 5095),
// addresses (RFC 4291).
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

namespace {

constexpr std::string_view web = "fd00:a::10", db = "fd00:a::11";

const Packet header = frame_from(red_web).ipv6(web, db);
const Packet datagram = header.udp(5000, 53).filler(16);
const WantedFlow datagram_flow = flow(red, 17, "fd00:a::10", 5000, "fd00:a::11", 53);

Wanted delivered_to_db(const Packet& packet) { return delivered(red_db, at(red_db, packet).ttl(63)); }

std::vector<Case> header_cases() {
    using enum DropReason;
    return {
        {"an IPv6 datagram between two workloads of one network is delivered, its hop limit spent by one",
         {arrives(red_web, datagram).is(delivered_to_db(datagram))},
         {datagram_flow.to(red_db).from(red_web, red_web).seen(1, 0).of_bytes(64, 0)}},
        {"traffic class of a delivered IPv6 packet stays as it is",
         {arrives(red_web, datagram.traffic_class(0xb9)).is(delivered_to_db(datagram.traffic_class(0xb9)))},
         {datagram_flow}},
        {"hop limit 2 is forwarded with hop limit 1",
         {arrives(red_web, datagram.ttl(2)).is(delivered(red_db, at(red_db, datagram).ttl(1)))},
         {datagram_flow}},
        {"an IPv4 version in an IPv6 frame is dropped", {arrives(red_web, datagram.version(4)).is(dropped(ipv6_header_invalid))}},
        {"a payload length of one byte more than the frame has is dropped",
         {arrives(red_web, datagram.length_field(25)).is(dropped(ipv6_header_invalid))}},
        {"a frame that ends within the IPv6 header is dropped",
         {arrives(red_web, datagram.cut_to(14 + 39)).is(dropped(frame_truncated))}},
    };
}

std::vector<Case> extension_cases() {
    using enum DropReason;
    const auto udp = [](const Packet& packet) { return packet.udp(5000, 53).filler(16); };
    const Packet with_options = udp(header.hop_by_hop().destination_options(2));
    const Packet six = udp(header.hop_by_hop()
                               .destination_options()
                               .destination_options()
                               .destination_options()
                               .destination_options()
                               .destination_options());
    const Packet seven = udp(header.hop_by_hop()
                                 .destination_options()
                                 .destination_options()
                                 .destination_options()
                                 .destination_options()
                                 .destination_options()
                                 .destination_options());
    // A header that is not walked, and a UDP header behind it.
    const auto hides_ports = [](uint8_t number) {
        const Packet packet = header.protocol(number).payload(Bytes{17, 0, 0, 0, 0, 0, 0, 0, 0x13, 0x88, 0, 53, 0, 8, 0, 0});
        return arrives(red_web, packet).is(delivered_to_db(packet));
    };
    const auto without_ports = [](uint8_t number) { return flow(red, number, "fd00:a::10", 0, "fd00:a::11", 0); };
    // The transport header 510 and 518 bytes behind the frame's start.
    const Packet long_options = udp(header.destination_options(56)), longer_options = udp(header.destination_options(57));
    return {
        {"a transport header within the first 512 bytes is found",
         {arrives(red_web, long_options).is(delivered_to_db(long_options))},
         {datagram_flow}},
        {"a transport header behind the first 512 bytes is refused (RFC 7112)",
         {arrives(red_web, longer_options).is(dropped(ipv6_extension_invalid))}},
        {"hop-by-hop and destination options are no way round the ports",
         {arrives(red_web, with_options).is(delivered_to_db(with_options))},
         {datagram_flow}},
        {"six extension headers pass", {arrives(red_web, six).is(delivered_to_db(six))}, {datagram_flow}},
        {"seven extension headers are too many", {arrives(red_web, seven).is(dropped(ipv6_extension_invalid))}},
        {"hop-by-hop options behind another extension header are dropped",
         {arrives(red_web, udp(header.destination_options().hop_by_hop())).is(dropped(ipv6_extension_invalid))}},
        {"an extension header that reaches beyond the packet is dropped",
         {arrives(red_web, udp(header.destination_options()).patched(14 + 41, {4})).is(dropped(ipv6_extension_invalid))}},
        {"a packet that ends within an extension header is dropped",
         {arrives(red_web, header.destination_options().length_field(7).cut_to(14 + 47)).is(dropped(ipv6_extension_invalid))}},
        {"a second fragment header is dropped",
         {arrives(red_web, udp(header.fragment_header(0, true).fragment_header(0, true))).is(dropped(ipv6_extension_invalid))}},
        {"a routing header of type 0 is dropped",
         {arrives(red_web, udp(header.routing_header(0, 1))).is(dropped(ipv6_routing_header))}},
        {"a routing header of a known type is dropped too: no router here is told where to send",
         {arrives(red_web, udp(header.routing_header(2, 1))).is(dropped(ipv6_routing_header)),
          arrives(red_web, udp(header.routing_header(4, 0))).is(dropped(ipv6_routing_header))}},
        {"a routing header behind a fragment header is dropped",
         {arrives(red_web, udp(header.fragment_header(0, true).routing_header(0, 1))).is(dropped(ipv6_routing_header))}},
        {"an authentication header is a protocol without ports, whatever stands behind it", {hides_ports(51)}, {without_ports(51)}},
        {"an encrypted payload is a protocol without ports", {hides_ports(50)}, {without_ports(50)}},
        {"a mobility header is a protocol without ports", {hides_ports(135)}, {without_ports(135)}},
        {"a HIP header is a protocol without ports", {hides_ports(139)}, {without_ports(139)}},
        {"a Shim6 header is a protocol without ports", {hides_ports(140)}, {without_ports(140)}},
        {"a next header that nobody knows is a protocol without ports", {hides_ports(200)}, {without_ports(200)}},
        {"a routing header of an unknown type is dropped",
         {arrives(red_web, udp(header.routing_header(253, 1))).is(dropped(ipv6_routing_header))}},
    };
}

std::vector<Case> address_cases() {
    using enum DropReason;
    const auto to = [](std::string_view destination) {
        return arrives(red_web, frame_from(red_web).ipv6(web, destination).udp(5000, 53));
    };
    const auto claiming = [](std::string_view source) {
        return arrives(red_web, frame_from(red_web).ipv6(source, db).udp(5000, 53));
    };
    return {
        {"an IPv6 packet to itself is dropped", {to("fd00:a::10").is(dropped(source_is_destination))}},
        {"an IPv6 packet to loopback is dropped", {to("::1").is(dropped(martian_address))}},
        {"an IPv6 packet to the unspecified address is dropped", {to("::").is(dropped(martian_address))}},
        {"an IPv6 packet to a link-local address does not leave the link", {to("fe80::99").is(dropped(martian_address))}},
        {"an IPv6 packet from loopback is dropped", {claiming("::1").is(dropped(martian_address))}},
        {"an IPv6 packet from the unspecified address is dropped", {claiming("::").is(dropped(martian_address))}},
        {"an IPv6 packet from a group is dropped", {claiming("ff02::1").is(dropped(martian_address))}},
        {"an IPv6 packet to a group is dropped", {to("ff02::fb").is(dropped(multicast_unsupported))}},
        {"an IPv4-mapped destination in an IPv6 packet is dropped", {to("::ffff:10.0.0.11").is(dropped(martian_address))}},
        {"an IPv4-mapped source in an IPv6 packet is dropped", {claiming("::ffff:10.0.0.10").is(dropped(martian_address))}},
        {"an IPv6 packet from the address of another workload is dropped",
         {claiming("fd00:a::12").is(dropped(source_address_spoofed))}},
        {"an IPv6 packet from a link-local address does not leave the link",
         {claiming("fe80::10").is(dropped(source_address_spoofed))}},
    };
}

}  // namespace

std::vector<Case> ipv6_cases() {
    std::vector<Case> all = header_cases();
    for (const auto& some : {extension_cases(), address_cases()}) all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
