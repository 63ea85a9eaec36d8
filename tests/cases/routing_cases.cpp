// Routes of a virtual network: longest prefix in both families, what a next hop can be, and that networks do not meet.
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

namespace {

Packet from_web(uint16_t port, std::string_view destination) {
    return frame_from(port)
        .ip(destination.find(':') == std::string_view::npos ? "10.0.0.10" : "fd00:a::10", destination)
        .udp(5000, 53)
        .filler(16);
}

// As it leaves towards a node: the inner Ethernet header replaced, the TTL spent by one.
Packet inner_of(std::string_view destination) {
    return inner_frame()
        .ip(destination.find(':') == std::string_view::npos ? "10.0.0.10" : "fd00:a::10", destination)
        .ttl(63)
        .udp(5000, 53)
        .filler(16);
}

Case goes_to_node(const std::string& sentence, std::string_view destination, uint16_t next_hop) {
    const bool is_ipv6 = destination.find(':') != std::string_view::npos;
    return {sentence,
            {arrives(red_web, from_web(red_web, destination)).is(forwarded(towards_node(next_hop, red, inner_of(destination))))},
            {flow(red, 17, is_ipv6 ? "fd00:a::10" : "10.0.0.10", 5000, std::string(destination), 53)
                 .to(next_hop)
                 .from(red_web, red_web)}};
}

std::vector<Case> longest_prefix_cases() {
    using enum DropReason;
    const auto is_discarded = [](std::string_view destination) {
        return arrives(red_web, from_web(red_web, destination)).is(dropped(route_discard));
    };
    return {
        goes_to_node("the first address of an IPv4 prefix takes its route", "198.51.100.0", to_node_b),
        goes_to_node("the last address before a longer IPv4 prefix takes the shorter one's route", "198.51.100.127", to_node_b),
        goes_to_node("the first address of a longer IPv4 prefix takes its route", "198.51.100.128", to_node_c),
        goes_to_node("the last address of an IPv4 prefix takes its route", "198.51.100.255", to_node_c),
        goes_to_node("a host route's neighbour takes the prefix's route", "198.51.100.201", to_node_c),
        goes_to_node("an address in an IPv6 prefix takes its route", "2001:db8:1:7fff:ffff:ffff:ffff:ffff", to_node_b),
        goes_to_node("the first address of a longer IPv6 prefix takes its route", "2001:db8:1:8000::", to_node_c),
        {"an IPv4 host route inside a prefix wins", {is_discarded("198.51.100.200")}},
        {"an IPv6 host route inside a prefix wins", {is_discarded("2001:db8:1:8000::200")}},
        {"an unused address of a subnet is discarded, not sent along the default route", {is_discarded("10.0.0.99")}},
        {"an unused IPv6 address of a subnet is discarded, not sent along the default route", {is_discarded("fd00:a::99")}},
    };
}

std::vector<Case> next_hop_cases() {
    using enum DropReason;
    const auto host_gets = [](const Packet& packet) { return delivered(red_host, at(red_host, packet).ttl(63)); };
    const Packet outside4 = from_web(red_web, "203.0.113.7"), outside6 = from_web(red_web, "2001:db8:77::7");
    const Packet from_outside = frame_from(red_host).ipv4("203.0.113.7", "10.0.0.10").udp(5000, 53).filler(16);
    return {
        {"the default route hands over to the host",
         {arrives(red_web, outside4).is(host_gets(outside4))},
         {flow(red, 17, "10.0.0.10", 5000, "203.0.113.7", 53).to(red_host).from(red_web, red_web)}},
        {"the IPv6 default route hands over to the host",
         {arrives(red_web, outside6).is(host_gets(outside6))},
         {flow(red, 17, "fd00:a::10", 5000, "2001:db8:77::7", 53).to(red_host).from(red_web, red_web)}},
        {"what the host sends into a network is delivered",
         {arrives(red_host, from_outside).is(delivered(red_web, at(red_web, from_outside).ttl(63)))},
         {flow(red, 17, "203.0.113.7", 5000, "10.0.0.10", 53).to(red_web).from(red_host, red_host)}},
        {"the host cannot send in the name of a workload",
         {arrives(red_host, frame_from(red_host).ipv4("10.0.0.11", "10.0.0.10").udp(1, 2)).is(dropped(source_address_spoofed))}},
        {"a destination without a route is dropped", {arrives(blue_web, from_web(blue_web, "203.0.113.7")).is(dropped(no_route))}},
        {"an IPv6 destination without a route is dropped",
         {arrives(blue_web, from_web(blue_web, "2001:db8:77::7")).is(dropped(no_route))}},
        {"a route whose next hop is gone drops", {arrives(red_web, from_web(red_web, "10.0.0.50")).is(dropped(next_hop_invalid))}},
        {"a node whose link-layer address is not known cannot be reached yet",
         {arrives(red_web, from_web(red_web, "10.0.0.40")).is(dropped(next_hop_unresolved))}},
        {"class E is no destination, whatever the default route says",
         {arrives(red_web, from_web(red_web, "240.0.0.1")).is(dropped(martian_address))}},
    };
}

std::vector<Case> tenancy_cases() {
    using enum DropReason;
    const Packet red_asks = from_web(red_web, "10.0.0.11"), blue_asks = from_web(blue_web, "10.0.0.11");
    const auto answer_from = [](uint16_t port) { return frame_from(port).ipv4("10.0.0.11", "10.0.0.10").udp(53, 5000).filler(8); };
    return {
        {"equal packets in two networks are two flows, each delivered in its own",
         {arrives(red_web, red_asks).is(delivered(red_db, at(red_db, red_asks).ttl(63))),
          arrives(blue_web, blue_asks).is(delivered(blue_db, at(blue_db, blue_asks).ttl(63)))},
         {flow(red, 17, "10.0.0.10", 5000, "10.0.0.11", 53).to(red_db).from(red_web, red_web),
          flow(blue, 17, "10.0.0.10", 5000, "10.0.0.11", 53).to(blue_db).from(blue_web, blue_web)}},
        {"an answer in the other network is a flow of its own",
         {arrives(red_web, red_asks).is(delivered(red_db, at(red_db, red_asks).ttl(63))),
          arrives(blue_db, answer_from(blue_db)).is(delivered(blue_web, at(blue_web, answer_from(blue_db)).ttl(63)))},
         {flow(red, 17, "10.0.0.10", 5000, "10.0.0.11", 53).in_state(FlowState::opening).seen(1, 0),
          flow(blue, 17, "10.0.0.11", 53, "10.0.0.10", 5000).in_state(FlowState::opening).seen(1, 0)}},
        {"routes of one network are none of the other's",
         {arrives(blue_web, from_web(blue_web, "198.51.100.1")).is(dropped(no_route))}},
    };
}

}  // namespace

std::vector<Case> routing_cases() {
    std::vector<Case> all = longest_prefix_cases();
    for (const auto& some : {next_hop_cases(), tenancy_cases()}) all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
