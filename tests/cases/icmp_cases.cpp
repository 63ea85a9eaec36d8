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

// RFC 792, RFC 950, RFC 8335: each query with its reply. The identifier stands in the same place in all of them.
std::vector<Case> query_cases() {
    using enum DropReason;
    struct Query {
        const char* name;
        bool is_ipv6;
        uint8_t request, reply;
        uint16_t other_port;  // what the flow has in place of a second port: 0 for echo, else the query's type
    };
    const Query queries[] = {{"echo", false, 8, 0, 0},
                             {"timestamp", false, 13, 14, 13},
                             {"information", false, 15, 16, 15},
                             {"address mask", false, 17, 18, 17},
                             {"extended echo", false, 42, 43, 42},
                             {"ICMPv6 echo", true, 128, 129, 0},
                             {"ICMPv6 extended echo", true, 160, 161, 160}};
    std::vector<Case> cases;
    for (const Query& q : queries) {
        const std::string web(q.is_ipv6 ? web6 : web4), db(q.is_ipv6 ? db6 : db4), name = q.name;
        const uint8_t protocol = q.is_ipv6 ? 58 : 1;
        const Packet request = between(red_web, web, db).icmp(q.request, 0, 77u << 16).filler(12);
        const Packet reply = between(red_db, db, web).icmp(q.reply, 0, 77u << 16).filler(12);
        const WantedFlow asked = flow(red, protocol, web, 77, db, q.other_port);
        cases.push_back(
            {"a reply to a query of type " + name + " belongs to its flow",
             {arrives(red_web, request).is(passed_to(red_db, request)), arrives(red_db, reply).is(passed_to(red_web, reply))},
             {asked.in_state(FlowState::established).seen(1, 1)}});
        cases.push_back(
            {"a reply to no query of type " + name + " is dropped", {arrives(red_db, reply).is(dropped(icmp_no_query))}});
        cases.push_back({"a reply to a query of type " + name + " with another identifier is dropped",
                         {arrives(red_web, request).is(passed_to(red_db, request)),
                          arrives(red_db, between(red_db, db, web).icmp(q.reply, 0, 78u << 16)).is(dropped(icmp_no_query))},
                         {asked.seen(1, 0)}});
        cases.push_back(
            {"an ICMP error about a query of type " + name + " is delivered",
             {arrives(red_web, request).is(passed_to(red_db, request)),
              arrives(red_db,
                      between(red_db, db, web).icmp(q.is_ipv6 ? 1 : 3, 1).payload(quote(request.ttl(63), q.is_ipv6 ? 48 : 28)))
                  .is(passed_to(
                      red_web,
                      between(red_db, db, web).icmp(q.is_ipv6 ? 1 : 3, 1).payload(quote(request.ttl(63), q.is_ipv6 ? 48 : 28))))},
             {asked.seen(1, 0)}});
    }
    const Packet echo = between(red_web, web4, db4).echo_request(77);
    const Packet timestamp_reply = between(red_db, db4, web4).icmp(14, 0, 77u << 16).filler(12);
    cases.push_back(
        {"an echo request does not let a timestamp reply in",
         {arrives(red_web, echo).is(passed_to(red_db, echo)), arrives(red_db, timestamp_reply).is(dropped(icmp_no_query))},
         {flow(red, 1, "10.0.0.10", 77, "10.0.0.11", 0).seen(1, 0)}});
    for (const uint8_t type : {1, 7, 9, 10, 19, 30, 41, 255})
        cases.push_back({"an ICMP message of type " + std::to_string(type) + " is no query and makes no flow",
                         {arrives(red_web, between(red_web, web4, db4).icmp(type, 0)).is(dropped(icmp_no_query))}});
    for (const uint8_t type : {130, 132, 138, 139, 200})
        cases.push_back({"an ICMPv6 message of type " + std::to_string(type) + " is no query and makes no flow",
                         {arrives(red_web, between(red_web, web6, db6).icmp(type, 0)).is(dropped(icmp_no_query))}});
    return cases;
}

