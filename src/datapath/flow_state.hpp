// The state of a flow, and how packets move it. A pair has one state, kept in both of its entries.
//
//   TCP      SYN -> opening -> SYN+ACK -> answered -> ACK -> established -> FIN -> closing -> FIN of the other side -> closed
//            RST in any state -> closed. Simultaneous open (RFC 9293, section 3.5): a SYN from the responder answers.
//   others   first packet -> opening -> packet of the other direction -> established
#pragma once
#include "datapath/headers.hpp"

namespace biplane {

constexpr FlowState state_of(uint8_t mode) { return static_cast<FlowState>(mode & flow_state_mask); }
constexpr uint8_t with_state(uint8_t mode, FlowState state) {
    return static_cast<uint8_t>((mode & ~flow_state_mask) | static_cast<uint8_t>(state));
}

// The mode after a packet of the direction that `mode` belongs to.
constexpr uint8_t next_tcp_mode(uint8_t mode, uint8_t flags) {
    const bool from_responder = (mode & flow_mode_reverse) != 0;
    const FlowState state = state_of(mode);
    if (flags & tcp_flag::rst) return with_state(mode, FlowState::closed);
    if (flags & tcp_flag::fin) {
        mode |= from_responder ? flow_mode_responder_fin : flow_mode_initiator_fin;
        constexpr uint8_t both = flow_mode_responder_fin | flow_mode_initiator_fin;
        return with_state(mode, (mode & both) == both ? FlowState::closed : FlowState::closing);
    }
    if (state == FlowState::opening && from_responder && (flags & tcp_flag::syn)) return with_state(mode, FlowState::answered);
    if (state == FlowState::answered && !from_responder && (flags & tcp_flag::ack)) return with_state(mode, FlowState::established);
    return mode;
}

constexpr uint8_t next_mode(uint8_t mode, uint8_t flow_protocol, uint8_t tcp_flags) {
    if (flow_protocol == protocol::tcp) return next_tcp_mode(mode, tcp_flags);
    if (state_of(mode) == FlowState::opening && (mode & flow_mode_reverse)) return with_state(mode, FlowState::established);
    return mode;
}

constexpr uint32_t timeout_of(uint8_t mode, uint8_t flow_protocol, const FlowTimeouts& timeouts) {
    const FlowState state = state_of(mode);
    if (flow_protocol == protocol::tcp) {
        switch (state) {
            case FlowState::none:
            case FlowState::opening:
            case FlowState::answered:
                return timeouts.tcp_opening;
            case FlowState::established:
                return timeouts.tcp_established;
            case FlowState::closing:
                return timeouts.tcp_closing;
            case FlowState::closed:
                return timeouts.tcp_closed;
        }
    }
    if (flow_protocol == protocol::udp) return state == FlowState::established ? timeouts.udp_stream : timeouts.udp_single;
    if (flow_protocol == protocol::icmp || flow_protocol == protocol::icmpv6) return timeouts.icmp;
    return timeouts.other;
}

// A first SYN on a flow whose connection is over, or on its way out, starts a new one: judged anew.
constexpr bool starts_anew(uint8_t mode, uint8_t flow_protocol, uint8_t tcp_flags) {
    if (flow_protocol != protocol::tcp) return false;
    const bool is_first_syn = (tcp_flags & (tcp_flag::syn | tcp_flag::ack)) == tcp_flag::syn;
    return is_first_syn && (state_of(mode) == FlowState::closed || state_of(mode) == FlowState::closing);
}

}  // namespace biplane
