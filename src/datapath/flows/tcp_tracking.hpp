// Does this segment belong to its connection, and what does it make of it (RFC 9293; RFC 5961)? A router in the middle sees what
// each side has sent and what it lets the other one send; from both follows what may come. Kept per direction, in FlowDetail:
//
//     tcp_end     the sequence number after the last byte sent
//     tcp_offer   63       acked       32 31  window  16 15 scale 8 7 notes 0
//                 the highest acknowledgment sent, and how far beyond it the other side may send, in units of 2^scale bytes
//
//                     acked by the other            sent            acked + window of the other
//         ... ------------+---------------------------+---------------------------+------------ sequence numbers
//                         |        on the way         |         may be sent       |
//
// A direction writes only its own two numbers, each by one compare and exchange, so two processors never spoil each other's. What
// one of them reads may be old: what it then lets through is what was right a moment ago.
#pragma once
#include "datapath/atomics.hpp"
#include "datapath/flows/flow_state.hpp"
#include "datapath/journey.hpp"

namespace biplane {

namespace tcp_note {
constexpr uint8_t seen = 1;      // this direction has sent something: tcp_end is known
constexpr uint8_t scaling = 2;   // its SYN offered window scaling, which holds if both did (RFC 7323, section 2.2)
constexpr uint8_t unscaled = 4;  // the window is that of a SYN: in bytes
constexpr uint8_t liberal = 8;   // its beginning or the end of a segment was not seen: windows are not checked
}  // namespace tcp_note

constexpr uint32_t tcp_tries = 4;  // of a compare and exchange; a direction is seldom on two processors

// What is kept of one direction, unpacked.
struct TcpSide {
    uint32_t end;
    uint32_t acked;
    uint16_t window;
    uint8_t scale;
    uint8_t notes;
};

constexpr TcpSide tcp_side(uint32_t end, uint64_t offer) {
    return {end, static_cast<uint32_t>(offer >> 32), static_cast<uint16_t>(offer >> 16), static_cast<uint8_t>(offer >> 8 & 0x0f),
            static_cast<uint8_t>(offer)};
}
constexpr uint64_t tcp_offer_of(const TcpSide& side) {
    return uint64_t{side.acked} << 32 | uint32_t{side.window} << 16 | uint32_t{side.scale} << 8 | side.notes;
}

// Sequence numbers are compared modulo 2^32 (RFC 9293, section 3.4).
constexpr bool is_before(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) < 0; }
constexpr uint32_t later_of(uint32_t a, uint32_t b) { return is_before(a, b) ? b : a; }
constexpr bool is_within(uint32_t first, uint32_t value, uint32_t last) { return value - first <= last - first; }

constexpr uint32_t scale_in_force(const TcpSide& side, const TcpSide& peer) {
    return (side.notes & peer.notes & tcp_note::scaling) ? side.scale & 0x0f : 0;
}
constexpr uint32_t window_bytes(const TcpSide& side, uint32_t scale) {
    return uint32_t{side.window} << (side.notes & tcp_note::unscaled ? 0 : scale);
}

constexpr bool is_liberal(const TcpSide& own, const TcpSide& peer) {
    return ((own.notes | peer.notes) & tcp_note::liberal) != 0 || (own.notes & peer.notes & tcp_note::seen) == 0;
}

// RFC 9293, section 3.10.7.4, first step, with what is known in the middle: a segment begins where its sender may send, and what
// it repeats is not older than a window; it acknowledges what was sent, and nothing that is older than a window. The window here is
// the largest that a header can say, so that no order of arrival makes a good segment a bad one.
constexpr bool is_in_window(const TcpSide& own, const TcpSide& peer, const Headers& h) {
    const uint32_t own_scale = scale_in_force(own, peer);
    const uint32_t peer_scale = scale_in_force(peer, own);
    return !is_before(peer.acked + window_bytes(peer, peer_scale), h.tcp_sequence) &&
           !is_before(h.tcp_end, own.end - (0xffffu << peer_scale)) && !is_before(peer.end, h.tcp_acknowledgment) &&
           !is_before(h.tcp_acknowledgment, peer.end - (0xffffu << own_scale));
}