// RFC 5927, section 4.1: an error about TCP is about what is on the way; RFC 9260, section 10.1: about SCTP it has the tag.
std::vector<Case> embedded_cases() {
    using enum DropReason;
    using namespace packets::tcp;
    std::vector<Case> cases;
    for (const bool is_ipv6 : {false, true}) {
        const std::string web(is_ipv6 ? web6 : web4), db(is_ipv6 ? db6 : db4), family = is_ipv6 ? "ICMPv6" : "ICMP";
        const size_t header = is_ipv6 ? 40 : 20;
        const auto forth = [&](uint8_t flags, uint32_t sequence, uint32_t acknowledgment) {
            return between(red_web, web, db).tcp(40000, 80, flags).sequence(sequence, acknowledgment);
        };
        const auto back = [&](uint8_t flags, uint32_t sequence, uint32_t acknowledgment) {
            return between(red_db, db, web).tcp(80, 40000, flags).sequence(sequence, acknowledgment);
        };
        const auto about = [&](const Packet& quoted) {
            return between(red_db, db, web).icmp(is_ipv6 ? 1 : 3, is_ipv6 ? 4 : 1).payload(quote(quoted.ttl(63), header + 8));
        };
        const auto sends = [&](const Packet& p) { return arrives(red_web, p).is(passed_to(red_db, p)); };
        const auto answers = [&](const Packet& p) { return arrives(red_db, p).is(passed_to(red_web, p)); };
        const auto refuses = [&](const Packet& p) { return arrives(red_db, p).is(dropped(icmp_unrelated)); };
        const WantedFlow connection = flow(red, 6, web, 40000, db, 80);
        // The client's 1001 to 1100 are on the way.
        const std::vector<Step> opened = {sends(forth(syn, 1000, 0)), answers(back(syn | ack, 2000, 1001)),
                                          sends(forth(ack, 1001, 2001).filler(100))};
        const auto opened_and = [&](const std::vector<Step>& more) {
            std::vector<Step> steps = opened;
            steps.insert(steps.end(), more.begin(), more.end());
            return steps;
        };
        cases.push_back({family + " about a SYN is delivered and does not close",
                         {sends(forth(syn, 1000, 0)), answers(about(forth(syn, 1000, 0)))},
                         {connection.in_state(FlowState::opening).seen(1, 0)}});
        cases.push_back({family + " about a segment that is on the way is delivered and moves nothing",
                         opened_and({answers(about(forth(ack, 1001, 2001))), answers(about(forth(ack, 1100, 2001))),
                                     answers(about(forth(ack, 1101, 2001)))}),
                         {connection.in_state(FlowState::established).seen(2, 1)}});
        cases.push_back({family + " about a segment that was never sent, or long acknowledged, is dropped",
                         opened_and({refuses(about(forth(ack, 1102, 2001))), refuses(about(forth(ack, 999, 2001))),
                                     refuses(about(forth(ack, 0x80000000, 2001)))}),
                         {connection.in_state(FlowState::established).seen(2, 1)}});
        cases.push_back({family + " that embeds a reset does not close",
                         opened_and({answers(about(forth(rst, 1101, 0)))}),
                         {connection.in_state(FlowState::established).seen(2, 1)}});
    }
    const auto init = between(red_web, web4, db4).sctp(5, 6).verification_tag(0).payload(Bytes{1, 0, 0, 20, 0, 0, 0, 9, 0, 0,
                                                                                               0, 0, 0, 1,  0, 1, 0, 0, 0, 0});
    const auto about = [&](uint32_t tag) {
        return between(red_db, db4, web4).icmp(3, 2).payload(quote(init.verification_tag(tag).ttl(63), 28));
    };
    cases.push_back(
        {"ICMP about an SCTP packet is delivered if it embeds the association's tag",
         {arrives(red_web, init).is(passed_to(red_db, init)), arrives(red_db, about(0)).is(passed_to(red_web, about(0))),
          arrives(red_db, about(9)).is(dropped(icmp_unrelated))},
         {flow(red, 132, "10.0.0.10", 5, "10.0.0.11", 6).seen(1, 0)}});
    const Packet asked = between(red_web, web4, db4).udp(5000, 53).filler(16);
    const Packet answer = between(red_db, db4, web4).udp(53, 5000).filler(16);
    const Packet error = between(red_db, db4, web4).icmp(3, 3).payload(quote(asked.ttl(63), 28));
    cases.push_back({"an ICMP error does not keep its flow alive",
                     {arrives(red_web, asked).is(passed_to(red_db, asked)),
                      arrives(red_db, error).is(passed_to(red_web, error)).after(time_passes(100)),
                      arrives(red_db, answer).is(passed_to(red_web, answer)).after(time_passes(30))},
                     {flow(red, 17, "10.0.0.11", 53, "10.0.0.10", 5000).seen(1, 0)}});
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

// All of an IP packet, without what pads its frame.
Bytes whole(const Packet& frame) { return quote(frame, frame.bytes().size() - 14); }

// The packet is dropped and counted as such; its sender is told, from the gateway's address. What is quoted: RFC 1812, section
// 4.3.2.3, and RFC 4443, section 2.4 c.
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
    const Packet with_options = between(red_web, web4, db4).ipv4_options({7, 3, 4}).ttl(1).udp(5000, 53).filler(16);
    const Packet with_extensions = between(red_web, web6, db6).ttl(1).hop_by_hop().destination_options(2).udp(5000, 53).filler(16);
    const Packet atomic = between(red_web, web6, db6).ttl(1).fragment_header(0, false).udp(5000, 53).filler(16);
    const auto of_bytes4 = [&](size_t bytes) { return between(red_web, web4, db4).ttl(1).udp(5000, 53).filler(bytes - 28); };
    const auto of_bytes6 = [&](size_t bytes) { return between(red_web, web6, db6).ttl(1).udp(5000, 53).filler(bytes - 48); };
    const auto told = [&](const Packet& packet, size_t quoted) {
        const bool is_ipv6 = packet.bytes()[12] == 0x86;
        const Packet error = is_ipv6 ? error6.icmp(3, 0) : error4.icmp(11, 0);
        return arrives(red_web, packet).is(refused(ttl_expired, error.payload(quote(packet, quoted))));
    };
    return {
        {"the sender of a packet whose TTL runs out is told so",
         {arrives(red_web, old_datagram).is(refused(ttl_expired, error4.icmp(11, 0).payload(whole(old_datagram))))}},
        {"TTL 0 is as run out as TTL 1",
         {arrives(red_web, older).is(refused(ttl_expired, error4.icmp(11, 0).payload(whole(older))))}},
        {"the sender of a TCP segment whose TTL runs out is told so",
         {arrives(red_web, old_segment).is(refused(ttl_expired, error4.icmp(11, 0).payload(whole(old_segment))))}},
        {"the sender of an IPv6 packet whose hop limit runs out is told so",
         {arrives(red_web, old6).is(refused(ttl_expired, error6.icmp(3, 0).payload(whole(old6))))}},
        {"nobody is told about an ICMP error whose TTL runs out",
         {arrives(red_web, opening).is(passed_to(red_db, opening)), arrives(red_db, old_error).is(dropped(ttl_expired))},
         {flow(red, 17, "10.0.0.10", 5000, "10.0.0.11", 53)}},
        {"a packet of exactly the MTU of the way is delivered",
         {arrives(red_web, fits4).is(delivered(red_narrow, at(red_narrow, fits4).ttl(63)))},
         {flow(red, 17, "10.0.0.10", 5000, "10.0.0.12", 53)}},
        {"the sender of a packet that is too large is told the MTU",
         {arrives(red_web, big4).is(refused(mtu_exceeded, error4.icmp(3, 4, narrow_mtu).payload(quote(big4, 576 - 28))))}},
        {"the sender of an IPv6 packet that is too large is told the MTU",
         {arrives(red_web, big6).is(refused(mtu_exceeded, error6.icmp(2, 0, narrow_mtu).payload(quote(big6, 1280 - 48))))}},
        {"an error quotes all of a packet of 548 bytes, and of a longer one 548",
         {told(of_bytes4(548), of_bytes4(548).bytes().size() - 14), told(of_bytes4(549), 548), told(of_bytes4(1450), 548)}},
        {"an IPv6 error quotes all of a packet of 1232 bytes, and of a longer one 1232",
         {told(of_bytes6(1232), 1232), told(of_bytes6(1233), 1232), told(of_bytes6(1450), 1232)}},
        {"an error about a packet of odd length has a right checksum", {told(of_bytes4(45), 45), told(of_bytes6(67), 67)}},
        {"an error does not quote the padding of a frame", {told(of_bytes4(29).trailer(17), 29)}},
        {"an error quotes IPv4 options", {told(with_options, 24 + 8 + 16)}},
        {"an error quotes IPv6 extension headers", {told(with_extensions, 40 + 8 + 24 + 8 + 16)}},
        {"an error about an atomic fragment quotes its fragment header", {told(atomic, 40 + 8 + 8 + 16)}},
        {"an error about a protocol without ports quotes it", {told(old_datagram.protocol(47), 20 + 8 + 16)}},
    };
}

}  // namespace

std::vector<Case> icmp_cases() {
    std::vector<Case> all = echo_cases();
    for (const auto& some : {query_cases(), embedded_cases(), error_cases(), router_error_cases()})
        all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
