// The flow table: state of connections (RFC 9293, RFC 5382), expiry, epochs, and what happens when there is no room.
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;
using namespace packets::tcp;

namespace {

constexpr uint16_t client = 40000, server = 80;

Packet segment(uint8_t flags) { return frame_from(red_web).ipv4("10.0.0.10", "10.0.0.11").tcp(client, server, flags); }
Packet reply_segment(uint8_t flags) { return frame_from(red_db).ipv4("10.0.0.11", "10.0.0.10").tcp(server, client, flags); }

Step sends(uint8_t flags) { return arrives(red_web, segment(flags)).is(delivered(red_db, at(red_db, segment(flags)).ttl(63))); }
Step replies(uint8_t flags) {
    return arrives(red_db, reply_segment(flags)).is(delivered(red_web, at(red_web, reply_segment(flags)).ttl(63)));
}
Step sends_in_vain(uint8_t flags) { return arrives(red_web, segment(flags)).is(dropped(DropReason::tcp_no_flow)); }
Step replies_in_vain(uint8_t flags) { return arrives(red_db, reply_segment(flags)).is(dropped(DropReason::tcp_no_flow)); }

WantedFlow connection() { return flow(red, 6, "10.0.0.10", client, "10.0.0.11", server).to(red_db).from(red_web, red_web); }

std::vector<Case> connection_cases() {
    using enum FlowState;
    return {
        {"a SYN that was answered is an answered connection",
         {sends(syn), replies(syn | ack)},
         {connection().in_state(answered).seen(1, 1)}},
        {"the handshake's last ACK establishes the connection",
         {sends(syn), replies(syn | ack), sends(ack)},
         {connection().in_state(established).seen(2, 1)}},
        {"a repeated SYN+ACK does not establish the connection",
         {sends(syn), replies(syn | ack), replies(syn | ack)},
         {connection().in_state(answered).seen(1, 2)}},
        {"a repeated SYN stays in its flow", {sends(syn), sends(syn)}, {connection().in_state(opening).seen(2, 0)}},
        {"a simultaneous open is one connection",
         {sends(syn), replies(syn), sends(syn | ack), replies(syn | ack)},
         {connection().in_state(established).seen(2, 2)}},
        {"data in both directions keeps the connection established",
         {sends(syn), replies(syn | ack), sends(ack), sends(ack | psh), replies(ack | psh), sends(ack | urg)},
         {connection().in_state(established).seen(4, 2)}},
        {"one FIN makes the connection closing",
         {sends(syn), replies(syn | ack), sends(ack), sends(fin | ack), replies(ack)},
         {connection().in_state(closing).seen(3, 2)}},
        {"the FINs of both sides close the connection",
         {sends(syn), replies(syn | ack), sends(ack), sends(fin | ack), replies(fin | ack), sends(ack)},
         {connection().in_state(closed).seen(4, 2)}},
        {"two FINs of one side do not close the connection",
         {sends(syn), replies(syn | ack), sends(ack), sends(fin | ack), sends(fin | ack)},
         {connection().in_state(closing).seen(4, 1)}},
        {"a reset closes the connection",
         {sends(syn), replies(syn | ack), sends(ack), replies(rst | ack)},
         {connection().in_state(closed).seen(2, 2)}},
        {"a refused connection is closed", {sends(syn), replies(rst | ack)}, {connection().in_state(closed).seen(1, 1)}},
        {"a new SYN on a closed connection opens a new one",
         {sends(syn), replies(syn | ack), sends(ack), sends(rst), sends(syn)},
         {connection().in_state(opening).seen(1, 0)}},
        {"a new SYN on a closing connection opens a new one",
         {sends(syn), replies(syn | ack), sends(ack), sends(fin | ack), sends(syn)},
         {connection().in_state(opening).seen(1, 0)}},
        {"a new SYN of the other side on a closed connection opens one in the other direction",
         {sends(syn), replies(rst | ack), replies(syn)},
         {flow(red, 6, "10.0.0.11", server, "10.0.0.10", client).to(red_web).from(red_db, red_db).in_state(opening).seen(1, 0)}},
    };
}

std::vector<Case> unknown_cases() {
    return {
        {"an ACK of no connection is dropped", {sends_in_vain(ack)}},
        {"a SYN+ACK of no connection is dropped", {replies_in_vain(syn | ack)}},
        {"a RST of no connection is dropped", {sends_in_vain(rst)}},
        {"a FIN of no connection is dropped", {sends_in_vain(fin | ack)}},
        {"an ACK to another port than the connection's is dropped",
         {sends(syn), arrives(red_web, frame_from(red_web).ipv4("10.0.0.10", "10.0.0.11").tcp(client, 81, ack))
                          .is(dropped(DropReason::tcp_no_flow))},
         {connection().seen(1, 0)}},
        {"a segment from another workload does not join the connection",
         {sends(syn), arrives(red_narrow, frame_from(red_narrow).ipv4("10.0.0.10", "10.0.0.11").tcp(client, server, ack))
                          .is(dropped(DropReason::source_address_spoofed))},
         {connection().seen(1, 0)}},
        {"a segment of another network does not join the connection",
         {sends(syn), arrives(blue_web, frame_from(blue_web).ipv4("10.0.0.10", "10.0.0.11").tcp(client, server, ack))
                          .is(dropped(DropReason::tcp_no_flow))},
         {connection().seen(1, 0)}},
    };
}

Packet datagram() { return frame_from(red_web).ipv4("10.0.0.10", "10.0.0.11").udp(5000, 53).filler(16); }
Packet answer() { return frame_from(red_db).ipv4("10.0.0.11", "10.0.0.10").udp(53, 5000).filler(16); }
Step asks() { return arrives(red_web, datagram()).is(delivered(red_db, at(red_db, datagram()).ttl(63))); }
Step is_answered() { return arrives(red_db, answer()).is(delivered(red_web, at(red_web, answer()).ttl(63))); }
WantedFlow exchange() { return flow(red, 17, "10.0.0.10", 5000, "10.0.0.11", 53).to(red_db).from(red_web, red_web); }

std::vector<Case> expiry_cases() {
    using enum FlowState;
    const std::vector<Step> handshake = {sends(syn), replies(syn | ack), sends(ack)};
    const auto then = [&](const Step& last) {
        std::vector<Step> steps = handshake;
        steps.push_back(last);
        return steps;
    };
    return {
        {"an answer belongs to the flow of its question",
         {asks(), is_answered(), asks()},
         {exchange().in_state(established).seen(2, 1).of_bytes(88, 44)}},
        {"an answered UDP flow lives for two minutes at least (RFC 4787, REQ-5)",
         {asks(), is_answered(), is_answered().after(time_passes(119))},
         {exchange().in_state(established).seen(1, 2)}},
        {"an answered UDP flow is over after six minutes of silence",
         {asks(), is_answered(), is_answered().after(time_passes(360))},
         {flow(red, 17, "10.0.0.11", 53, "10.0.0.10", 5000).to(red_web).from(red_db, red_db).in_state(opening).seen(1, 0)}},
        {"an established connection lives for two hours and four minutes at least (RFC 5382, REQ-5)",
         then(sends(ack).after(time_passes(124 * 60 - 1))),
         {connection().in_state(established).seen(3, 1)}},
        {"a connection that was used in one direction only is alive in both",
         {sends(syn), replies(syn | ack), sends(ack), sends(ack).after(time_passes(7000)), replies(ack).after(time_passes(7000))},
         {connection().in_state(established).seen(3, 2)}},
        {"a connection of which nothing was heard for a day is over",
         {sends(syn), replies(syn | ack), sends(ack), sends_in_vain(ack).after(time_passes(86400))},
         {connection().in_state(established).seen(2, 1)}},
    };
}

std::vector<Case> room_cases() {
    const auto all_ways_are_claimed = [](SharedTables& tables) {
        for (uint32_t n = 0; n < tables.sizes().flow_buckets; ++n)
            for (uint32_t& signature : tables.flow_bucket(n)->signatures)
                if (signature == signature_free) signature = claimed_at(current_tick());
    };
    const auto nothing_is_claimed = [](SharedTables& tables) {
        for (uint32_t n = 0; n < tables.sizes().flow_buckets; ++n)
            for (uint32_t& signature : tables.flow_bucket(n)->signatures)
                if (is_claimed(signature)) signature = signature_free;
    };
    const auto locks_are = [](bool held, uint64_t ago_ms) {
        return [=](SharedTables& tables) {
            const uint64_t ticket = held ? uint64_t{current_tick() - ticks_from_ms(ago_ms)} << 1 | 1 : 0;
            for (uint32_t n = 0; n < flow_lock_slots; ++n) tables.flow_lock(n)->holder = ticket;
        };
    };
    const Packet arp = Packet()
                           .ethernet(peer_mac(red_web), broadcast_mac)
                           .arp(2, peer_mac(red_web), "10.0.0.10", router_mac(red_web), "169.254.1.1");
    const Step nothing_happens = arrives(red_web, arp).is(dropped(DropReason::arp_unanswered));
    return {
        {"a new flow for which there is no room is refused, and what is there goes on",
         {asks(), sends(syn).is(dropped(DropReason::flow_table_full)).after(all_ways_are_claimed), asks(), is_answered(),
          sends(syn).after(nothing_is_claimed)},
         {exchange().in_state(FlowState::established).seen(2, 1), connection().seen(1, 0)}},
        {"a packet whose flow somebody else is making for too long is delivered all the same",
         {asks().after(locks_are(true, 0)), nothing_happens.after(locks_are(false, 0))}},
        {"what could not be recorded is recorded by the next packet",
         {asks().after(locks_are(true, 0)), asks().after(locks_are(false, 0))},
         {exchange().seen(1, 0)}},
        {"the lock of a processor that died is broken",
         {asks().after(locks_are(true, 10000)), nothing_happens.after(locks_are(false, 0))},
         {exchange().seen(1, 0)}},
    };
}

std::vector<Case> epoch_cases() {
    using enum DropReason;
    const auto now_discarded = [](SharedTables& tables) {  // the workload db is gone from the routes
        const uint32_t epoch = tables.config()->epoch;
        for (uint32_t bucket = 0; bucket < tables.sizes().route_buckets; ++bucket)
            for (RouteEntry& entry : tables.route_bucket(epoch, bucket)->entries)
                if (entry.zone == red && entry.next_hop == red_db) entry.next_hop = to_nowhere;
        tables.flow(0);
    };
    const auto and_published = [=](SharedTables& tables) {
        a_new_epoch()(tables);
        now_discarded(tables);
    };
    return {
        {"a flow that is allowed under a new epoch goes on",
         {asks(), is_answered(), asks().after(a_new_epoch()), is_answered()},
         {exchange().in_state(FlowState::established).seen(2, 2)}},
        {"a flow whose way is gone is cut by the next packet after the new epoch",
         {asks(), asks().is(dropped(route_discard)).after(and_published)},
         {exchange().seen(1, 0)}},
        {"a connection is judged again in both directions",
         {sends(syn), replies(syn | ack), sends(ack), replies(ack).is(dropped(source_address_spoofed)).after(and_published)},
         {connection().in_state(FlowState::established).seen(2, 1)}},
    };
}

}  // namespace

std::vector<Case> flow_cases() {
    std::vector<Case> all = connection_cases();
    for (const auto& some : {unknown_cases(), expiry_cases(), room_cases(), epoch_cases()})
        all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
