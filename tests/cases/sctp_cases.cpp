// SCTP associations (RFC 9260), followed by their handshake and verification tags.
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

namespace {

using DropReason::sctp_chunk_invalid, DropReason::sctp_no_flow, DropReason::sctp_tag_invalid;
using enum FlowState;

namespace chunk {
constexpr uint8_t data = 0, init = 1, init_ack = 2, heartbeat = 4, abort = 6, shutdown = 7, shutdown_ack = 8, cookie_echo = 10,
                  cookie_ack = 11, shutdown_complete = 14;
constexpr uint8_t reflected = 1;  // the T bit
}  // namespace chunk

constexpr uint16_t client_port = 36412, server_port = 36413;
// What packets towards the client, towards the server, must carry.
constexpr uint32_t client_tag = 0x0c11e000, server_tag = 0x5e00e000, other_client_tag = 0x0c22e000, other_server_tag = 0x5e22e000;

// RFC 9260, section 3.2; of an INIT or INIT ACK (section 3.3.2) sixteen bytes, which begin with the initiate tag.
Bytes chunk_of(uint8_t type, uint8_t flags = 0, size_t value_bytes = 4) {
    Bytes bytes(4 + value_bytes);
    bytes[0] = type;
    bytes[1] = flags;
    put16(bytes, 2, static_cast<uint16_t>(bytes.size()));
    return bytes;
}
Bytes telling(uint8_t type, uint32_t tag) {
    Bytes bytes = chunk_of(type, 0, 16);
    put32(bytes, 4, tag);
    return bytes;
}
Bytes together(Bytes first, const Bytes& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

// The client is the workload web; `six` over IPv6.
struct Place {
    std::string family, client, server;

    Packet from_client(uint32_t tag, const Bytes& chunks) const {
        return frame_from(red_web).ip(client, server).sctp(client_port, server_port).verification_tag(tag).payload(chunks);
    }
    Packet from_server(uint32_t tag, const Bytes& chunks) const {
        return frame_from(red_db).ip(server, client).sctp(server_port, client_port).verification_tag(tag).payload(chunks);
    }
    Step sends(uint32_t tag, const Bytes& chunks, FlowState state) const {
        Step step = arrives(red_web, from_client(tag, chunks)).is(delivered(red_db, at(red_db, from_client(tag, chunks)).ttl(63)));
        step.state = state;
        return step;
    }
    Step replies(uint32_t tag, const Bytes& chunks, FlowState state) const {
        Step step = arrives(red_db, from_server(tag, chunks)).is(delivered(red_web, at(red_web, from_server(tag, chunks)).ttl(63)));
        step.state = state;
        return step;
    }
    Step sends_in_vain(uint32_t tag, const Bytes& chunks, DropReason reason, FlowState state) const {
        Step step = arrives(red_web, from_client(tag, chunks)).is(dropped(reason));
        step.state = state;
        return step;
    }
    Step replies_in_vain(uint32_t tag, const Bytes& chunks, DropReason reason, FlowState state) const {
        Step step = arrives(red_db, from_server(tag, chunks)).is(dropped(reason));
        step.state = state;
        return step;
    }
    WantedFlow association() const {
        return flow(red, 132, client, client_port, server, server_port).to(red_db).from(red_web, red_web);
    }
};

std::vector<Step> handshake(const Place& p) {
    return {p.sends(0, telling(chunk::init, client_tag), opening),
            p.replies(client_tag, telling(chunk::init_ack, server_tag), answered),
            p.sends(server_tag, together(chunk_of(chunk::cookie_echo), chunk_of(chunk::data, 3, 16)), answered),
            p.replies(client_tag, chunk_of(chunk::cookie_ack, 0, 0), established)};
}
std::vector<Step> handshake_and(const Place& p, const std::vector<Step>& more) {
    std::vector<Step> steps = handshake(p);
    steps.insert(steps.end(), more.begin(), more.end());
    return steps;
}

std::vector<Case> association_cases(const Place& p) {
    const Bytes data = chunk_of(chunk::data, 3, 16);
    return {
        {p.family + ": an association is established by its four chunks, and told apart by its ports",
         handshake_and(p, {p.sends(server_tag, data, established), p.replies(client_tag, data, established)}),
         {p.association().in_state(established).seen(3, 3)}},
        {p.family + ": a shutdown closes the association",
         handshake_and(p, {p.sends(server_tag, chunk_of(chunk::shutdown), closing),
                           p.replies(client_tag, chunk_of(chunk::shutdown_ack, 0, 0), closing),
                           p.sends(server_tag, chunk_of(chunk::shutdown_complete, 0, 0), closed)}),
         {p.association().in_state(closed).seen(4, 3)}},
        {p.family + ": an abort closes the association, with the tag of its own direction",
         handshake_and(p, {p.replies_in_vain(server_tag, chunk_of(chunk::abort, 0, 0), sctp_tag_invalid, established),
                           p.replies(client_tag, chunk_of(chunk::abort, 0, 0), closed)}),
         {p.association().in_state(closed).seen(2, 3)}},
        {p.family + ": an abort with the T bit carries the other direction's tag (RFC 9260, section 8.5.1)",
         handshake_and(p,
                       {p.replies_in_vain(client_tag, chunk_of(chunk::abort, chunk::reflected, 0), sctp_tag_invalid, established),
                        p.replies(server_tag, chunk_of(chunk::abort, chunk::reflected, 0), closed)}),
         {p.association().in_state(closed).seen(2, 3)}},
        {p.family + ": an association is refused by an abort",
         {p.sends(0, telling(chunk::init, client_tag), opening), p.replies(client_tag, chunk_of(chunk::abort, 0, 0), closed)},
         {p.association().in_state(closed).seen(1, 1)}},
        {p.family + ": an INIT opens a new association where one is over",
         handshake_and(p, {p.replies(client_tag, chunk_of(chunk::abort, 0, 0), closed),
                           p.sends(0, telling(chunk::init, other_client_tag), opening)}),
         {p.association().in_state(opening).seen(1, 0)}},
        {p.family + ": an association that is set up once more has new tags (RFC 9260, section 5.2.4)",
         handshake_and(
             p, {p.sends(0, telling(chunk::init, other_client_tag), established),
                 p.replies(other_client_tag, telling(chunk::init_ack, other_server_tag), established),
                 p.replies(client_tag, data, established), p.sends(other_server_tag, chunk_of(chunk::cookie_echo), established),
                 p.replies(other_client_tag, chunk_of(chunk::cookie_ack, 0, 0), established),
                 p.sends_in_vain(server_tag, data, sctp_tag_invalid, established),
                 p.replies_in_vain(client_tag, data, sctp_tag_invalid, established)}),
         {p.association().in_state(established).seen(4, 5)}},
    };
}

std::vector<Case> refused_cases(const Place& p) {
    const Bytes data = chunk_of(chunk::data, 3, 16), init = telling(chunk::init, client_tag);
    Bytes too_long = data;
    put16(too_long, 2, 24);
    return {
        {p.family + ": an SCTP packet other than an INIT makes no flow",
         {p.sends_in_vain(server_tag, data, sctp_no_flow, none),
          p.sends_in_vain(server_tag, telling(chunk::init_ack, client_tag), sctp_no_flow, none),
          p.sends_in_vain(server_tag, chunk_of(chunk::abort, 0, 0), sctp_no_flow, none)}},
        {p.family + ": an INIT with a tag makes no flow", {p.sends_in_vain(1, init, sctp_tag_invalid, none)}},
        {p.family + ": an INIT that is not alone is dropped",
         {p.sends_in_vain(0, together(init, data), sctp_chunk_invalid, none),
          p.sends_in_vain(0, together(data, init), sctp_chunk_invalid, none)}},
        {p.family + ": an SCTP packet without a whole chunk is dropped",
         {p.sends_in_vain(0, {}, sctp_chunk_invalid, none), p.sends_in_vain(0, too_long, sctp_chunk_invalid, none),
          p.sends_in_vain(0, chunk_of(chunk::init, 0, 4), sctp_chunk_invalid, none)}},
        {p.family + ": data with another tag does not belong to the association",
         handshake_and(p, {p.sends_in_vain(client_tag, data, sctp_tag_invalid, established),
                           p.replies_in_vain(server_tag, data, sctp_tag_invalid, established),
                           p.sends_in_vain(0, data, sctp_tag_invalid, established)}),
         {p.association().in_state(established).seen(2, 2)}},
        {p.family + ": an INIT ACK with another tag is no answer",
         {p.sends(0, init, opening), p.replies_in_vain(1, telling(chunk::init_ack, server_tag), sctp_tag_invalid, opening)},
         {p.association().in_state(opening).seen(1, 0)}},
    };
}

}  // namespace

std::vector<Case> sctp_cases() {
    std::vector<Case> all;
    for (const Place& place :
         {Place{"SCTP over IPv4", "10.0.0.10", "10.0.0.11"}, Place{"SCTP over IPv6", "fd00:a::10", "fd00:a::11"}})
        for (const auto& some : {association_cases(place), refused_cases(place)}) all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
