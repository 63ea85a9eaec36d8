// What the pipeline learns about one packet on its way. Lives on the stack of one run; each step fills its own part.
#pragma once
#include "datapath/wire/headers.hpp"

namespace biplane {

constexpr uint32_t headers_bytes_max = 512;  // from the frame's start: a transport header beyond it is refused (RFC 7112)

// What the parse step says: numbers only. Offsets count from the first byte of the frame.
struct Headers {
    FlowKey key;  // the zone is filled in before the parse
    union {
        Address error_source;   // of an ICMP error: who says so
        uint64_t told_address;  // of a neighbour solicitation: told_address() of the sender's, 0: it tells none (solicitation.hpp)
    };
    uint32_t network_bytes;  // of the IP packet, its header included
    uint16_t frame_offset;   // of the Ethernet header that counts: 0, or behind the tunnel headers. Set before the parse
    uint16_t transport_offset;
    uint16_t segment_bytes;  // of the largest IP packet this frame is on the wire (a GSO packet: of one segment)
    uint8_t ttl;
    uint8_t traffic_class;
    uint8_t tcp_flags;  // SCTP: SctpEvent. 0: neither, or nothing is known of it
    bool is_ipv6;
    bool is_arp;
    bool is_for_router;      // a neighbour solicitation, or an echo request to an address of the link: nobody else's to answer
    bool is_fragment;        // of more than one
    bool is_later_fragment;  // not the first: ports and query type are those of its first, once it has joined (fragments.hpp)
    bool lacks_first;        // a later fragment that belongs to nothing that was let through
    bool is_related;         // an ICMP error; the key is that of the direction it travels in
    bool is_icmp_error;
    bool may_fragment;             // IPv4 without DF
    bool is_icmp_query;            // may open a flow
    uint8_t tcp_scale;             // TCP: of a SYN: its window scale + 1 (RFC 7323), 0: none
    uint16_t query_type_and_code;  // ICMP: of the message that opens such a flow, type in the upper byte
    uint16_t fragment_offset;      // bytes
    uint16_t fragment_bytes;       // of the part that is fragmented
    uint16_t tcp_window;           // TCP: as it stands there
    be32 fragment_identification;
    uint32_t tcp_sequence;        // TCP. SCTP: the verification tag. ICMP error: of the embedded packet
    uint32_t tcp_end;             // TCP: the sequence number after all that the packet carries, SYN and FIN included
    uint32_t tcp_acknowledgment;  // TCP: 0 without ACK. SCTP: the initiate tag of an INIT or INIT ACK

    uint32_t network_offset() const { return frame_offset + sizeof(EthernetHeader); }
};
static_assert(sizeof(Headers) == 104);

// Parts of the parse step that few packets take: the verifier walks them once, not in every way that leads there.
enum class RareStep : uint32_t { extensions, tcp_scale, sctp_chunks, embedded, solicitation };

enum class Reply : uint8_t { none, arp, neighbour_advertisement, echo, time_exceeded, too_big };

struct Journey : Headers {
    // enter, open tunnel
    const Config* config;
    const Port* port;
    uint32_t now;    // tick
    uint32_t epoch;  // read once: every planned table is read in this epoch's bank
    uint16_t port_number;
    uint16_t source_hop;  // the next hop that leads back to whoever sent this: port (workload, host) or node (fabric)
    uint8_t tunnel_traffic_class;
    bool came_encapsulated;
    bool is_to_group;  // at the Ethernet level

    // find or judge
    const Zone* zone;  // looked up where it is needed (find_zone)
    FlowEntry* flow;   // nullptr: no flow that is in force
    const NextHop* next_hop;
    uint32_t flow_number;
    uint16_t next_hop_number;
    uint8_t flow_mode;  // of the entry found
    uint8_t next_mode;  // of a tracked protocol: what this packet makes of it
    bool is_tracked;    // it moves what is tracked of the flow
    uint8_t route_length;
    bool route_looked_up;
    bool is_new;               // this packet made the flow
    bool is_judged;            // the epoch was old, or the flow is new
    uint16_t initiator_class;  // AddressClass of the flow's two ends
    uint16_t responder_class;
    be16 tunnel_source_port;   // of the flow, if it leaves encapsulated
    uint32_t egress_decision;  // PolicyRange::decision of the initiator's policies, of the responder's; 0: none was asked
    uint32_t ingress_decision;

    Reply reply;
};

}  // namespace biplane
