// The state of a flow, and how packets move it. A pair has one state, kept in both of its entries.
//
//   TCP      SYN -> opening -> SYN+ACK -> answered -> ACK -> established -> FIN -> closing -> both FINs acknowledged -> closed
//            RST with the number that is due, in any state -> closed. Simultaneous open (RFC 9293, section 3.5): a SYN from the
//            responder answers. What belongs to no state or lies out of the window moves nothing: tcp_tracking.hpp
//   SCTP     INIT -> opening -> INIT ACK -> answered -> COOKIE ACK -> established -> SHUTDOWN -> closing -> SHUTDOWN COMPLETE -> closed
//            ABORT in any state -> closed: sctp_tracking.hpp
//   others   first packet -> opening -> packet of the other direction -> established
//
// Who initiated is decided by the first packet, and stays: no handshake turns it round.
#pragma once
#include "datapath/atomics.hpp"
#include "datapath/wire/headers.hpp"

namespace biplane {

constexpr FlowState state_of(uint8_t mode) { return static_cast<FlowState>(mode & flow_state_mask); }
constexpr uint8_t with_state(uint8_t mode, FlowState state) {
    return static_cast<uint8_t>((mode & ~flow_state_mask) | static_cast<uint8_t>(state));
}

constexpr bool is_from_responder(uint8_t mode) { return (mode & flow_mode_reverse) != 0; }

// What a packet of a tracked protocol (TCP, SCTP) is to its flow. `mode` is that of the packet's own direction, afterwards.
struct Tracked {
    DropReason reason;
    uint8_t mode;
    bool moves;  // what it says is to be written down

    // As one number: see Fate::packed.
    constexpr uint32_t packed() const { return uint32_t{moves} << 16 | uint32_t{mode} << 8 | static_cast<uint32_t>(reason); }
    static constexpr Tracked unpack(uint32_t value) {
        return {static_cast<DropReason>(value & 0xff), static_cast<uint8_t>(value >> 8), (value & 0x10000) != 0};
    }
};
constexpr Tracked stays(uint8_t mode) { return {DropReason::none, mode, false}; }
constexpr Tracked moves_to(uint8_t mode, FlowState state) { return {DropReason::none, with_state(mode, state), true}; }
constexpr Tracked refuses_with(uint8_t mode, DropReason reason) { return {reason, mode, false}; }

// The mode after a packet of the direction that `mode` belongs to, of a protocol that is not tracked.
constexpr uint8_t next_mode_untracked(uint8_t mode) {
    return state_of(mode) == FlowState::opening && is_from_responder(mode) ? with_state(mode, FlowState::established) : mode;
}

// Which of FlowTimeouts is a flow's, by its offset there.
constexpr size_t timeout_of_tcp(FlowState state) {
    switch (state) {
        case FlowState::none:
        case FlowState::opening:
        case FlowState::answered:
            return offsetof(FlowTimeouts, tcp_opening);
        case FlowState::established:
            return offsetof(FlowTimeouts, tcp_established);
        case FlowState::closing:
            return offsetof(FlowTimeouts, tcp_closing);
        case FlowState::closed:
            return offsetof(FlowTimeouts, tcp_closed);
    }
    return offsetof(FlowTimeouts, other);
}
constexpr size_t timeout_offset(uint8_t mode, uint8_t flow_protocol) {
    if (flow_protocol == protocol::tcp || flow_protocol == protocol::sctp) return timeout_of_tcp(state_of(mode));
    if (flow_protocol == protocol::icmp || flow_protocol == protocol::icmpv6) return offsetof(FlowTimeouts, icmp);
    if (flow_protocol != protocol::udp) return offsetof(FlowTimeouts, other);
    return state_of(mode) == FlowState::established ? offsetof(FlowTimeouts, udp_stream) : offsetof(FlowTimeouts, udp_single);
}

// FlowTimeouts is eight numbers of one type.
static_assert(sizeof(FlowTimeouts) == 8 * sizeof(uint32_t));
inline uint32_t timeout_at(const FlowTimeouts& timeouts, size_t offset) {
    return load(*reinterpret_cast<const uint32_t*>(reinterpret_cast<const uint8_t*>(&timeouts) + (offset & 0x1c)));
}

// A first SYN on a connection that is over starts a new one, judged anew; so does the SYN of a side that has sent its FIN, and may
// use its port again. SCTP: an INIT on an association that is over.
constexpr bool starts_anew(uint8_t mode, uint8_t flow_protocol, uint8_t tcp_flags) {
    const FlowState state = state_of(mode);
    if (flow_protocol == protocol::sctp) return state == FlowState::closed && tcp_flags == static_cast<uint8_t>(SctpEvent::init);
    if (flow_protocol != protocol::tcp || (tcp_flags & (tcp_flag::syn | tcp_flag::ack)) != tcp_flag::syn) return false;
    const uint8_t own_fin = is_from_responder(mode) ? flow_mode_responder_fin : flow_mode_initiator_fin;
    return state == FlowState::closed || (state == FlowState::closing && (mode & own_fin) != 0);
}

}  // namespace biplane