// RFC 5961, section 3.2: only the number that the receiver expects next resets. That is what was sent last or, if that is still
// on the way or lost, what was acknowledged last: the answer to a challenge ACK. Whoever is asked to open a connection resets it by
// acknowledging the SYN (RFC 9293, section 3.10.7.3). Whoever asked may reset what his SYN has met: an older connection of
// which nothing is known here, whose numbers the challenge ACK told him.
inline Tracked judge_reset(const TcpSide& own, const TcpSide& peer, const Headers& h, uint8_t mode) {
    const bool is_sent_last = (own.notes & tcp_note::seen) != 0 && h.tcp_sequence == own.end;
    if (state_of(mode) == FlowState::opening) {
        if (!is_from_responder(mode)) return is_sent_last ? moves_to(mode, FlowState::closed) : stays(mode);
        const bool refuses = (h.tcp_flags & tcp_flag::ack) && is_within(own.acked, h.tcp_acknowledgment, peer.end);
        return refuses ? moves_to(mode, FlowState::closed) : refuses_with(mode, DropReason::tcp_reset_invalid);
    }
    const bool is_acked_last = (peer.notes & tcp_note::seen) != 0 && h.tcp_sequence == peer.acked;
    return is_sent_last || is_acked_last ? moves_to(mode, FlowState::closed) : refuses_with(mode, DropReason::tcp_reset_invalid);
}

// While it opens, a SYN counts: the initiator's, again or for a new attempt, and the responder's, with or without ACK. Whoever
// sent the first one stays the initiator. Later it passes and moves nothing: the receiver answers with a challenge ACK (RFC 5961,
// section 4.2).
inline Tracked judge_syn(const TcpSide& own, const TcpSide& peer, const Headers& h, uint8_t mode) {
    const FlowState state = state_of(mode);
    const bool acknowledges = (h.tcp_flags & tcp_flag::ack) != 0;
    if (state != FlowState::opening && state != FlowState::answered) return stays(mode);
    if (acknowledges && !is_within(own.acked, h.tcp_acknowledgment, peer.end))
        return refuses_with(mode, DropReason::tcp_out_of_window);
    if (state == FlowState::answered)
        return acknowledges && !is_from_responder(mode) ? moves_to(mode, FlowState::established) : stays(mode);
    if (is_from_responder(mode)) return moves_to(mode, FlowState::answered);
    return acknowledges ? refuses_with(mode, DropReason::tcp_out_of_window) : moves_to(mode, FlowState::opening);
}

// Closed are two FINs that were both acknowledged.
inline uint8_t mode_with_fins(const TcpSide& own, const TcpSide& peer, const Headers& h, uint8_t mode) {
    constexpr uint8_t both = flow_mode_responder_fin | flow_mode_initiator_fin;
    if (h.tcp_flags & tcp_flag::fin) mode |= is_from_responder(mode) ? flow_mode_responder_fin : flow_mode_initiator_fin;
    if ((mode & both) == 0 || state_of(mode) == FlowState::closed) return mode;
    const bool is_over = (mode & both) == both && later_of(own.acked, h.tcp_acknowledgment) == peer.end &&
                         later_of(own.end, h.tcp_end) == peer.acked;
    return with_state(mode, is_over ? FlowState::closed : FlowState::closing);
}

// A segment with ACK and neither SYN nor RST.
inline Tracked judge_ack(const TcpSide& own, const TcpSide& peer, const Headers& h, uint8_t mode) {
    const FlowState state = state_of(mode);
    if (state == FlowState::opening) {
        // The responder has an older connection, and challenges the SYN (RFC 5961, section 4.2).
        const bool is_challenge = is_from_responder(mode) && h.tcp_sequence == h.tcp_end;
        return is_challenge ? stays(mode) : refuses_with(mode, DropReason::tcp_out_of_window);
    }
    if (!is_liberal(own, peer) && !is_in_window(own, peer, h)) return refuses_with(mode, DropReason::tcp_out_of_window);
    const bool completes =
        state == FlowState::answered && !is_from_responder(mode) && is_within(own.acked, h.tcp_acknowledgment, peer.end);
    if (completes) mode = with_state(mode, FlowState::established);
    return {DropReason::none, mode_with_fins(own, peer, h, mode), true};
}

// RFC 5927, section 4.1: an ICMP error is about something that is on the way. `own` is the direction that the error travels in.
inline Tracked judge_embedded_segment(const TcpSide& own, const TcpSide& peer, const Headers& h, uint8_t mode) {
    const bool is_on_the_way = (peer.notes & tcp_note::seen) && is_within(own.acked - 1, h.tcp_sequence, peer.end);
    const bool is_unchecked = ((own.notes | peer.notes) & tcp_note::liberal) != 0;
    return is_on_the_way || is_unchecked ? stays(mode) : refuses_with(mode, DropReason::icmp_unrelated);
}

