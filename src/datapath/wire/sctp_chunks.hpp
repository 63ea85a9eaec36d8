// What the chunks of an SCTP packet are to its association (RFC 9260, section 3). A step of parse().
#pragma once
#include "datapath/atomics.hpp"
#include "datapath/journey.hpp"

namespace biplane {

constexpr uint32_t sctp_chunks_max = 16;  // looked at; an event stands among the first (RFC 9260, section 6.10)

// By type (RFC 9260, section 3.2), four bits each, lowest first: a table in a number, because the verifier would walk each branch.
constexpr uint64_t sctp_events() {
    uint64_t events = 0;
    const auto put = [&events](uint32_t type, SctpEvent event) {
        events = (events & ~(uint64_t{0xf} << 4 * type)) | uint64_t{static_cast<uint8_t>(event)} << 4 * type;
    };
    for (uint32_t type = 0; type < 16; ++type) put(type, SctpEvent::other);
    put(1, SctpEvent::init);
    put(2, SctpEvent::init_ack);
    put(6, SctpEvent::abort);
    put(7, SctpEvent::shutdown);
    put(8, SctpEvent::shutdown_ack);
    put(10, SctpEvent::cookie_echo);
    put(11, SctpEvent::cookie_ack);
    put(14, SctpEvent::shutdown_complete);
    return events;
}

inline uint32_t sctp_event_of(const SctpChunk& chunk) {
    constexpr uint32_t can_reflect =
        1u << static_cast<uint32_t>(SctpEvent::abort) | 1u << static_cast<uint32_t>(SctpEvent::shutdown_complete);
    const uint32_t type = chunk.type < 15 ? chunk.type : 15;
    uint32_t event = static_cast<uint32_t>(sctp_events() >> 4 * type) & 0xf;
    event += (can_reflect >> event) & chunk.flags & 1;  // the next one is the same, reflected
    forget_value(event);
    return event & 0xf;
}

// INIT, INIT ACK and SHUTDOWN COMPLETE come alone (RFC 9260, section 4.3).
constexpr bool must_be_alone(uint32_t event) {
    constexpr uint32_t alone = 1u << static_cast<uint32_t>(SctpEvent::init) | 1u << static_cast<uint32_t>(SctpEvent::init_ack) |
                               1u << static_cast<uint32_t>(SctpEvent::shutdown_complete) |
                               1u << static_cast<uint32_t>(SctpEvent::shutdown_complete_reflected);
    return ((alone >> event) & 1) != 0;
}

// The chunk at `offset`, which moves behind it. SctpEvent::none: there is no more, or it is not at hand, as in a large packet.
template <typename Packet>
inline Fate read_sctp_chunk(Packet& packet, const Headers& h, uint32_t& offset, uint32_t end, uint32_t& event) {
    event = static_cast<uint32_t>(SctpEvent::none);
    if (offset + sizeof(SctpChunk) > end || offset > headers_bytes_max) return go_on();
    const auto* chunk = packet.template at<SctpChunk>(offset);
    if (!chunk) return go_on();
    const uint32_t length = chunk->length.to_host();
    if (length < sizeof(SctpChunk) || (offset + length > end && !h.is_fragment)) return drop(DropReason::sctp_chunk_invalid);
    event = sctp_event_of(*chunk);
    offset += (length + 3) & ~3u;
    return go_on();
}

// The chunks from `offset` to `end`. Fills tcp_flags, and the initiate tag (RFC 9260, sections 3.3.2 and 3.3.3).
template <typename Packet>
inline Fate read_sctp_chunks(Packet& packet, Headers& h, uint32_t offset, uint32_t end) {
    constexpr uint32_t init_bytes = 20;
    const auto* tag = packet.template at<be32>(offset + sizeof(SctpChunk));
    const uint32_t chunk_offset = offset;
    uint32_t first = 0;
    const Fate fate = read_sctp_chunk(packet, h, offset, end, first);
    if (fate.is_decided()) return fate;
    if (first == 0) return drop(DropReason::sctp_chunk_invalid);
    if (first <= static_cast<uint32_t>(SctpEvent::init_ack)) {
        if (!tag || offset - chunk_offset < init_bytes) return drop(DropReason::sctp_chunk_invalid);
        h.tcp_acknowledgment = tag->to_host();
    }
    if (must_be_alone(first) && offset < end) return drop(DropReason::sctp_chunk_invalid);
    for (uint32_t i = 1; i < sctp_chunks_max; ++i) {
        forget_value(offset);
        forget_value(first);
        uint32_t event = 0;
        const Fate next = read_sctp_chunk(packet, h, offset, end, event);
        if (next.is_decided()) return next;
        if (event == 0) break;
        if (must_be_alone(event)) return drop(DropReason::sctp_chunk_invalid);
        first = event < first ? event : first;
    }
    h.tcp_flags = static_cast<uint8_t>(first);
    return go_on();
}

}  // namespace biplane
