// What can become of a packet: the verdicts, the reasons to drop and the reasons to punt. The names below are the only
// ones: code, CLI, metrics and documents use them as they stand here.
#pragma once
#include "layout/integers.hpp"

namespace biplane {

enum class Plane : uint8_t { kernel = 0, user = 1 };

enum class Verdict : uint8_t {
    undecided,  // inside the pipeline only: go on with the next step
    forward,    // leaves through a fabric port, encapsulated
    deliver,    // leaves through a workload port, or goes up to the node's own stack
    answer,     // sent back through its ingress port, made into a reply by the router (ARP, ND, ICMP error)
    punt,       // handed to the user plane
    drop,
};

enum class PuntReason : uint8_t {
    placed,      // the network is placed in the user plane
    flow_placed  // the flow's entry says user plane
};

enum class DropReason : uint8_t {
    none,
    port_unconfigured,
    frame_truncated,
    ethertype_unsupported,
    source_mac_spoofed,
    destination_mac_foreign,
    arp_invalid,
    arp_spoofed,
    arp_unanswered,
    nd_invalid,
    nd_spoofed,
    nd_unanswered,
    nd_unsolicited,
    ipv4_header_invalid,
    ipv4_checksum_invalid,
    ipv4_source_route,
    ipv6_header_invalid,
    ipv6_extension_invalid,
    ipv6_routing_header,
    martian_address,
    multicast_unsupported,
    source_is_destination,
    fragment_tiny,
    fragment_invalid,
    fragment_first_missing,
    fragment_overlap,
    fragment_conflict,
    transport_truncated,
    tcp_header_invalid,
    tcp_flags_illegal,
    udp_length_invalid,
    icmp_redirect,
    icmp_unrelated,
    source_address_spoofed,
    dhcp_spoofed,
    tunnel_invalid,
    tunnel_unknown_node,
    tunnel_unknown_vni,
    tunnel_source_mismatch,
    tunnel_congestion,
    fabric_to_fabric,
    tcp_no_flow,
    policy_egress_denied,
    policy_ingress_denied,
    policy_rule_denied,
    no_route,
    route_discard,
    next_hop_invalid,
    next_hop_unresolved,
    ttl_expired,
    mtu_exceeded,
    flow_table_full,
    flow_rate_workload,
    flow_rate_network,
    flow_quota_workload,
    flow_quota_network,
    user_plane_down,
    rewrite_failed,
    egress_queue_full,
    count_
};
constexpr uint32_t drop_reasons = static_cast<uint32_t>(DropReason::count_);

struct DropReasonInfo {
    const char* name;         // stable: CLI, metrics, JSON
    const char* explanation;  // for an operator: what happened and what to look at
};

// Indexed by DropReason.
inline constexpr DropReasonInfo drop_reason_table[] = {
    {"none", "not dropped"},
    {"port-unconfigured", "the frame came in through an interface that has no port entry (yet)"},
    {"frame-truncated", "the frame ends before its Ethernet or network header does"},
    {"ethertype-unsupported", "neither ARP, IPv4 nor IPv6 (VLAN tags are not accepted either)"},
    {"source-mac-spoofed", "the Ethernet source is not the workload's address"},
    {"destination-mac-foreign", "the Ethernet destination is neither the router nor a group address"},
    {"arp-invalid", "not an ARP packet for IPv4 over Ethernet (RFC 826)"},
    {"arp-spoofed", "the ARP sender is not the workload behind the port"},
    {"arp-unanswered", "an ARP packet that the router does not answer: a reply, a probe of the own address, an unknown target"},
    {"nd-invalid", "a neighbour solicitation that fails the checks of RFC 4861, section 7.1.1"},
    {"nd-spoofed", "the neighbour solicitation's sender is not the workload behind the port"},
    {"nd-unanswered", "a neighbour solicitation that the router does not answer: a probe of the own address, an unknown target"},
    {"nd-unsolicited", "a router or neighbour advertisement, a redirect or a router solicitation from a workload"},
    {"ipv4-header-invalid", "IPv4 version, header length or total length is wrong (RFC 1812, section 5.2.2)"},
    {"ipv4-checksum-invalid", "the IPv4 header checksum is wrong"},
    {"ipv4-source-route", "the IPv4 header carries a source route option (RFC 6274, section 3.13)"},
    {"ipv6-header-invalid", "IPv6 version or payload length is wrong"},
    {"ipv6-extension-invalid", "IPv6 extension headers out of order, too many, or cut off (RFC 8200, section 4)"},
    {"ipv6-routing-header", "an IPv6 routing header of whatever type (RFC 5095)"},
    {"martian-address", "an address that must not be seen on a wire as it stands here (RFC 1812, section 5.3.7)"},
    {"multicast-unsupported", "the destination is a group or broadcast address"},
    {"source-is-destination", "source and destination address are the same"},
    {"fragment-tiny", "a first fragment without its whole transport header, or an offset that overlaps it (RFC 1858)"},
    {"fragment-invalid",
     "a fragment that is empty, ends beyond 65535 bytes, or is not the last and no multiple of eight bytes long"},
    {"fragment-first-missing", "a later fragment whose first one was not seen before it, was dropped, or came more than 30 s ago"},
    {"fragment-overlap", "a later fragment that would write over the first one (RFC 1858, RFC 5722)"},
    {"fragment-conflict", "a second first fragment of an IPv6 packet, and not the same again (RFC 5722)"},
    {"transport-truncated", "the packet ends before its transport header does"},
    {"tcp-header-invalid", "the TCP data offset is wrong"},
    {"tcp-flags-illegal", "a combination of TCP flags that no stack sends"},
    {"udp-length-invalid", "the UDP length does not fit the packet (RFC 768)"},
    {"icmp-redirect", "an ICMP redirect"},
    {"icmp-unrelated", "an ICMP error that embeds no packet of a known flow, or comes in fragments"},
    {"source-address-spoofed", "the source address does not belong to the workload behind the port"},
    {"dhcp-spoofed", "a workload answers as a DHCP server without having been asked (UDP 67 to 68, 547 to 546)"},
    {"tunnel-invalid", "the VXLAN header has no valid VNI flag, or the frame is cut off (RFC 7348, section 5)"},
    {"tunnel-unknown-node", "an encapsulated packet from an address that is no known node"},
    {"tunnel-unknown-vni", "an encapsulated packet of a virtual network that this node does not have"},
    {"tunnel-source-mismatch", "the inner source does not live behind the node that sent the packet"},
    {"tunnel-congestion",
     "congestion was marked on the tunnel, and the inner packet cannot carry the mark (RFC 6040, section 4.2)"},
    {"fabric-to-fabric", "a packet from a node would have to leave to a node"},
    {"tcp-no-flow", "a TCP segment other than a first SYN belongs to no known flow"},
    {"policy-egress-denied", "policies isolate the sender, and no rule of theirs allows this"},
    {"policy-ingress-denied", "policies isolate the receiver, and no rule of theirs allows this"},
    {"policy-rule-denied", "a rule with action deny matched"},
    {"no-route", "the virtual network has no route to the destination"},
    {"route-discard", "the route to the destination says discard"},
    {"next-hop-invalid", "the route's next hop is not there (any more)"},
    {"next-hop-unresolved", "the link-layer address of the next hop is not known (yet)"},
    {"ttl-expired", "the TTL or hop limit ran out here"},
    {"mtu-exceeded", "the packet is larger than the way allows and must not be fragmented here"},
    {"flow-table-full", "no room for the flow, and nothing may be reclaimed"},
    {"flow-rate-workload", "the workload opens more new flows per second than its limit allows"},
    {"flow-rate-network", "the virtual network opens more new flows per second on this node than its limit allows"},
    {"flow-quota-workload", "the workload has as many flows as its limit allows, and none of them is over"},
    {"flow-quota-network", "the virtual network has as many flows on this node as its share allows, and none of them is over"},
    {"user-plane-down", "the packet's network lives in the user plane, and no user plane is alive"},
    {"rewrite-failed", "the kernel could not change the packet's size"},
    {"egress-queue-full", "the user plane's transmit ring towards the egress port is full"},
};
static_assert(sizeof(drop_reason_table) / sizeof(drop_reason_table[0]) == drop_reasons, "one row per DropReason, in order");

// The outcome of a pipeline step or of the whole pipeline. `detail` is the DropReason or PuntReason.
struct Fate {
    Verdict verdict;
    uint8_t detail;

    constexpr bool is_decided() const { return verdict != Verdict::undecided; }
    constexpr DropReason drop_reason() const {
        return verdict == Verdict::drop ? static_cast<DropReason>(detail) : DropReason::none;
    }
    // As one number: what a function that the kernel program keeps out of line can return.
    constexpr uint32_t packed() const { return static_cast<uint32_t>(verdict) << 8 | detail; }
    static constexpr Fate unpack(uint32_t value) { return {static_cast<Verdict>(value >> 8), static_cast<uint8_t>(value)}; }
    friend constexpr bool operator==(Fate a, Fate b) { return a.verdict == b.verdict && a.detail == b.detail; }
};

constexpr Fate go_on() { return {Verdict::undecided, 0}; }
constexpr Fate drop(DropReason reason) { return {Verdict::drop, static_cast<uint8_t>(reason)}; }
constexpr Fate punt(PuntReason reason) { return {Verdict::punt, static_cast<uint8_t>(reason)}; }
constexpr Fate decided(Verdict verdict) { return {verdict, 0}; }

}  // namespace biplane
