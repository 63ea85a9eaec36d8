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
        {"a probe of the own address before its use is left alone",
         {arrives(red_web, solicitation("::", "fd00:a::10", nullptr)).is(dropped(nd_unanswered))}},
    };
}

std::vector<Case> invalid_cases() {
    using enum DropReason;
    const Packet valid = solicitation("fd00:a::10", "fe80::1");
    const auto is_invalid = [](const Packet& packet) { return arrives(red_web, packet).is(dropped(nd_invalid)); };
    return {
        {"a solicitation that came over a router is dropped", {is_invalid(valid.ttl(254))}},
        {"a solicitation with a wrong checksum is dropped", {is_invalid(valid.transport_checksum(0x1234))}},
        {"a solicitation with another code than 0 is dropped", {is_invalid(valid.patched(14 + 40 + 1, {1}).patched(14 + 42, {0}))}},
        {"a solicitation without a whole target is dropped", {is_invalid(valid.length_field(23).cut_to(14 + 40 + 23))}},
        {"a solicitation with an option of length 0 is dropped", {is_invalid(valid.patched(14 + 40 + 25, {0}))}},
        {"a solicitation for a group is dropped", {is_invalid(solicitation("fd00:a::10", "ff02::1"))}},
        {"a solicitation behind an extension header is dropped",
         {is_invalid(Packet()
                         .ethernet(web_mac, router)
                         .ipv6("fd00:a::10", "fe80::1")
                         .ttl(255)
                         .destination_options()
                         .neighbour_solicitation("fe80::1", &web_mac))}},
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

}  // namespace

std::vector<Case> neighbour_cases() {
    std::vector<Case> all = solicitation_cases();
    for (const auto& some : {invalid_cases(), unsolicited_cases()}) all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
