// ICMP errors on the way of a flow: from whom they are believed, and about what. A router on the way may have any address (RFC 1812,
// section 4.3.2.4; RFC 4443, section 2.2), so it is the way that counts: where a Route leads on, whoever is behind may speak about
// packets that went there, and about no others.
#include <algorithm>

#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

namespace {

// Of an address family: the ends, and somebody on the way who has no route here but the default one.
struct Family {
    std::string name, web, db, narrow, no_workload, behind_narrow, behind_b, outside, router, loopback, link_local;
    bool is_ipv6;
};
const Family families[] = {{"ICMP", "10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.99", "172.16.0.5", "198.51.100.7", "203.0.113.7",
                            "192.0.2.77", "127.0.0.1", "169.254.7.7", false},
                           {"ICMPv6", "fd00:a::10", "fd00:a::11", "fd00:a::12", "fd00:a::99", "2001:db8:2::5", "2001:db8:1::7",
                            "2001:db8:77::7", "2001:db8:99::77", "::1", "fe80::77", true}};

Bytes quote(const Packet& frame, size_t length) {
    const Bytes bytes = frame.bytes();
    return Bytes(bytes.begin() + 14, bytes.begin() + 14 + static_cast<ptrdiff_t>(std::min(length, bytes.size() - 14)));
}

// A datagram from `source` to `destination`, as web or whoever sends it, and what an error quotes of it.
Packet datagram(const Packet& frame, const std::string& source, const std::string& destination) {
    return frame.ip(source, destination).udp(5000, 53).filler(16);
}

// Time exceeded, from `sender`, about `quoted`, which `to` had sent.
Packet error_about(const Packet& quoted, const Packet& frame, const std::string& sender, const std::string& to, bool is_ipv6) {
    return frame.ip(sender, to).icmp(is_ipv6 ? 3 : 11, 0).payload(quote(quoted.ttl(1), is_ipv6 ? 1232 : 28));
}

Step passes(uint16_t from, uint16_t to, const Packet& packet) {
    return arrives(from, packet).is(delivered(to, at(to, packet).ttl(63)));
}

std::vector<Case> router_cases(const Family& f) {
    using enum DropReason;
    // web asks somebody behind narrow, and somebody behind the host.
    const Packet to_narrow = datagram(frame_from(red_web), f.web, f.behind_narrow);
    const Packet to_host = datagram(frame_from(red_web), f.web, f.outside);
    const Step asks_narrow = passes(red_web, red_narrow, to_narrow), asks_host = passes(red_web, red_host, to_host);
    const auto error = [&](uint16_t port, const std::string& sender, const Packet& quoted) {
        return error_about(quoted, frame_from(port), sender, f.web, f.is_ipv6);
    };
    const auto believed = [&](uint16_t port, const std::string& sender, const Packet& quoted) {
        return passes(port, red_web, error(port, sender, quoted));
    };
    const auto refused = [&](uint16_t port, const std::string& sender, const Packet& quoted, DropReason reason) {
        return arrives(port, error(port, sender, quoted)).is(dropped(reason));
    };
    const WantedFlow narrow_flow = flow(red, 17, f.web, 5000, f.behind_narrow, 53).to(red_narrow).from(red_web, red_web).seen(1, 0);
    const WantedFlow host_flow = flow(red, 17, f.web, 5000, f.outside, 53).to(red_host).from(red_web, red_web).seen(1, 0);
    const Packet never_sent = frame_from(red_narrow).ip(f.behind_narrow, f.web).udp(53, 5000).filler(16);
    const Packet too_big = frame_from(red_host)
                               .ip(f.router, f.web)
                               .icmp(f.is_ipv6 ? 2 : 3, f.is_ipv6 ? 0 : 4, 1300)
                               .payload(quote(to_host.ttl(3), f.is_ipv6 ? 64 : 44));
    return {
        {f.name + " of a router behind the host is delivered",
         {asks_host, believed(red_host, f.router, to_host), passes(red_host, red_web, too_big)},
         {host_flow}},
        {f.name + " of a router behind a workload that routes for others is delivered",
         {asks_narrow, believed(red_narrow, f.router, to_narrow), believed(red_narrow, f.behind_narrow, to_narrow),
          believed(red_narrow, f.narrow, to_narrow)},
         {narrow_flow}},
        {f.name + " of a router behind a workload, in the name of an address that lives elsewhere in the network, is dropped",
         {asks_narrow, refused(red_narrow, f.db, to_narrow, source_address_spoofed),
          refused(red_narrow, f.no_workload, to_narrow, source_address_spoofed)},
         {narrow_flow}},
        {f.name + " in the name of an address that no packet may come from is dropped",
         {asks_narrow, refused(red_narrow, f.loopback, to_narrow, martian_address),
          refused(red_narrow, f.link_local, to_narrow, martian_address),
          refused(red_narrow, f.web, to_narrow, source_is_destination), asks_host,
          refused(red_host, f.loopback, to_host, martian_address), refused(red_host, f.link_local, to_host, martian_address)},
         {narrow_flow.seen(1, 0), host_flow}},
        {f.name + " from where the packet did not go is dropped, whoever says so",
         {asks_narrow, refused(red_db, f.db, to_narrow, icmp_off_path), refused(red_host, f.router, to_narrow, icmp_off_path),
          refused(red_web, f.web, to_narrow, icmp_off_path)},
         {narrow_flow}},
        {f.name + " about a packet that was never sent is dropped, from whichever side",
         {asks_narrow, arrives(red_web, error_about(never_sent, frame_from(red_web), f.web, f.behind_narrow, f.is_ipv6))
                           .is(dropped(icmp_unrelated))},
         {narrow_flow}},
    };
}

// The same from the other node's side, and towards what a workload routes for.
std::vector<Case> direction_cases(const Family& f) {
    using enum DropReason;
    const Packet to_b = datagram(frame_from(red_web), f.web, f.behind_b);
    const Packet on_the_way = datagram(inner_frame(), f.web, f.behind_b);
    const Step asks_b = arrives(red_web, to_b).is(forwarded(towards_node(to_node_b, red, on_the_way.ttl(63))));
    const WantedFlow flow_to_b = flow(red, 17, f.web, 5000, f.behind_b, 53).to(to_node_b).from(red_web, red_web).seen(1, 0);
    const auto from_b = [&](const std::string& sender) { return error_about(to_b, inner_frame(), sender, f.web, f.is_ipv6); };
    const auto tunnelled = [&](uint16_t node, const Packet& error) { return arrives(fabric, coming_from_node(node, red, error)); };

    const Packet asked = frame_from(red_narrow).ip(f.behind_narrow, f.web).udp(53, 5000).filler(16);
    const Packet answer = frame_from(red_web).ip(f.web, f.behind_narrow).udp(5000, 53).filler(16);
    const auto about_answer = [&](uint16_t port, const std::string& sender) {
        return error_about(answer, frame_from(port), sender, f.web, f.is_ipv6);
    };
    // A workload of another node, of which there is no Route: its own address is where the way ends.
    const std::string end = f.is_ipv6 ? "fd00:a::20" : "10.0.0.20";
    const Packet to_end = datagram(frame_from(red_web), f.web, end);
    return {
        {f.name + " of a router behind another node is delivered",
         {asks_b, tunnelled(to_node_b, from_b(f.router)).is(delivered(red_web, at(red_web, from_b(f.router)))),
          tunnelled(to_node_b, from_b(f.db)).is(dropped(tunnel_source_mismatch)),
          tunnelled(to_node_c, from_b(f.router)).is(dropped(icmp_off_path))},
         {flow_to_b}},
        {f.name + " of a router about a packet to a workload of another node is dropped: there is no router between",
         {arrives(red_web, to_end).is(forwarded(towards_node(to_node_b, red, datagram(inner_frame(), f.web, end).ttl(63)))),
          tunnelled(to_node_b, error_about(to_end, inner_frame(), f.router, f.web, f.is_ipv6)).is(dropped(tunnel_source_mismatch)),
          tunnelled(to_node_b, error_about(to_end, inner_frame(), end, f.web, f.is_ipv6))
              .is(delivered(red_web, at(red_web, error_about(to_end, inner_frame(), end, f.web, f.is_ipv6))))},
         {flow(red, 17, f.web, 5000, end, 53).to(to_node_b).from(red_web, red_web).seen(1, 0)}},
        {f.name + " about an answer to somebody behind a workload is delivered",
         {passes(red_narrow, red_web, asked), passes(red_web, red_narrow, answer),
          passes(red_narrow, red_web, about_answer(red_narrow, f.router))},
         {flow(red, 17, f.behind_narrow, 53, f.web, 5000)
              .to(red_web)
              .from(red_narrow, red_narrow)
              .seen(1, 1)
              .in_state(FlowState::established)}},
    };
}

// Which packets an error may embed: all that the router lets through.
std::vector<Case> embedded_header_cases() {
    using enum DropReason;
    const auto packet4 = frame_from(red_web).ipv4("10.0.0.10", "10.0.0.11");
    const auto packet6 = frame_from(red_web).ipv6("fd00:a::10", "fd00:a::11");
    const auto about = [](const Packet& sent, size_t bytes) {
        const bool is_ipv6 = sent.bytes()[12] == 0x86;
        const Packet frame =
            is_ipv6 ? frame_from(red_db).ipv6("fd00:a::11", "fd00:a::10") : frame_from(red_db).ipv4("10.0.0.11", "10.0.0.10");
        return frame.icmp(is_ipv6 ? 1 : 3, is_ipv6 ? 4 : 3).payload(quote(sent.ttl(63), bytes));
    };
    const WantedFlow flow4 = flow(red, 17, "10.0.0.10", 5000, "10.0.0.11", 53).to(red_db).from(red_web, red_web).seen(1, 0);
    const WantedFlow flow6 = flow(red, 17, "fd00:a::10", 5000, "fd00:a::11", 53).to(red_db).from(red_web, red_web).seen(1, 0);
    const auto told_about = [&](const std::string& what, const Packet& sent, size_t bytes, const WantedFlow& wanted) {
        return Case{"an error that embeds " + what + " is delivered",
                    {passes(red_web, red_db, sent), passes(red_db, red_web, about(sent, bytes))},
                    {wanted}};
    };
    const auto not_about = [&](const std::string& what, const Packet& sent, const Packet& quoted, size_t bytes,
                               const WantedFlow& wanted) {
        return Case{"an error that embeds " + what + " is dropped",
                    {passes(red_web, red_db, sent), arrives(red_db, about(quoted, bytes)).is(dropped(icmp_unrelated))},
                    {wanted}};
    };
    const Packet plain4 = packet4.udp(5000, 53).filler(16), plain6 = packet6.udp(5000, 53).filler(16);
    const Packet options4 = packet4.ipv4_options({7, 3, 4}).udp(5000, 53).filler(16);
    const Packet extended6 = packet6.hop_by_hop().destination_options(2).udp(5000, 53).filler(16);
    const Packet first6 = packet6.fragment_header(0, true).destination_options().udp(5000, 53).udp_length(72).filler(16);
    const Packet atomic6 = packet6.destination_options().fragment_header(0, false).udp(5000, 53).filler(16);
    const Packet gre4 = packet4.protocol(47).filler(24), icmp_in_ipv6 = packet6.protocol(1).filler(24);
    const auto without_ports = [](uint8_t protocol, const std::string& source, const std::string& destination) {
        return flow(red, protocol, source, 0, destination, 0).to(red_db).from(red_web, red_web).seen(1, 0);
    };
    return {
        told_about("IPv4 options", options4, 24 + 8, flow4),
        told_about("IPv6 extension headers", extended6, 40 + 8 + 24 + 8, flow6),
        told_about("a first fragment with more extension headers", first6, 40 + 8 + 8 + 8, flow6),
        told_about("an atomic fragment behind options", atomic6, 40 + 8 + 8 + 8, flow6),
        told_about("a protocol without ports", gre4, 20 + 8, without_ports(47, "10.0.0.10", "10.0.0.11")),
        told_about("a protocol of IPv4 in IPv6", icmp_in_ipv6, 40 + 8, without_ports(1, "fd00:a::10", "fd00:a::11")),
        not_about("a source route", plain4, packet4.ipv4_options({131, 3, 4}).udp(5000, 53).filler(16), 24 + 8, flow4),
        not_about("an IPv4 header of less than five words", plain4, plain4.header_words(4), 28, flow4),
        not_about("another version", plain4, plain4.version(6), 28, flow4),
        not_about("another version in ICMPv6", plain6, plain6.version(4), 48, flow6),
        not_about("a routing header", plain6, packet6.routing_header(0, 1).udp(5000, 53).filler(16), 1232, flow6),
        not_about("extension headers that are cut off", plain6, extended6, 40 + 8 + 16, flow6),
        not_about("a later fragment behind options", plain6, packet6.destination_options().fragment_header(24, true).filler(24),
                  1232, flow6),
        {"an error does not quote what pads its frame",
         {passes(red_web, red_db, plain4),
          arrives(red_db, about(plain4, 28).length_field(20 + 8 + 24)).is(dropped(icmp_unrelated))},
         {flow4}},
    };
}

}  // namespace

std::vector<Case> icmp_path_cases() {
    std::vector<Case> all = embedded_header_cases();
    for (const Family& family : families)
        for (const auto& some : {router_cases(family), direction_cases(family)}) all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
