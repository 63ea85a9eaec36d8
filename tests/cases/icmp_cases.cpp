// ICMP and ICMPv6: echo as a flow of its own, errors only about known flows (RFC 5508, RFC 4443), and the errors the router sends.
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

namespace {

constexpr std::string_view web4 = "10.0.0.10", db4 = "10.0.0.11", web6 = "fd00:a::10", db6 = "fd00:a::11";

Packet between(uint16_t from, std::string_view source, std::string_view destination) {
    return frame_from(from).ip(source, destination);
}

Wanted passed_to(uint16_t port, const Packet& packet) { return delivered(port, at(port, packet).ttl(63)); }

// What an ICMP error quotes: the IP packet of a frame, from its network header on, `length` bytes of it.
Bytes quote(const Packet& frame, size_t length) {
    const Bytes bytes = frame.bytes();
    return Bytes(bytes.begin() + 14, bytes.begin() + 14 + static_cast<ptrdiff_t>(length));
}

std::vector<Case> echo_cases() {
    using enum DropReason;
    std::vector<Case> cases;
    for (const bool is_ipv6 : {false, true}) {
        const std::string web(is_ipv6 ? web6 : web4), db(is_ipv6 ? db6 : db4), family = is_ipv6 ? "IPv6" : "IPv4";
        const uint8_t protocol = is_ipv6 ? 58 : 1;
        const Packet request = between(red_web, web, db).echo_request(77).filler(32);
        const Packet reply = between(red_db, db, web).echo_reply(77).filler(32);
        const Packet back = between(red_db, db, web).echo_request(77).filler(32);
        cases.push_back({"the first " + family + " echo request is delivered",
                         {arrives(red_web, request).is(passed_to(red_db, request))},
                         {flow(red, protocol, web, 77, db, 0).in_state(FlowState::opening)}});
        cases.push_back(
            {"an " + family + " echo reply belongs to its request's flow",
             {arrives(red_web, request).is(passed_to(red_db, request)), arrives(red_db, reply).is(passed_to(red_web, reply))},
             {flow(red, protocol, web, 77, db, 0).in_state(FlowState::established).seen(1, 1)}});
        cases.push_back(
            {"two " + family + " workloads that ping each other with one identifier have a flow each",
             {arrives(red_web, request).is(passed_to(red_db, request)), arrives(red_db, back).is(passed_to(red_web, back))},
             {flow(red, protocol, web, 77, db, 0).seen(1, 0), flow(red, protocol, db, 77, web, 0).seen(1, 0)}});
        cases.push_back(
            {"an " + family + " packet that ends within the ICMP header is dropped",
             {arrives(red_web, between(red_web, web, db).protocol(protocol).filler(7)).is(dropped(transport_truncated))}});
    }
    return cases;
}

// Errors that workloads send about packets they got: delivered if the flow is known, whoever forwarded it.
std::vector<Case> error_cases() {
    using enum DropReason;
    const Packet asked4 = between(red_web, web4, db4).udp(5000, 53).filler(16);
    const Packet asked6 = between(red_web, web6, db6).udp(5000, 53).filler(16);
    const Packet unreachable4 = between(red_db, db4, web4).icmp(3, 3).payload(quote(asked4.ttl(63), 28));
    const Packet unreachable6 = between(red_db, db6, web6).icmp(1, 4).payload(quote(asked6.ttl(63), 64));
    const Packet about_tcp =
        between(red_db, db4, web4).icmp(3, 3).payload(quote(between(red_web, web4, db4).tcp(1, 2, packets::tcp::syn), 40));
    const Packet about_another = between(red_db, db4, web4)
                                     .icmp(3, 3)
                                     .payload(quote(frame_from(red_web).ipv4("10.0.0.12", db4).udp(5000, 53).filler(16), 28));
    const Packet nothing_quoted = between(red_db, db4, web4).icmp(3, 3);
    const Packet half_quoted = between(red_db, db4, web4).icmp(3, 3).payload(quote(asked4, 22));
    const Packet request = between(red_web, web4, db4).echo_request(77).filler(8);
    const Packet about_echo = between(red_db, db4, web4).icmp(3, 1).payload(quote(request.ttl(63), 36));
    const Packet spoofed = frame_from(red_db).ipv4("10.0.0.12", web4).icmp(3, 3).payload(quote(asked4.ttl(63), 28));
    const Step ask4 = arrives(red_web, asked4).is(passed_to(red_db, asked4));
    const WantedFlow asked_flow = flow(red, 17, "10.0.0.10", 5000, "10.0.0.11", 53).in_state(FlowState::opening).seen(1, 0);
    return {
        {"an ICMP error about a known flow is delivered and does not count as an answer",
         {ask4, arrives(red_db, unreachable4).is(passed_to(red_web, unreachable4))},
         {asked_flow}},
        {"an ICMPv6 error about a known flow is delivered and does not count as an answer",
         {arrives(red_web, asked6).is(passed_to(red_db, asked6)),
          arrives(red_db, unreachable6).is(passed_to(red_web, unreachable6))},
         {flow(red, 17, "fd00:a::10", 5000, "fd00:a::11", 53).in_state(FlowState::opening).seen(1, 0)}},
        {"an ICMP error about a known echo request is delivered",
         {arrives(red_web, request).is(passed_to(red_db, request)), arrives(red_db, about_echo).is(passed_to(red_web, about_echo))},
         {flow(red, 1, "10.0.0.10", 77, "10.0.0.11", 0).seen(1, 0)}},
        {"an ICMP error about no known flow is dropped", {arrives(red_db, unreachable4).is(dropped(icmp_unrelated))}},
        {"an ICMP error about a flow of another protocol is dropped",
         {ask4, arrives(red_db, about_tcp).is(dropped(icmp_unrelated))},
         {asked_flow}},
        {"an ICMP error about somebody else's packet is dropped",
         {ask4, arrives(red_db, about_another).is(dropped(icmp_unrelated))},
         {asked_flow}},
        {"an ICMP error about a flow of another network is dropped",
         {ask4, arrives(blue_db, frame_from(blue_db).ipv4(db4, web4).icmp(3, 3).payload(quote(asked4.ttl(63), 28)))
                    .is(dropped(icmp_unrelated))},
         {asked_flow}},
        {"an ICMP error that quotes nothing is dropped",
         {ask4, arrives(red_db, nothing_quoted).is(dropped(icmp_unrelated))},
         {asked_flow}},
        {"an ICMP error whose quote ends before the ports is dropped",
         {ask4, arrives(red_db, half_quoted).is(dropped(icmp_unrelated))},
         {asked_flow}},
        {"an ICMP error from a spoofed address is dropped",
         {ask4, arrives(red_db, spoofed).is(dropped(source_address_spoofed))},
         {asked_flow}},
        {"an ICMP redirect is dropped",
         {ask4,
          arrives(red_db, between(red_db, db4, web4).icmp(5, 1, 0x0a00000b).payload(quote(asked4, 28))).is(dropped(icmp_redirect))},
         {asked_flow}},
    };
}

// The packet is dropped and counted as such; its sender is told, from the gateway's address.
Wanted refused(DropReason reason, const Packet& error) { return {drop(reason), red_web, error}; }

std::vector<Case> router_error_cases() {
    using enum DropReason;
    const Packet error4 = frame_to(red_web).ipv4("169.254.1.1", web4);
    const Packet error6 = frame_to(red_web).ipv6("fe80::1", web6);
    const Packet old_datagram = between(red_web, web4, db4).ttl(1).udp(5000, 53).filler(16);
    const Packet older = old_datagram.ttl(0);
    const Packet old_segment = between(red_web, web4, db4).ttl(1).tcp(40000, 80, packets::tcp::syn);
    const Packet old6 = between(red_web, web6, db6).ttl(1).udp(5000, 53).filler(16);
    const Packet old_error =
        between(red_db, db4, web4).ttl(1).icmp(3, 3).payload(quote(between(red_web, web4, db4).udp(5000, 53).filler(16), 28));
    const Packet big4 = between(red_web, web4, "10.0.0.12").dont_fragment().udp(5000, 53).filler(narrow_mtu - 28 + 1);
    const Packet fits4 = between(red_web, web4, "10.0.0.12").dont_fragment().udp(5000, 53).filler(narrow_mtu - 28);
    const Packet big6 = between(red_web, web6, "fd00:a::12").udp(5000, 53).filler(narrow_mtu - 48 + 1);
    const Packet opening = between(red_web, web4, db4).udp(5000, 53).filler(16);
    return {
        {"the sender of a packet whose TTL runs out is told so",
         {arrives(red_web, old_datagram).is(refused(ttl_expired, error4.icmp(11, 0).payload(quote(old_datagram, 28))))}},
        {"TTL 0 is as run out as TTL 1",
         {arrives(red_web, older).is(refused(ttl_expired, error4.icmp(11, 0).payload(quote(older, 28))))}},
        {"the sender of a TCP segment whose TTL runs out is told so, its header quoted",
         {arrives(red_web, old_segment).is(refused(ttl_expired, error4.icmp(11, 0).payload(quote(old_segment, 40))))}},
        {"the sender of an IPv6 packet whose hop limit runs out is told so",
         {arrives(red_web, old6).is(refused(ttl_expired, error6.icmp(3, 0).payload(quote(old6, 48))))}},
        {"nobody is told about an ICMP error whose TTL runs out",
         {arrives(red_web, opening).is(passed_to(red_db, opening)), arrives(red_db, old_error).is(dropped(ttl_expired))},
         {flow(red, 17, "10.0.0.10", 5000, "10.0.0.11", 53)}},
        {"a packet of exactly the MTU of the way is delivered",
         {arrives(red_web, fits4).is(delivered(red_narrow, at(red_narrow, fits4).ttl(63)))},
         {flow(red, 17, "10.0.0.10", 5000, "10.0.0.12", 53)}},
        {"the sender of a packet that is too large is told the MTU",
         {arrives(red_web, big4).is(refused(mtu_exceeded, error4.icmp(3, 4, narrow_mtu).payload(quote(big4, 28))))}},
        {"the sender of an IPv6 packet that is too large is told the MTU",
         {arrives(red_web, big6).is(refused(mtu_exceeded, error6.icmp(2, 0, narrow_mtu).payload(quote(big6, 48))))}},
    };
}

}  // namespace

std::vector<Case> icmp_cases() {
    std::vector<Case> all = echo_cases();
    for (const auto& some : {error_cases(), router_error_cases()}) all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
