// Transport headers: whole, and of a form that some stack sends. Checksums are the receiver's business.
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

namespace {

const Packet header4 = frame_from(red_web).ipv4("10.0.0.10", "10.0.0.11");
const Packet header6 = frame_from(red_web).ipv6("fd00:a::10", "fd00:a::11");
constexpr uint8_t any_flags_but_known = 0xc0;  // ECE and CWR: RFC 3168

Wanted delivered_to_db(const Packet& packet) { return delivered(red_db, at(red_db, packet).ttl(63)); }

WantedFlow pair4(uint8_t protocol, uint16_t source_port, uint16_t destination_port) {
    return flow(red, protocol, "10.0.0.10", source_port, "10.0.0.11", destination_port);
}

std::vector<Case> udp_cases() {
    using enum DropReason;
    const Packet datagram = header4.udp(5000, 53).filler(16);
    const Packet empty = header4.udp(5000, 53);
    const Packet shorter = datagram.udp_length(10);
    return {
        {"a datagram without payload is delivered", {arrives(red_web, empty).is(delivered_to_db(empty))}, {pair4(17, 5000, 53)}},
        {"a UDP length below the packet's is delivered as it is",
         {arrives(red_web, shorter).is(delivered_to_db(shorter))},
         {pair4(17, 5000, 53)}},
        {"a wrong UDP checksum is left to the receiver",
         {arrives(red_web, datagram.transport_checksum(0xdead)).is(delivered_to_db(datagram.transport_checksum(0xdead)))},
         {pair4(17, 5000, 53)}},
        {"a UDP length below the header's is dropped", {arrives(red_web, datagram.udp_length(7)).is(dropped(udp_length_invalid))}},
        {"a UDP length above the packet's is dropped", {arrives(red_web, datagram.udp_length(25)).is(dropped(udp_length_invalid))}},
        {"a UDP length that only Ethernet padding fills is dropped",
         {arrives(red_web, datagram.udp_length(25).trailer(8)).is(dropped(udp_length_invalid))}},
        {"a packet that ends within the UDP header is dropped",
         {arrives(red_web, header4.protocol(17).filler(7)).is(dropped(transport_truncated))}},
        {"an IPv6 packet that ends within the UDP header is dropped",
         {arrives(red_web, header6.protocol(17).filler(7)).is(dropped(transport_truncated))}},
    };
}

std::vector<Case> dhcp_cases() {
    using enum DropReason;
    const Packet offer4 = header4.udp(67, 68).filler(240), offer6 = header6.udp(547, 546).filler(40);
    const Packet renewal = header4.udp(68, 67).filler(240);
    const Packet answer = frame_from(red_db).ipv4("10.0.0.11", "10.0.0.10").udp(67, 68).filler(240);
    const Packet relayed = header4.udp(67, 67).filler(240);
    const Packet inner = inner_frame().ipv4("10.0.0.20", "10.0.0.10").udp(67, 68).filler(240);
    const Packet from_host = frame_from(red_host).ipv4("203.0.113.7", "10.0.0.10").udp(67, 68).filler(240);
    return {
        {"a workload that answers as a DHCP server unasked is dropped", {arrives(red_web, offer4).is(dropped(dhcp_spoofed))}},
        {"a workload that answers as a DHCPv6 server unasked is dropped", {arrives(red_web, offer6).is(dropped(dhcp_spoofed))}},
        {"a DHCP offer does not pass in fragments",
         {arrives(red_web, header4.identification(9).fragment(0, true).udp(67, 68).udp_length(248).filler(16))
              .is(dropped(dhcp_spoofed)),
          arrives(red_web, header4.identification(9).fragment(24, false).protocol(17).filler(224))
              .is(dropped(fragment_first_missing))}},
        {"a DHCP server that a workload asks by its address may answer",
         {arrives(red_web, renewal).is(delivered_to_db(renewal)),
          arrives(red_db, answer).is(delivered(red_web, at(red_web, answer).ttl(63)))},
         {pair4(17, 68, 67).in_state(FlowState::established).seen(1, 1)}},
        {"what a DHCP relay sends to its server passes",
         {arrives(red_web, relayed).is(delivered_to_db(relayed))},
         {pair4(17, 67, 67)}},
        {"DHCP for DHCPv6's ports and the other way round is nobody's",
         {arrives(red_web, header4.udp(547, 546)).is(delivered_to_db(header4.udp(547, 546))),
          arrives(red_web, header6.udp(67, 68)).is(delivered_to_db(header6.udp(67, 68)))},
         {pair4(17, 547, 546), flow(red, 17, "fd00:a::10", 67, "fd00:a::11", 68)}},
        {"a DHCP server at the host port may answer",
         {arrives(red_host, from_host).is(delivered(red_web, at(red_web, from_host).ttl(63)))},
         {flow(red, 17, "203.0.113.7", 67, "10.0.0.10", 68)}},
        {"what came from a node was checked there",
         {arrives(fabric, coming_from_node(to_node_b, red, inner)).is(delivered(red_web, at(red_web, inner)))},
         {flow(red, 17, "10.0.0.20", 67, "10.0.0.10", 68)}},
    };
}

std::vector<Case> tcp_cases() {
    using enum DropReason;
    using namespace packets::tcp;
    const Packet first = header4.tcp(40000, 80, syn);
    const Packet with_options = first.tcp_options({2, 4, 5, 0xb4, 4, 2});
    const Packet with_ecn = header4.tcp(40000, 80, syn | any_flags_but_known);
    const auto is_illegal = [](uint8_t flags) {
        return arrives(red_web, header4.tcp(40000, 80, flags)).is(dropped(tcp_flags_illegal));
    };
    const std::vector<WantedFlow> opening = {pair4(6, 40000, 80).in_state(FlowState::opening)};
    return {
        {"a first SYN opens a flow", {arrives(red_web, first).is(delivered_to_db(first))}, opening},
        {"a SYN with options opens a flow", {arrives(red_web, with_options).is(delivered_to_db(with_options))}, opening},
        {"a SYN that negotiates ECN opens a flow", {arrives(red_web, with_ecn).is(delivered_to_db(with_ecn))}, opening},
        {"a segment without flags is dropped", {is_illegal(0)}},
        {"a segment with SYN and FIN is dropped", {is_illegal(syn | fin)}},
        {"a segment with SYN and RST is dropped", {is_illegal(syn | rst)}},
        {"a segment with FIN alone is dropped", {is_illegal(fin)}},
        {"a segment with FIN, PSH and URG, the Christmas tree, is dropped", {is_illegal(fin | psh | urg)}},
        {"a segment with all flags is dropped", {is_illegal(0x3f)}},
        {"a segment with PSH alone is dropped", {is_illegal(psh)}},
        {"a data offset below the header's is dropped", {arrives(red_web, first.data_offset(4)).is(dropped(tcp_header_invalid))}},
        {"a data offset beyond the packet is dropped", {arrives(red_web, first.data_offset(6)).is(dropped(tcp_header_invalid))}},
        {"a packet that ends within the TCP header is dropped",
         {arrives(red_web, header4.protocol(6).filler(19)).is(dropped(transport_truncated))}},
        {"a TCP header that only Ethernet padding fills is dropped",
         {arrives(red_web, header4.protocol(6).filler(19).trailer(7)).is(dropped(transport_truncated))}},
        {"an IPv6 packet that ends within the TCP header is dropped",
         {arrives(red_web, header6.protocol(6).filler(19)).is(dropped(transport_truncated))}},
    };
}

std::vector<Case> other_protocol_cases() {
    using enum DropReason;
    const Packet association = header4.sctp(36412, 36413).filler(20);
    const Packet association6 = header6.sctp(36412, 36413).filler(20);
    const Packet gre = header4.protocol(47).filler(20);
    const Packet nothing = header6.protocol(59);
    return {
        {"SCTP is told apart by its ports",
         {arrives(red_web, association).is(delivered_to_db(association))},
         {pair4(132, 36412, 36413)}},
        {"SCTP over IPv6 is told apart by its ports",
         {arrives(red_web, association6).is(delivered_to_db(association6))},
         {flow(red, 132, "fd00:a::10", 36412, "fd00:a::11", 36413)}},
        {"a packet that ends within the SCTP header is dropped",
         {arrives(red_web, header4.protocol(132).filler(11)).is(dropped(transport_truncated))}},
        {"any other protocol is carried by address", {arrives(red_web, gre).is(delivered_to_db(gre))}, {pair4(47, 0, 0)}},
        {"a protocol with an empty packet is carried by address",
         {arrives(red_web, header4.protocol(253)).is(delivered_to_db(header4.protocol(253)))},
         {pair4(253, 0, 0)}},
        {"an IPv6 packet without a next header is carried by address",
         {arrives(red_web, nothing).is(delivered_to_db(nothing))},
         {flow(red, 59, "fd00:a::10", 0, "fd00:a::11", 0)}},
        {"ICMPv6 in an IPv4 packet is just another protocol",
         {arrives(red_web, header4.protocol(58).filler(24)).is(delivered_to_db(header4.protocol(58).filler(24)))},
         {pair4(58, 0, 0)}},
    };
}

}  // namespace

std::vector<Case> transport_cases() {
    std::vector<Case> all = udp_cases();
    for (const auto& some : {tcp_cases(), dhcp_cases(), other_protocol_cases()}) all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
