// What a packet is to its flow, for protocols with connections: which reads only, and writing it down when the packet leaves. Both
// touch what is kept of the two directions: a line of memory each that other protocols do not pay for.
#pragma once
#include "datapath/flows/sctp_tracking.hpp"
#include "datapath/flows/tcp_tracking.hpp"

namespace biplane {

// Packed Tracked. `mode` is that of entry `number`, which is the direction that the packet, or an ICMP error about it, travels in.
template <typename Tables>
inline uint32_t judge_tracked(const Tables& tables, uint32_t number, uint8_t mode, const Headers& h) {
    const auto* own = tables.flow_detail(number);
    if (!own) return stays(mode).packed();
    const auto* peer = tables.flow_detail(own->other);
    if (!peer) return stays(mode).packed();
    // An ICMP error is about something that was sent.
    const auto* embedded = h.is_related ? tables.flow(own->other) : nullptr;
    if (embedded && (load(embedded->packets) | load(peer->packets_high)) == 0)
        return refuses_with(mode, DropReason::icmp_unrelated).packed();
    if (h.key.protocol == protocol::sctp) return judge_chunks(sctp_side(*own), sctp_side(*peer), h, mode).packed();
    if (h.key.protocol != protocol::tcp) return stays(mode).packed();
    return judge_segment(tcp_side(load(own->tcp_end), load(own->tcp_offer)), tcp_side(load(peer->tcp_end), load(peer->tcp_offer)),
                         h, mode)
        .packed();
}

template <typename Tables>
inline uint32_t write_tracked(const Tables& tables, uint32_t number, const Headers& h) {
    auto* own = tables.flow_detail(number);
    if (!own) return 0;
    auto* peer = tables.flow_detail(own->other);
    if (!peer) return 0;
    if (h.key.protocol == protocol::sctp)
        track_chunks(*own, *peer, h);
    else
        track_segment(*own, *peer, h);
    return 0;
}

}  // namespace biplane
