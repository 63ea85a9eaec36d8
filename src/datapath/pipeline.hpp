// The way of a packet. Both planes, the tests and the trace run this; what differs between them is Packet and Tables.
//
//     enter   which port did it come in through                    admit.hpp
//     parse   what is it                                           parse.hpp
//     admit   is the sender who it claims to be                    admit.hpp, neighbour.hpp
//     join    of a fragment: of which datagram, and so of which flow       fragments.hpp
//     find    is its flow known, under the epoch in force          judge.hpp, flow_table.hpp
//     judge   if not: source, route, policy                        judge.hpp, policy.hpp
//     leave   may it: TTL, MTU
//     record, rewrite: only now anything is written                record.hpp, rewrite.hpp, icmp_error.hpp
#pragma once
#include "datapath/steps/icmp_error.hpp"
#include "datapath/steps/policy_events.hpp"
#include "datapath/steps/record.hpp"

namespace biplane {

struct Outcome {
    Fate fate;
    uint16_t port;            // ingress
    uint16_t socket_slot;     // XSKMAP slot of the ingress port's queue 0; 0: none
    uint32_t flow;            // number of the entry, or no_flow
    uint32_t egress_ifindex;  // 0: nothing is sent (dropped, punted, traced, or left to the node's own stack)
    bool to_peer;             // the frame may be put directly into the namespace behind the egress veth
    bool from_fabric;
    bool is_traced;
};

// The usual packet is looked into on the spot, every other one out of line.
template <typename Packet>
inline Fate parse_packet(Packet& packet, Journey& j) {
    Fate fate{};
    return parse_plain(packet, j, fate) ? fate : Fate::unpack(packet.parse_headers(j));
}

// The addresses are checked when a flow is judged: those of a known flow were.
template <typename Packet, typename Tables>
inline Fate admit(Packet& packet, const Tables& tables, Journey& j) {
    if (j.is_arp || j.is_for_router) return Fate::unpack(decide_answer(&packet, &tables, &j));
    // RFC 1812, section 5.3.4: an IP packet to a group at the Ethernet level is none that a router forwards.
    if (j.is_to_group) return drop(DropReason::multicast_unsupported);
    return j.came_encapsulated ? check_congestion(j) : go_on();
}

// Reads only. Undecided is no outcome: the last step always decides.
template <typename Packet, typename Tables>
inline Fate decide(Packet& packet, const Tables& tables, uint32_t ifindex, Journey& j) {
    Fate fate = enter(packet, tables, ifindex, j);
    if (fate.is_decided()) return fate;
    fate = j.port->kind == PortKind::fabric ? open_tunnel(packet, tables, j) : check_ethernet(packet, j);
    if (fate.is_decided()) return fate;
    fate = parse_packet(packet, j);
    if (fate.is_decided()) return fate;
    fate = admit(packet, tables, j);
    if (fate.is_decided()) return fate;
    if (j.is_fragment) fate = Fate::unpack(tables.join_fragment(j, j.source_hop, j.now));
    if (fate.is_decided()) return fate;
    find(tables, j);
    fate = choose_plane(packet, tables, j);
    if (fate.is_decided()) return fate;
    fate = find_or_judge(tables, j);
    if (fate.is_decided()) return fate;
    fate = choose_next_hop(tables, j);
    if (fate.is_decided()) return fate;
    return check_may_leave(tables, j);
}

template <typename Packet>
inline Fate refuse_room(const Packet& packet, const Journey& j) {
    if (!packet.must_be_cut() || j.config->cut_ifindex == 0) return drop(DropReason::rewrite_failed);
    if (j.flow) j.flow->mode |= flow_mode_cut;
    return decided(Verdict::cut);
}

// Writes what was decided: the flow, then the packet. `frames`: how many it is on the wire.
template <typename Packet, typename Tables>
inline Fate carry_out(Packet& packet, const Tables& tables, Journey& j, Fate fate, uint32_t frames) {
    switch (fate.verdict) {
        case Verdict::forward:
        case Verdict::deliver: {
            if (!j.next_hop) return fate;  // to the node's own stack, as it came
            const bool is_forwarded = fate.verdict == Verdict::forward;
            if (is_forwarded && !make_room(packet, j)) return refuse_room(packet, j);
            const Fate recorded = record(packet, tables, j, frames);
            if (recorded.is_decided()) {
                if (is_forwarded) give_room_back(packet, j);
                return recorded;
            }
            if (is_first_fragment(j)) tables.remember_fragment(j, j.source_hop, j.now, false);
            const bool done = is_forwarded ? rewrite_forwarded(packet, j) : rewrite_delivered(packet, j);
            return done ? fate : drop(DropReason::rewrite_failed);
        }
        case Verdict::cut:
            if (j.is_to_group) return drop(DropReason::multicast_unsupported);  // the tag will be in that address's place
            return j.config->cut_ifindex != 0 ? fate : drop(DropReason::rewrite_failed);
        case Verdict::answer:
            return write_answer(&packet, &j) ? fate : drop(DropReason::rewrite_failed);
        case Verdict::punt:
            if (is_first_fragment(j)) tables.remember_fragment(j, j.source_hop, j.now, true);
            break;
        case Verdict::drop:
        case Verdict::undecided:
            break;
    }
    return fate;
}

// D12: everything is counted once, at its ingress port.
inline void count_fate(PortCounters& counters, Fate fate, uint64_t frames, uint64_t bytes) {
    uint32_t reason = fate.detail;
    forget_value(reason);
    counters.received += frames;
    counters.received_bytes += bytes;
    switch (fate.verdict) {
        case Verdict::forward:
            counters.forwarded += frames;
            break;
        case Verdict::deliver:
            counters.delivered += frames;
            break;
        case Verdict::answer:
            counters.forwarded += frames;
            counters.answered += frames;
            break;
        case Verdict::punt:
            counters.punted += frames;
            break;
        case Verdict::cut:
        case Verdict::undecided:
        case Verdict::drop:
            if (reason < drop_reasons) counters.drops[reason] += frames;
            break;
    }
}

// Whose fault it was, for operators.
inline void remember_denial(PortCounters& counters, const Journey& j, Fate fate) {
    uint32_t which = fate.detail - static_cast<uint32_t>(DropReason::policy_egress_denied);
    forget_value(which);
    if (fate.verdict != Verdict::drop || which > 2) return;
    counters.last_denial[which] = uint64_t{j.now} << 32 | (j.ingress_decision != 0 ? j.ingress_decision : j.egress_decision);
}

// Which rule decided about this packet; only where it was judged.
template <typename Tables>
inline void count_rule(const Tables& tables, uint32_t decision, uint64_t frames) {
    if (decision == 0) return;
    auto* counters = tables.rule_counters(rule_of(decision));
    if (counters) counters->packets += frames;
}

template <typename Tables>
inline void write_trace(const Tables& tables, const Journey& j, Fate fate) {
    auto* trace = tables.trace();
    if (!trace) return;
    trace->epoch = j.epoch;
    trace->port = j.port_number;
    trace->zone = j.key.zone;
    trace->inner_offset = static_cast<uint16_t>(j.network_offset());
    trace->verdict = fate.verdict;
    trace->detail = fate.detail;
    trace->flow = j.flow ? j.flow_number : no_flow;
    trace->key = j.key;
    trace->next_hop = j.next_hop_number;
    trace->source_hop = j.source_hop;
    trace->route_length = j.route_length;
    trace->route_looked_up = j.route_looked_up;
    trace->judged = j.is_judged;
    trace->ttl = j.ttl;
    trace->flow_mode = j.flow_mode;
    trace->egress_decision = j.egress_decision;
    trace->ingress_decision = j.ingress_decision;
    trace->source_class = j.initiator_class;
    trace->destination_class = j.responder_class;
    trace->nonce = j.config->trace_nonce;
}

// The whole way of one frame that came in through `ifindex`. `now` is the current tick.
template <typename Packet, typename Tables>
inline Outcome process(Packet& packet, const Tables& tables, uint32_t ifindex, uint32_t now) {
    Journey j{};
    Outcome outcome{};
    j.config = tables.config();
    j.now = now;
    j.flow_number = no_flow;
    outcome.flow = no_flow;
    outcome.fate = drop(DropReason::port_unconfigured);
    if (!j.config) return outcome;

    const uint64_t frames = packet.wire_frames();
    const uint64_t bytes = packet.length();
    Fate fate = decide(packet, tables, ifindex, j);
    outcome.port = j.port_number;
    outcome.from_fabric = j.port && j.port->kind == PortKind::fabric;
    outcome.socket_slot = j.port ? j.port->socket_slot : uint16_t{0};
    if (packet.is_traced(j.config->trace_nonce)) {
        write_trace(tables, j, fate);
        outcome.fate = fate;
        outcome.is_traced = true;
        return outcome;
    }
    fate = carry_out(packet, tables, j, fate, static_cast<uint32_t>(frames));
    outcome.fate = fate;
    outcome.flow = j.flow_number;
    if (Packet::can_be_cut && fate.verdict == Verdict::cut) return outcome;

    auto* counters = tables.counters(j.port_number);
    if (!counters) return outcome;
    count_fate(*counters, fate, frames, bytes);
    counters->flows_created += j.is_new ? 1 : 0;
    if (j.is_judged) {
        count_rule(tables, j.egress_decision, frames);
        count_rule(tables, j.ingress_decision, frames);
        remember_denial(*counters, j, fate);
        if ((j.egress_decision | j.ingress_decision) & policy_log && (j.is_new || fate.verdict == Verdict::drop))
            log_decisions(&tables, &j, fate.verdict == Verdict::drop);
    }
    if (fate.verdict == Verdict::answer) outcome.egress_ifindex = ifindex;
    if (fate.verdict == Verdict::drop && j.reply != Reply::none && may_send_error(*counters, now) && make_icmp_error(&packet, &j)) {
        outcome.egress_ifindex = ifindex;
        ++counters->answered;
    }
    if (outcome.egress_ifindex) {
        ++counters->transmitted;
        counters->transmitted_bytes += packet.length();
    }
    if ((fate.verdict == Verdict::forward || fate.verdict == Verdict::deliver) && j.next_hop) {
        outcome.egress_ifindex = j.next_hop->ifindex;
        outcome.to_peer = (j.next_hop->flags & next_hop_peer_elsewhere) != 0;
        auto* egress = tables.counters(j.next_hop->port);
        if (egress) {
            egress->transmitted += frames;
            egress->transmitted_bytes += packet.length();
        }
    }
    return outcome;
}

}  // namespace biplane
