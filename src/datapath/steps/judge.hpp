// Find the packet's flow, or judge a new one: does the source live where the packet came from, is there a way to the
// destination, and which plane carries it. Reads only.
#pragma once
#include "datapath/flows/flow_table.hpp"
#include "datapath/flows/tracking.hpp"
#include "datapath/steps/neighbour.hpp"
#include "datapath/steps/policy.hpp"

namespace biplane {

inline Fate drop_foreign_source(const Journey& j) {
    return drop(j.came_encapsulated ? DropReason::tunnel_source_mismatch : DropReason::source_address_spoofed);
}

template <typename Tables>
inline void find(const Tables& tables, Journey& j) {
    const uint64_t hash = hash_flow(j.key, j.config->hash_secret);
    j.tunnel_source_port = tunnel_source_port(hash);
    j.flow_number = find_flow(tables, place_flow(hash, j.config->flow_buckets), j.key);
    if (j.flow_number == no_flow) return;
    auto* entry = tables.flow(j.flow_number);
    if (!entry) return;
    if (!j.is_related && starts_anew(entry->mode, entry->protocol, j.tcp_flags)) return;
    if (is_expired(tables, *j.config, j.flow_number, *entry, j.now)) return;
    j.flow = entry;
    j.flow_mode = entry->mode;
    j.next_hop_number = entry->next_hop;
}

// A DHCP server's answer (RFC 2131, section 4.1; RFC 8415, section 7.2) from a workload that its client did not ask itself: that
// would be a known flow. What goes to all is no router's to carry anyway.
inline bool answers_dhcp(const Journey& j) {
    if (j.key.protocol != protocol::udp || j.port->kind != PortKind::workload) return false;
    constexpr be16 server4 = be16::from_host(67), client4 = be16::from_host(68);
    constexpr be16 server6 = be16::from_host(547), client6 = be16::from_host(546);
    return j.key.source_port == (j.is_ipv6 ? server6 : server4) && j.key.destination_port == (j.is_ipv6 ? client6 : client4);
}

template <typename Tables>
inline const Zone* find_zone(const Tables& tables, Journey& j) {
    if (!j.zone) j.zone = tables.zone(j.epoch, j.key.zone);
    return j.zone && j.zone->vni != 0 ? j.zone : nullptr;
}

// What a packet of a protocol with connections is to its flow.
template <typename Tables>
inline Fate track(const Tables& tables, Journey& j) {
    const Tracked tracked = Tracked::unpack(tables.judge_tracked(j.flow_number, j.flow_mode, &j));
    if (tracked.reason != DropReason::none) return drop(tracked.reason);
    j.next_mode = tracked.mode;
    j.is_tracked = tracked.moves;
    return go_on();
}

// RFC 9293, section 3.10.7.1: what belongs to no connection and does not open one is refused. A network may let a connection be
// picked up in its middle: by a segment with ACK, which neither resets nor answers a SYN.
template <typename Tables>
inline Fate check_opens_connection(const Tables& tables, Journey& j) {
    using namespace tcp_flag;
    const uint8_t meaning = j.tcp_flags & (syn | ack | rst | fin);
    if (meaning == syn) return go_on();
    const Zone* zone = (meaning & (syn | ack | rst)) == ack ? find_zone(tables, j) : nullptr;
    return zone && zone->tcp_pickup ? go_on() : drop(DropReason::tcp_no_flow);
}

template <typename Tables>
inline Fate check_opens_flow(const Tables& tables, Journey& j) {
    if (j.is_related) return drop(DropReason::icmp_unrelated);
    if (j.key.protocol == protocol::tcp) return check_opens_connection(tables, j);
    const bool is_icmp = j.key.protocol == (j.is_ipv6 ? protocol::icmpv6 : protocol::icmp);
    if (is_icmp && !j.is_icmp_query) return drop(DropReason::icmp_no_query);
    if (answers_dhcp(j)) return drop(DropReason::dhcp_spoofed);
    if (j.key.protocol != protocol::sctp) return go_on();
    if (j.tcp_flags != static_cast<uint8_t>(SctpEvent::init)) return drop(DropReason::sctp_no_flow);
    return j.tcp_sequence == 0 ? go_on() : drop(DropReason::sctp_tag_invalid);  // RFC 9260, section 8.5.1 A
}

// An ICMP error comes from the way that the packet it embeds took; `way` is the route that led there. If the way ends there, its end
// says so itself. If it leads on, any router behind may: none of them needs to have a route here. But no address that lives
// elsewhere in this network for certain.
template <typename Tables>
inline Fate check_error_source(const Tables& tables, const Journey& j, RouteMatch way) {
    if (way.next_hop != j.source_hop || j.source_hop == no_next_hop) return drop(DropReason::icmp_off_path);
    if (j.error_source == j.key.destination) return drop(DropReason::source_is_destination);
    if (is_martian_source(j.error_source) || is_link_local(j.error_source)) return drop(DropReason::martian_address);
    const RouteMatch home = RouteMatch::unpack(tables.route_to(j.epoch, j.key.zone, j.error_source));
    if (home.next_hop == j.source_hop) return go_on();
    const bool is_elsewhere = home.next_hop != no_next_hop && (home.flags & route_leads_on) == 0;
    return (way.flags & route_leads_on) != 0 && !is_elsewhere ? go_on() : drop_foreign_source(j);
}

template <typename Tables>
inline Fate check_source(const Tables& tables, const Journey& j, RouteMatch back) {
    if (j.is_related) return check_error_source(tables, j, back);
    if (back.next_hop != j.source_hop || j.source_hop == no_next_hop) return drop_foreign_source(j);
    return is_link_local(j.key.source) ? drop(DropReason::martian_address) : go_on();  // whatever a default route says
}

// The source must live where the packet came from, the destination must have a way, and the policies of both must agree. An ICMP
// error goes where its flow goes: its addresses are those of the packet that it embeds.
template <typename Tables>
inline Fate judge(const Tables& tables, Journey& j) {
    j.is_judged = true;
    Fate fate = check_addresses(j);
    if (fate.is_decided()) return fate;
    const RouteMatch back = RouteMatch::unpack(tables.route_to(j.epoch, j.key.zone, j.key.source));
    fate = check_source(tables, j, back);
    if (fate.is_decided()) return fate;
    const RouteMatch way = RouteMatch::unpack(tables.route_to(j.epoch, j.key.zone, j.key.destination));
    j.route_looked_up = true;
    j.route_length = way.length;
    j.next_hop_number = way.next_hop;
    if (way.next_hop == no_next_hop) return drop(DropReason::no_route);
    if (way.next_hop == back.next_hop) return go_on();  // nobody is kept from reaching himself
    return check_policy(tables, j, back.address_class, way.address_class);
}

template <typename Tables>
inline Fate find_or_judge(const Tables& tables, Journey& j) {
    if (j.lacks_first) return drop(DropReason::fragment_first_missing);
    if (!j.flow) {
        const Fate fate = check_opens_flow(tables, j);
        return fate.is_decided() ? fate : judge(tables, j);
    }
    if (load(j.flow->epoch) != j.epoch || j.is_related) {
        const Fate fate = judge(tables, j);
        if (fate.is_decided()) return fate;
    } else if (j.flow->source_hop != j.source_hop) {
        return drop_foreign_source(j);
    }
    return j.tcp_flags != 0 || j.is_related ? track(tables, j) : go_on();
}

// A user plane whose last sign of life is older than the limit: dead, hung, or late on a loaded machine.
template <typename Tables>
inline bool is_late(const Tables& tables, const Journey& j) {
    const auto* user_plane = tables.user_plane();
    const uint32_t heartbeat = user_plane ? load(user_plane->heartbeat) : 0;
    const int32_t age = static_cast<int32_t>(j.now - heartbeat);
    return heartbeat == 0 || age > static_cast<int32_t>(j.config->user_plane_timeout);
}

// Which plane carries the packet, and whether it is cut first. In the user plane everything that came here is carried here. A late
// user plane selects the fallback of a network that has one. Without one the packet is handed over all the same: the socket's ring
// keeps it until the user plane runs again, and only a missing socket loses it (user_plane_down, where it is handed over).
template <typename Packet, typename Tables>
inline Fate choose_plane(const Packet& packet, const Tables& tables, Journey& j) {
    if (Packet::plane == Plane::user && j.flow) return go_on();
    if (j.flow && (j.flow_mode & (flow_mode_user_plane | flow_mode_cut)) == 0) return go_on();
    const bool is_placed = j.flow && (j.flow_mode & flow_mode_user_plane) != 0;
    if (j.flow && !is_placed)
        return Packet::can_be_cut && !packet.came_cut() && j.config->cut_ifindex != 0 ? decided(Verdict::cut) : go_on();
    const Zone* zone = find_zone(tables, j);
    if (!zone) return drop(DropReason::port_unconfigured);
    if (Packet::plane == Plane::user || (!is_placed && zone->plane != Plane::user)) return go_on();
    if (zone->fallback_to_kernel && is_late(tables, j)) return go_on();
    return punt(is_placed ? PuntReason::flow_placed : PuntReason::placed);
}

// always_inline: clang 19 leaves it out of line at any threshold, and BPF functions cannot return a struct.
template <typename Tables>
[[gnu::always_inline]] inline Fate choose_next_hop(const Tables& tables, Journey& j) {
    j.next_hop = tables.next_hop(j.epoch, j.next_hop_number);
    if (!j.next_hop) return drop(DropReason::next_hop_invalid);
    switch (j.next_hop->kind) {
        case NextHopKind::none:
            return drop(DropReason::next_hop_invalid);
        case NextHopKind::discard:
            return drop(DropReason::route_discard);
        case NextHopKind::encapsulate:
            if (j.came_encapsulated) return drop(DropReason::fabric_to_fabric);
            break;
        case NextHopKind::deliver:
        case NextHopKind::host:
            break;
    }
    return MacPair::at(j.next_hop->destination_mac).has_destination() ? go_on() : drop(DropReason::next_hop_unresolved);
}

// No ICMP about ICMP errors or later fragments (RFC 1812, section 4.3.2.7; RFC 4443, section 2.4 e), and none into a tunnel:
// the node at its other end is part of this router and has checked.
inline Reply reply_if_allowed(const Journey& j, Reply reply) {
    return j.is_icmp_error || j.is_later_fragment || j.came_encapsulated ? Reply::none : reply;
}

// May it leave? The TTL goes down once per virtual router: where the packet came from a workload or the host.
template <typename Tables>
inline Fate check_may_leave(const Tables& tables, Journey& j) {
    if (!j.came_encapsulated && j.ttl <= 1) {
        j.reply = reply_if_allowed(j, Reply::time_exceeded);
        return drop(DropReason::ttl_expired);
    }
    if (j.segment_bytes > j.next_hop->mtu) {
        j.reply = reply_if_allowed(j, Reply::too_big);
        return drop(DropReason::mtu_exceeded);
    }
    if (j.next_hop->kind != NextHopKind::encapsulate) return decided(Verdict::deliver);
    return find_zone(tables, j) ? decided(Verdict::forward) : drop(DropReason::port_unconfigured);
}

}  // namespace biplane
