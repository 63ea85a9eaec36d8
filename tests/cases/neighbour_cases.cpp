// Neighbour discovery on workload ports: which solicitations are valid (RFC 4861, section 7.1.1), which are answered, and how
// (section 7.2.4). What a router learns from workloads: nothing.
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

std::vector<Case> neighbour_cases();

namespace {

const MacAddress web_mac = peer_mac(red_web);
const MacAddress router = router_mac(red_web);
const MacAddress stranger = mac("02:00:00:00:99:99");
constexpr uint32_t router_solicited_override = 0xe0000000;

// A solicitation as RFC 4861 wants it: to the target's solicited-node group, hop limit 255, with the sender's address.
Packet solicitation(std::string_view source, std::string_view target, const MacAddress* link_address = &web_mac) {
    return Packet()
        .ethernet(web_mac, mac("33:33:ff:00:00:01"))
        .ipv6(source, "ff02::1:ff00:1")
        .ttl(255)
        .neighbour_solicitation(target, link_address);
}

Packet advertisement(std::string_view target, std::string_view asked_by) {
    return Packet()
        .ethernet(router, web_mac)
        .ipv6(target, asked_by)
        .ttl(255)
        .neighbour_advertisement(target, router_solicited_override, router);
}

Step answers(std::string_view target, std::string_view asked_by = "fd00:a::10") {
    return arrives(red_web, solicitation(asked_by, target)).is(answered(red_web, advertisement(target, asked_by)));
}

std::vector<Case> solicitation_cases() {
    using enum DropReason;
    const auto is_silent_about = [](std::string_view target) {
        return arrives(red_web, solicitation("fd00:a::10", target)).is(dropped(nd_unanswered));
    };
    const Packet unicast = solicitation("fd00:a::10", "fe80::1").macs(web_mac, router);
    return {
        {"the router answers a solicitation for the gateway", {answers("fe80::1")}},
        {"the router answers a solicitation for a workload of this node", {answers("fd00:a::11")}},
        {"the router answers a solicitation for a workload of another node", {answers("fd00:a::20")}},
        {"the router answers a solicitation for what the default route reaches", {answers("2001:db8:77::7")}},
        {"the router answers a solicitation that comes from the workload's link-local address", {answers("fe80::1", "fe80::10")}},
        {"the router answers a solicitation sent to it alone",
         {arrives(red_web, unicast).is(answered(red_web, advertisement("fe80::1", "fd00:a::10")))}},
        {"the router is silent about the workload's own IPv6 address", {is_silent_about("fd00:a::10")}},
        {"the router is silent about an IPv6 address of a discard route", {is_silent_about("fd00:a::99")}},
        {"the router is silent about link-local addresses but the gateway's, whatever the default route says",
         {is_silent_about("fe80::99")}},
        {"a solicitation without an option is answered with one",
         {arrives(red_web, solicitation("fd00:a::10", "fe80::1", nullptr))
              .is(answered(red_web, advertisement("fe80::1", "fd00:a::10"))),
          arrives(red_web, solicitation("fd00:a::10", "fe80::1", nullptr).trailer(3))
              .is(answered(red_web, advertisement("fe80::1", "fd00:a::10")))}},
        {"a padded solicitation is answered without the padding",
         {arrives(red_web, solicitation("fd00:a::10", "fe80::1").trailer(10))
              .is(answered(red_web, advertisement("fe80::1", "fd00:a::10")))}},
    };
}

// RFC 4861, section 4.6: options are walked by their lengths, and those that are not known passed over. The nonce is that of RFC 3971
// and RFC 7527; type 253 is for experiments (RFC 4727).
std::vector<Case> option_cases() {
    using enum DropReason;
    const Bytes nonce{14, 1, 1, 2, 3, 4, 5, 6}, two_units{253, 2, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9};
    Bytes own_address{1, 1}, address_of_stranger{1, 1};
    own_address.insert(own_address.end(), web_mac.bytes, web_mac.bytes + 6);
    address_of_stranger.insert(address_of_stranger.end(), stranger.bytes, stranger.bytes + 6);
    const auto with_options = [](const std::vector<Bytes>& options, std::string_view source = "fd00:a::10") {
        Bytes all;
        for (const Bytes& option : options) all.insert(all.end(), option.begin(), option.end());
        return solicitation(source, "fe80::1", nullptr).payload(all);
    };
    const auto answered_with = [&](const std::vector<Bytes>& options) {
        return arrives(red_web, with_options(options)).is(answered(red_web, advertisement("fe80::1", "fd00:a::10")));
    };
    const auto refused_with = [&](const std::vector<Bytes>& options, DropReason reason, std::string_view source = "fd00:a::10") {
        return arrives(red_web, with_options(options, source)).is(dropped(reason));
    };
    return {
        {"a solicitation with a nonce is answered", {answered_with({nonce}), answered_with({own_address, nonce})}},
        {"the options of a solicitation may stand in any order, known or not",
         {answered_with({nonce, two_units, own_address}), answered_with({two_units, own_address, nonce})}},
        {"a solicitation with many options is answered", {answered_with(std::vector<Bytes>(32, nonce))}},
        {"an address in a later option is checked like one in the first",
         {refused_with({nonce, address_of_stranger}, nd_spoofed), refused_with({own_address, address_of_stranger}, nd_spoofed)}},
        {"a solicitation with a later option of length 0 is dropped",
         {refused_with({nonce, {14, 0, 0, 0, 0, 0, 0, 0}}, nd_invalid)}},
        {"a solicitation with an option that ends behind it is dropped",
         {refused_with({nonce, {14, 2, 0, 0, 0, 0, 0, 0}}, nd_invalid), refused_with({nonce, {14, 1}}, nd_invalid)}},
        {"a solicitation with an address option of another length is dropped",
         {refused_with({{1, 2, 2, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0}}, nd_invalid)}},
        {"a solicitation with more options than are walked is dropped", {refused_with(std::vector<Bytes>(33, nonce), nd_invalid)}},
        {"a probe that tells an address is dropped", {refused_with({own_address}, nd_invalid, "::")}},
    };
}

// RFC 4862, section 5.4: duplicate address detection. RFC 4861, section 7.2.4: how a probe is answered.
std::vector<Case> probe_cases() {
    using enum DropReason;
    const auto probe = [](std::string_view target) { return solicitation("::", target, nullptr); };
    const auto taken = [](std::string_view target) {
        return Packet()
            .ethernet(router, mac("33:33:00:00:00:01"))
            .ipv6(target, "ff02::1")
            .ttl(255)
            .neighbour_advertisement(target, 0xa0000000, router);
    };
    const Bytes nonce{14, 1, 1, 2, 3, 4, 5, 6};
    const auto is_taken = [&](std::string_view target) {
        return arrives(red_web, probe(target)).is(answered(red_web, taken(target)));
    };
    const Packet to_router_alone = probe("fd00:a::11").macs(web_mac, router);
    const Packet to_one =
        Packet().ethernet(web_mac, router).ipv6("::", "fd00:a::11").ttl(255).neighbour_solicitation("fd00:a::11", nullptr);
    return {
        {"a probe of the own address before its use is left alone",
         {arrives(red_web, probe("fd00:a::10")).is(dropped(nd_unanswered)),
          arrives(red_web, probe("fd00:a::10").payload(nonce)).is(dropped(nd_unanswered))}},
        {"a probe for another workload's address is answered: it is taken (RFC 4862)",
         {is_taken("fd00:a::11"), is_taken("fd00:a::20"),
          arrives(red_web, probe("fd00:a::11").payload(nonce)).is(answered(red_web, taken("fd00:a::11"))),
          arrives(red_web, to_router_alone).is(answered(red_web, taken("fd00:a::11")))}},
        {"a probe for the gateway's address is answered: it is taken", {is_taken("fe80::1")}},
        {"a probe for a link-local address of the workload's own is left alone",
         {arrives(red_web, probe("fe80::10")).is(dropped(nd_unanswered))}},
        {"a probe for an address that is nobody's is left alone",
         {arrives(red_web, probe("fd00:a::99")).is(dropped(nd_unanswered))}},
        {"a probe that goes to no solicited-node group is dropped", {arrives(red_web, to_one).is(dropped(nd_invalid))}},
    };
}

std::vector<Case> invalid_cases() {
    using enum DropReason;
    const Packet valid = solicitation("fd00:a::10", "fe80::1");
    const auto is_invalid = [](const Packet& packet) { return arrives(red_web, packet).is(dropped(nd_invalid)); };
    const auto unicast = [] { return Packet().ethernet(web_mac, router).ipv6("fd00:a::10", "fe80::1").ttl(255); };
    return {
        {"a solicitation that came over a router is dropped", {is_invalid(valid.ttl(254))}},
        {"a solicitation with a wrong checksum is dropped", {is_invalid(valid.transport_checksum(0x1234))}},
        {"a solicitation with another code than 0 is dropped", {is_invalid(valid.patched(14 + 40 + 1, {1}).patched(14 + 42, {0}))}},
        {"a solicitation without a whole target is dropped", {is_invalid(valid.length_field(23).cut_to(14 + 40 + 23))}},
        {"a solicitation with an option of length 0 is dropped", {is_invalid(valid.patched(14 + 40 + 25, {0}))}},
        {"a solicitation for a group is dropped", {is_invalid(solicitation("fd00:a::10", "ff02::1"))}},
        {"a solicitation behind extension headers is answered",
         {arrives(red_web, unicast().hop_by_hop().destination_options(1).neighbour_solicitation("fe80::1", &web_mac))
              .is(answered(red_web, advertisement("fe80::1", "fd00:a::10"))),
          arrives(red_web, unicast().destination_options().neighbour_solicitation("fe80::1", nullptr))
              .is(answered(red_web, advertisement("fe80::1", "fd00:a::10")))}},
        {"a solicitation with a fragment header is dropped, also if it is whole (RFC 6980)",
         {is_invalid(unicast().fragment_header(0, false).neighbour_solicitation("fe80::1", &web_mac))}},
        {"a solicitation in the name of another address is dropped",
         {arrives(red_web, solicitation("fd00:a::11", "fe80::1")).is(dropped(nd_spoofed))}},
        {"a solicitation with another link-layer address than the workload's is dropped",
         {arrives(red_web, solicitation("fd00:a::10", "fe80::1", &stranger)).is(dropped(nd_spoofed))}},
    };
}

std::vector<Case> unsolicited_cases() {
    using enum DropReason;
    const Packet to_all_nodes = Packet().ethernet(web_mac, mac("33:33:00:00:00:01")).ipv6("fe80::10", "ff02::1").ttl(255);
    const Packet to_db = frame_from(red_web).ipv6("fd00:a::10", "fd00:a::11").ttl(255);
    const Packet to_all_routers = Packet().ethernet(web_mac, mac("33:33:00:00:00:02")).ipv6("fe80::10", "ff02::2").ttl(255);
    return {
        {"a router solicitation from a workload is dropped",
         {arrives(red_web, to_all_routers.icmp(133, 0)).is(dropped(nd_unsolicited))}},
        {"a router advertisement from a workload is dropped",
         {arrives(red_web, to_all_nodes.icmp(134, 0).filler(8)).is(dropped(nd_unsolicited))}},
        {"a neighbour advertisement from a workload is dropped",
         {arrives(red_web, to_all_nodes.neighbour_advertisement("fd00:a::11", 0x20000000, web_mac)).is(dropped(nd_unsolicited))}},
        {"an IPv6 redirect from a workload is dropped",
         {arrives(red_web, to_all_nodes.icmp(137, 0).filler(32)).is(dropped(nd_unsolicited))}},
        {"a neighbour advertisement in the name of the gateway is dropped, also when it goes to one workload",
         {arrives(red_web, to_db.neighbour_advertisement("fe80::1", router_solicited_override, web_mac))
              .is(dropped(nd_unsolicited))}},
        {"a router advertisement to one workload is dropped",
         {arrives(red_web, to_db.icmp(134, 0).filler(8)).is(dropped(nd_unsolicited))}},
        {"a router advertisement behind extension headers is dropped (RFC 7113)",
         {arrives(red_web, to_db.hop_by_hop().destination_options().icmp(134, 0).filler(8)).is(dropped(nd_unsolicited))}},
        {"a router advertisement from another node's workload is dropped",
         {arrives(fabric,
                  coming_from_node(to_node_b, red, inner_frame().ipv6("fd00:a::20", "fd00:a::10").ttl(255).icmp(134, 0).filler(8)))
              .is(dropped(nd_unsolicited))}},
        {"a report of group membership from a workload is dropped: there are no groups",
         {arrives(red_web, Packet()
                               .ethernet(web_mac, mac("33:33:00:00:00:16"))
                               .ipv6("fe80::10", "ff02::16")
                               .ttl(1)
                               .hop_by_hop()
                               .icmp(143, 0)
                               .filler(20))
              .is(dropped(multicast_unsupported))}},
        {"neighbour discovery on the fabric belongs to the node",
         {arrives(fabric, Packet()
                              .ethernet(node_c_mac, mac("33:33:ff:00:00:01"))
                              .ipv6("2001:db8::3", "ff02::1:ff00:1")
                              .ttl(255)
                              .neighbour_solicitation("2001:db8::1", &node_c_mac))
              .is(left_to_the_node())}},
        {"a solicitation in a tunnel is dropped",
         {arrives(fabric,
                  coming_from_node(
                      to_node_b, red,
                      inner_frame().ipv6("fd00:a::20", "fd00:a::10").ttl(255).neighbour_solicitation("fd00:a::10", &node_b_mac)))
              .is(dropped(nd_unsolicited))}},
    };
}

// RFC 1812, section 4.3.3.6; RFC 4443, section 4.2: a router answers pings, though nothing else is sent on to an address of the link.
std::vector<Case> gateway_cases() {
    using enum DropReason;
    std::vector<Case> cases;
    for (const bool is_ipv6 : {false, true}) {
        const std::string gateway = is_ipv6 ? "fe80::1" : "169.254.1.1", web = is_ipv6 ? "fd00:a::10" : "10.0.0.10",
                          db = is_ipv6 ? "fd00:a::11" : "10.0.0.11", nobody = is_ipv6 ? "fe80::99" : "169.254.7.7",
                          b = is_ipv6 ? "fd00:a::20" : "10.0.0.20", family = is_ipv6 ? "IPv6: " : "IPv4: ";
        const Packet to_gateway = frame_from(red_web).ip(web, gateway), to_web = frame_to(red_web).ip(gateway, web);
        const Packet ping = to_gateway.ttl(1).traffic_class(0x48).echo_request(77, 3).filler(57);
        const Packet pong = to_web.ttl(64).traffic_class(0x48).echo_reply(77, 3).filler(57);
        const Packet large = to_gateway.echo_request(77).filler(1300), large_pong = to_web.echo_reply(77).filler(1300);
        const auto pinged = [&](const Packet& request, const Packet& reply) {
            return arrives(red_web, request).is(answered(red_web, reply));
        };
        const auto refused = [&](const Packet& packet, DropReason reason) { return arrives(red_web, packet).is(dropped(reason)); };
        cases.push_back(
            {family + "the gateway answers a ping, with any TTL and of any size", {pinged(ping, pong), pinged(large, large_pong)}});
        cases.push_back({family + "the gateway answers every ping",
                         std::vector<Step>(150, pinged(to_gateway.echo_request(1), to_web.echo_reply(1)))});
        cases.push_back({family + "the gateway answers no ping in the name of another",
                         {refused(frame_from(red_web).ip(db, gateway).echo_request(1), source_address_spoofed),
                          refused(frame_from(red_web).ip(gateway, gateway).echo_request(1), source_is_destination)}});
        cases.push_back(
            {family + "the gateway answers no ping that goes to a group of stations",
             {refused(Packet().ethernet(web_mac, broadcast_mac).ip(web, gateway).echo_request(1), multicast_unsupported)}});
        cases.push_back({family + "no other address of the link is answered for, and nothing but pings",
                         {refused(frame_from(red_web).ip(web, nobody).echo_request(1), martian_address),
                          refused(to_gateway.udp(5000, 53), martian_address), refused(to_gateway.echo_reply(1), icmp_no_query)}});
        cases.push_back(
            {family + "the gateway answers no ping in fragments: it reassembles nothing",
             {refused((is_ipv6 ? to_gateway.fragment_header(0, true) : to_gateway.fragment(0, true)).echo_request(1).filler(16),
                      martian_address)}});
        cases.push_back({family + "the gateway answers no ping from another node's workload",
                         {arrives(fabric, coming_from_node(to_node_b, red, inner_frame().ip(b, gateway).echo_request(1)))
                              .is(dropped(martian_address))}});
        cases.push_back(
            {family + "the gateway answers the host's ping",
             {arrives(red_host, frame_from(red_host).ip(is_ipv6 ? "2001:db8:77::7" : "203.0.113.7", gateway).echo_request(1))
                  .is(answered(red_host,
                               frame_to(red_host).ip(gateway, is_ipv6 ? "2001:db8:77::7" : "203.0.113.7").echo_reply(1)))}});
    }
    const Packet options = frame_from(red_web).ipv4("10.0.0.10", "169.254.1.1").ipv4_options({7, 3, 4}).echo_request(1);
    const Packet extended = frame_from(red_web).ipv6("fd00:a::10", "fe80::1").destination_options().echo_request(1);
    cases.push_back(
        {"a ping of the gateway with options is answered with them",
         {arrives(red_web, options)
              .is(answered(red_web, frame_to(red_web).ipv4("169.254.1.1", "10.0.0.10").ipv4_options({7, 3, 4}).echo_reply(1))),
          arrives(red_web, extended)
              .is(answered(red_web, frame_to(red_web).ipv6("fe80::1", "fd00:a::10").destination_options().echo_reply(1)))}});
    const Packet from_link_local = frame_from(red_web).ipv6("fe80::10", "fe80::1").echo_request(1);
    cases.push_back(
        {"the gateway answers a ping from the workload's link-local address",
         {arrives(red_web, from_link_local).is(answered(red_web, frame_to(red_web).ipv6("fe80::1", "fe80::10").echo_reply(1)))}});
    return cases;
}

}  // namespace

std::vector<Case> neighbour_cases() {
    std::vector<Case> all = solicitation_cases();
    for (const auto& some : {option_cases(), probe_cases(), invalid_cases(), unsolicited_cases(), gateway_cases()})
        all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
