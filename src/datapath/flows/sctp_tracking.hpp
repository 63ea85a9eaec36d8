// Does this SCTP packet belong to its association (RFC 9260)? Told by the verification tag, which whoever is not on the way cannot
// know, and by the handshake that tells it: an INIT says which tag the packets towards its sender must carry. Kept per direction,
// in FlowDetail:
//
//     tcp_end     the tag that packets of this direction must carry
//     tcp_offer   63  the tag that it will be, if the association is being set up once more  32 31     0 15  flags 0
//
//     initiator: INIT (tag 0, tells A) -> INIT ACK (tag A, tells B) -> COOKIE ECHO (tag B) -> COOKIE ACK (tag A)
#pragma once
#include "datapath/flows/flow_state.hpp"
#include "datapath/journey.hpp"

namespace biplane {

namespace sctp_note {
constexpr uint8_t known = 1;    // the tag is
constexpr uint8_t pending = 2;  // the tag after a restart is (RFC 9260, section 5.2.4)
}  // namespace sctp_note

struct SctpSide {
    uint32_t tag;
    uint32_t next_tag;
    uint8_t notes;
};

inline SctpSide sctp_side(const FlowDetail& detail) {
    const uint64_t offer = load(detail.tcp_offer);
    return {load(detail.tcp_end), static_cast<uint32_t>(offer >> 32), static_cast<uint8_t>(offer)};
}

constexpr bool has_tag(const SctpSide& side, uint32_t tag) {
    return ((side.notes & sctp_note::known) != 0 && tag == side.tag) ||
           ((side.notes & sctp_note::pending) != 0 && tag == side.next_tag);
}

constexpr bool is_reflected(SctpEvent event) {
    return event == SctpEvent::abort_reflected || event == SctpEvent::shutdown_complete_reflected;
}

inline Tracked judge_chunks(const SctpSide& own, const SctpSide& peer, const Headers& h, uint8_t mode) {
    const FlowState state = state_of(mode);
    const auto event = static_cast<SctpEvent>(h.tcp_flags);
    if (h.is_related)  // RFC 9260, section 10.1: the embedded packet carries the tag of its own direction
        return has_tag(peer, h.tcp_sequence) || (h.tcp_sequence == 0 && state == FlowState::opening)
                   ? stays(mode)
                   : refuses_with(mode, DropReason::icmp_unrelated);
    if (event == SctpEvent::init) {
        if (h.tcp_sequence != 0) return refuses_with(mode, DropReason::sctp_tag_invalid);
        return {DropReason::none, mode, true};  // an INIT moves no state: a second one may be forged (RFC 9260, section 5.2.2)
    }
    if (!has_tag(is_reflected(event) ? peer : own, h.tcp_sequence)) return refuses_with(mode, DropReason::sctp_tag_invalid);
    switch (event) {
        case SctpEvent::init_ack:
            return moves_to(mode, state == FlowState::opening ? FlowState::answered : state);
        case SctpEvent::cookie_ack:
            return moves_to(mode, state == FlowState::closed ? state : FlowState::established);
        case SctpEvent::shutdown:
        case SctpEvent::shutdown_ack:
            return moves_to(mode, state == FlowState::closed ? state : FlowState::closing);
        case SctpEvent::abort:
        case SctpEvent::abort_reflected:
        case SctpEvent::shutdown_complete:
        case SctpEvent::shutdown_complete_reflected:
            return moves_to(mode, FlowState::closed);
        case SctpEvent::none:
        case SctpEvent::init:
        case SctpEvent::cookie_echo:
        case SctpEvent::other:
            break;
    }
    return event == SctpEvent::cookie_echo ? moves_to(mode, state) : stays(mode);
}

// The tag that an INIT or INIT ACK tells is for the packets towards its sender: at once if none is known, else from the cookie
// on, which only whoever was told can send.
inline void learn_tag(FlowDetail& peer, uint32_t tag) {
    const uint64_t before = load(peer.tcp_offer);
    if ((before & sctp_note::known) == 0) {
        peer.tcp_end = tag;
        replace_value(peer.tcp_offer, before, before | sctp_note::known);
        return;
    }
    if (tag == load(peer.tcp_end)) return;
    replace_value(peer.tcp_offer, before, uint64_t{tag} << 32 | sctp_note::known | sctp_note::pending);
}

inline void take_next_tag(FlowDetail& side, uint32_t tag) {
    const uint64_t before = load(side.tcp_offer);
    if ((before & sctp_note::pending) == 0 || static_cast<uint32_t>(before >> 32) != tag) return;
    side.tcp_end = tag;
    replace_value(side.tcp_offer, before, uint64_t{sctp_note::known});
}

inline void track_chunks(FlowDetail& own, FlowDetail& peer, const Headers& h) {
    const auto event = static_cast<SctpEvent>(h.tcp_flags);
    if (event == SctpEvent::init || event == SctpEvent::init_ack) learn_tag(peer, h.tcp_acknowledgment);
    if (event == SctpEvent::cookie_echo || event == SctpEvent::cookie_ack) take_next_tag(own, h.tcp_sequence);
}

}  // namespace biplane