inline Tracked judge_segment(const TcpSide& own, const TcpSide& peer, const Headers& h, uint8_t mode) {
    if (h.is_related) return judge_embedded_segment(own, peer, h, mode);
    if (h.tcp_flags & tcp_flag::rst) return judge_reset(own, peer, h, mode);
    if (h.tcp_flags & tcp_flag::syn) return judge_syn(own, peer, h, mode);
    return judge_ack(own, peer, h, mode);
}

// --- Writing down what a segment that leaves has told ----------------------------------------------------------------------

// Of a SYN: its direction begins here, or once more. A SYN with ACK of a direction that began already only acknowledges.
inline void begin_side(FlowDetail& own, FlowDetail& peer, const Headers& h) {
    const uint64_t before = load(own.tcp_offer);
    TcpSide side = tcp_side(load(own.tcp_end), before);
    const uint64_t peer_before = load(peer.tcp_offer);
    TcpSide other = tcp_side(0, peer_before);
    const bool is_repeated = (side.notes & tcp_note::seen) && other.acked == h.tcp_sequence + 1;
    if (!is_repeated || is_before(side.end, h.tcp_end)) own.tcp_end = h.tcp_end;
    if (h.tcp_flags & tcp_flag::ack) side.acked = h.tcp_acknowledgment;
    side.window = h.tcp_window;
    side.scale = h.tcp_scale ? static_cast<uint8_t>(h.tcp_scale - 1) : uint8_t{0};
    side.notes = tcp_note::seen | tcp_note::unscaled;
    if (h.tcp_scale) side.notes |= tcp_note::scaling;
    if (h.is_fragment) side.notes |= tcp_note::liberal;
    replace_value(own.tcp_offer, before, tcp_offer_of(side));
    // What the other side has yet to acknowledge begins behind the SYN.
    if (is_repeated && (side.notes & tcp_note::seen)) return;
    other.acked = h.tcp_sequence + 1;
    replace_value(peer.tcp_offer, peer_before, tcp_offer_of(other));
}

// The offer after a segment: the highest acknowledgment, and the furthest end of the window that was ever offered. A window in units
// is rounded up.
inline uint64_t offer_after(uint64_t before, uint64_t peer_offer, const Headers& h) {
    TcpSide side = tcp_side(0, before);
    const uint32_t scale = scale_in_force(side, tcp_side(0, peer_offer));
    const bool is_first = (side.notes & tcp_note::seen) == 0;
    const uint32_t end_now = h.tcp_acknowledgment + (uint32_t{h.tcp_window} << scale);
    const uint32_t end = is_first ? end_now : later_of(side.acked + window_bytes(side, scale), end_now);
    side.acked = is_first ? h.tcp_acknowledgment : later_of(side.acked, h.tcp_acknowledgment);
    side.window = static_cast<uint16_t>((end - side.acked + (1u << scale) - 1) >> scale);
    side.notes = static_cast<uint8_t>((side.notes & ~tcp_note::unscaled) | tcp_note::seen);
    if (is_first || h.is_fragment) side.notes |= tcp_note::liberal;
    return tcp_offer_of(side);
}

inline void advance_side(FlowDetail& own, const FlowDetail& peer, const Headers& h) {
    const bool is_first = (load(own.tcp_offer) & tcp_note::seen) == 0;
    for (uint32_t i = 0; i < tcp_tries; ++i) {
        const uint32_t end = load(own.tcp_end);
        if (!is_first && !is_before(end, h.tcp_end)) break;
        if (replace_value(own.tcp_end, end, h.tcp_end)) break;
    }
    for (uint32_t i = 0; i < tcp_tries; ++i) {
        const uint64_t before = load(own.tcp_offer);
        const uint64_t after = offer_after(before, load(peer.tcp_offer), h);
        if (after == before || replace_value(own.tcp_offer, before, after)) break;
    }
}

inline void track_segment(FlowDetail& own, FlowDetail& peer, const Headers& h) {
    if (h.tcp_flags & tcp_flag::rst) return;
    if (h.tcp_flags & tcp_flag::syn)
        begin_side(own, peer, h);
    else
        advance_side(own, peer, h);
}

}  // namespace biplane
