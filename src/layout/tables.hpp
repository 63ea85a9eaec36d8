// The shared tables: one entry type each, and how they hang together. Both planes, the agent and the tools work on the same
// memory, so this file is the contract between them. Plain structs, no constructors, sizes asserted.
//
//   ifindex --port_index--> Port --zone--> Zone            planned tables: four banks; the lowest bits of the epoch
//   VNI -----vni_index----> zone                           say which one is in force. Written by the agent only
//   node address --nodes--> NodeEntry --next_hop--+
//   (zone, prefix) --routes--> next hop number ---+--> NextHop
//                         \--> address class --> who it is to policies: layout/policy.hpp
//
//   FlowKey --hash--> FlowBucket: 8 signatures, 8 FlowEntry (hot lines), 8 FlowDetail
//                                                          state tables: one bank; written by both planes
#pragma once
#include "layout/address.hpp"
#include "layout/verdict.hpp"

namespace biplane {

// Times in the tables are ticks of CLOCK_MONOTONIC(_COARSE): nanoseconds >> 20, about 1.05 ms, modulo 2^32 (wraps in 52 days;
// always compare by difference).
constexpr uint32_t tick_shift = 20;
constexpr uint32_t ticks_from_ms(uint64_t ms) { return static_cast<uint32_t>((ms * 1000000) >> tick_shift); }

// --- Sizes fixed by the layout. Flow and route capacities are chosen when the tables are created (Config). ---------------
constexpr uint32_t banks = 4;  // power of two
constexpr uint32_t ports_max = 1024;
constexpr uint32_t port_index_slots = 4096;  // open addressing, power of two
constexpr uint32_t zones_max = 4096;
constexpr uint32_t vni_index_slots = 16384;  // open addressing, power of two
constexpr uint32_t node_slots = 8192;        // open addressing, power of two
constexpr uint32_t next_hops_max = 16384;
constexpr uint32_t probe_limit = 16;  // open addressing: an entry lies at most this far from its home
constexpr uint32_t route_bucket_ways = 8;
constexpr uint32_t flow_bucket_ways = 8;
constexpr uint32_t flow_lock_slots = 4096;
constexpr uint32_t first_workload_socket = 256;  // XSKMAP: below it the punt port's and the fabric ports' queues,
constexpr uint32_t processors_max = 1024;        // clocks: beyond, processors share one
constexpr uint32_t socket_slots = first_workload_socket + ports_max;  // from it on one per port: workloads with XDP
constexpr uint32_t layout_version = 8;                                // of every pinned type: tools/check_layout.py

constexpr uint16_t no_port = 0;  // port 0, zone 0 and next hop 0 are never used
constexpr uint16_t no_zone = 0;
constexpr uint16_t no_next_hop = 0;

// What is chosen when the tables are created. The kernel programs have it as constants.
struct TableSizes {
    uint32_t flow_buckets = 1u << 16;   // 8 entries each, a flow takes two
    uint32_t route_buckets = 1u << 13;  // power of two, per bank; 8 routes each
    uint32_t counter_slots = 2;         // power of two: counter_slots_for()
};

// --- Config: one entry, not banked ---------------------------------------------------------------------------------------

constexpr uint32_t flow_timeout_min = ticks_from_ms(1000);  // no timeout is shorter

// Timeouts of flows by protocol and state, in ticks. An idle flow past its timeout is expired. Those of TCP are SCTP's as well.
struct FlowTimeouts {
    uint32_t tcp_opening;      // SYN seen, not yet answered and acknowledged
    uint32_t tcp_established;  // RFC 5382: at least 2 h 4 min
    uint32_t tcp_closing;      // a FIN or RST seen; RFC 5382: transitory, at least 4 min
    uint32_t tcp_closed;       // both FINs acknowledged, or reset
    uint32_t udp_single;       // no answer seen yet
    uint32_t udp_stream;       // answered; RFC 4787: 5 min
    uint32_t icmp;             // RFC 5508: at least 60 s
    uint32_t other;
};

struct Config {
    uint32_t version;             // layout_version of whoever created the tables
    uint32_t epoch;               // the policy generation in force; bank_of() it is in force. One store publishes.
    uint32_t hash_secret[10];     // NH key of hash.hpp, random per boot, never 0
    uint32_t flow_buckets;        // at least 1
    uint32_t route_bucket_mask;   // route buckets per bank - 1
    uint32_t counter_slots;       // rows of `counters`: one per processor, the last one for the user plane
    uint32_t user_plane_timeout;  // ticks after which a user plane without heartbeat counts as dead
    FlowTimeouts timeouts;
    uint64_t trace_nonce;        // not 0: a packet that carries it is traced, not carried (see TraceRecord)
    uint32_t punt_ifindex;       // outer end of the punt port: where tcx programs redirect what they punt; 0: none
    uint32_t fragment_lifetime;  // ticks: how long later fragments may follow their first (layout/fragments.hpp)
    uint64_t program_id;         // of the BPF object whose programs are pinned: an agent with the same one adopts them
    uint32_t cut_ifindex;        // outer end of the cut port: where tcx programs redirect what is to be cut; 0: none
    uint32_t documents_mark;     // of the store's revision that was answered for last, see store/store.hpp; 0: not known
    Address gateway_ipv4;        // what workloads use as first hop: 169.254.1.1
    Address gateway_ipv6;        // fe80::1
    uint32_t numbering_mark;     // as documents_mark, of the store that has the numbers
    uint32_t reserved[3];
};
static_assert(sizeof(Config) == 176);

constexpr uint32_t bank_of(uint32_t epoch) { return epoch & (banks - 1); }

// --- Planned tables: `banks` copies each; entry i of bank b is element b * size + i --------------------------------------

enum class PortKind : uint8_t { none, workload, fabric, host };

struct Port {
    uint32_t ifindex;  // of the interface Biplane's program sits on, in the node's namespace; 0: no such port
    uint16_t zone;     // workload, host
    PortKind kind;
    uint8_t flags;
    uint16_t next_hop;     // workload, host: the next hop that delivers to this port. Sources are checked against it
    uint16_t mtu;          // of the IP packet, bytes
    uint16_t socket_slot;  // fabric, workload with XDP: XSKMAP slot of queue 0, 0: none. Fabric: queue q has slot + q
    uint8_t pad[2];
    MacAddress router_mac;  // the router's address on this port (fabric: the interface's own)
    MacAddress peer_mac;    // workload, host: the only address allowed behind this port
    uint8_t more_pad[4];
    Address underlay_ipv4;  // fabric: this node's tunnel end points; all zero if there is none
    Address underlay_ipv6;
};
static_assert(sizeof(Port) == 64);
static_assert(offsetof(Port, router_mac) % 8 == 0 && offsetof(Port, peer_mac) == offsetof(Port, router_mac) + 6, "a MacPair");

struct PortIndexEntry {
    uint32_t ifindex;  // 0: empty
    uint16_t port;
    uint16_t pad;
};
static_assert(sizeof(PortIndexEntry) == 8);

// What a virtual network is on this node. Prefix lengths are in 128-bit space (IPv4 /n is 96 + n), longest first.
constexpr uint32_t zone_lengths_max = 64;  // power of two

struct Zone {
    uint32_t vni;                       // 0: no such zone
    Plane plane;                        // where new flows are placed
    uint8_t fallback_to_kernel;         // 1: without a live user plane the kernel plane carries the zone's flows; 0: dropped
    uint8_t ipv4_lengths;               // how many of `lengths` there are for IPv4; they come first
    uint8_t ipv6_lengths;               // the next so many are for IPv6
    uint8_t lengths[zone_lengths_max];  // e.g. {128, 120, 96 | 128, 64}
    FlowTimeouts timeouts;              // 0: Config's
    uint8_t tcp_pickup;                 // 1: a TCP flow may begin in the middle of its connection, unchecked
    uint8_t pad[7];
};
static_assert(sizeof(Zone) == 112);

struct VniIndexEntry {
    uint32_t vni;  // 0: empty
    uint16_t zone;
    uint16_t pad;
};
static_assert(sizeof(VniIndexEntry) == 8);

struct NodeEntry {
    Address address;    // underlay source address of the node; all zero: empty
    uint16_t next_hop;  // the next hop that encapsulates to this node
    uint16_t pad[3];
};
static_assert(sizeof(NodeEntry) == 24);

// Also who lives there, to policies: a prefix that only a policy names has the next hop of the route it lies in.
struct RouteEntry {
    Address prefix;  // host bits zero
    uint16_t zone;   // 0: empty
    uint16_t next_hop;
    uint8_t length;          // in 128-bit space
    uint8_t flags;           // route_leads_on, route_replies_only
    uint16_t address_class;  // index of AddressClass; 0: no policy knows it
};
static_assert(sizeof(RouteEntry) == 24);
// The way does not end at its next hop: a Route leads on to the host, a node or a workload that passes packets on. Routers behind it,
// whatever their addresses are, may send ICMP errors about packets that went there.
constexpr uint8_t route_leads_on = 1;
// Who lives there may begin to speak and is answered; nothing else is sent there.
constexpr uint8_t route_replies_only = 2;
static_assert(next_hops_max <= 1u << 14, "RouteMatch packs the flags above the number");

struct RouteBucket {
    RouteEntry entries[route_bucket_ways];
};

enum class NextHopKind : uint8_t { none, deliver, encapsulate, host, discard };

// NextHop::flags: the far end of the egress veth is in another namespace, so that a frame can be put there directly.
constexpr uint8_t next_hop_peer_elsewhere = 1;

struct NextHop {
    NextHopKind kind;
    uint8_t flags;
    uint16_t port;               // egress port number (deliver, host: the workload or host port; encapsulate: the fabric port)
    uint32_t ifindex;            // of the egress interface
    MacAddress destination_mac;  // deliver: the workload's; encapsulate: the underlay next hop's (all zero: not resolved yet)
    MacAddress source_mac;       // deliver: the router's on that port; encapsulate: the fabric interface's
    uint16_t mtu;                // of the inner IP packet, bytes
    uint8_t pad[10];
    Address tunnel_source;       // encapsulate: this node's underlay address; same family as the destination
    Address tunnel_destination;  // encapsulate: the other node's
};
static_assert(sizeof(NextHop) == 64);
static_assert(offsetof(NextHop, destination_mac) % 8 == 0 &&
                  offsetof(NextHop, source_mac) == offsetof(NextHop, destination_mac) + 6,
              "a MacPair");

// --- Flows ---------------------------------------------------------------------------------------------------------------

// The identity of one direction. ICMP queries: the identifier stands in the port of the side that asks; on the other side 0 for
// echo, else the query's type. Protocols without ports: both ports 0. Later fragments have those of their first
// (layout/fragments.hpp).
struct FlowKey {
    Address source;
    Address destination;
    be16 source_port;
    be16 destination_port;
    uint16_t zone;
    uint8_t protocol;  // IANA protocol number
    uint8_t unused;    // 0 in a key; FlowEntry keeps its state here
};
static_assert(sizeof(FlowKey) == 40);

enum class FlowState : uint8_t {
    none,
    opening,      // TCP: first SYN seen. SCTP: INIT seen.            Others: no answer seen yet
    answered,     // TCP: SYN+ACK (or crossing SYN) seen. SCTP: INIT ACK seen
    established,  // TCP: handshake acknowledged. SCTP: COOKIE ACK.   Others: answered
    closing,      // TCP: a FIN seen from one or both sides. SCTP: SHUTDOWN seen
    closed,       // TCP: both FINs acknowledged, or reset. SCTP: SHUTDOWN COMPLETE or ABORT seen
};

// `mode` of a FlowEntry: bits 0-2 FlowState, bit 3 a packet of this direction had to be cut, and so are all that follow, or they
// would overtake it, bit 4 Plane, bit 5 this is the reverse direction, bits 6 and 7 a FIN was seen from the initiator, from the
// responder.
constexpr uint8_t flow_state_mask = 0x07;
constexpr uint8_t flow_mode_cut = 0x08;
constexpr uint8_t flow_mode_user_plane = 0x10;
constexpr uint8_t flow_mode_reverse = 0x20;
constexpr uint8_t flow_mode_initiator_fin = 0x40;
constexpr uint8_t flow_mode_responder_fin = 0x80;

// The hot line: all that a packet of an established flow needs.
struct alignas(64) FlowEntry {
    Address source;
    Address destination;
    be16 source_port;
    be16 destination_port;
    uint16_t zone;
    uint8_t protocol;
    uint8_t mode;
    uint64_t bytes;       // of IP packets (from the network header on), modulo 2^64
    uint32_t packets;     // frames on the wire (a GSO packet counts as its segments), low half; high half in FlowDetail
    uint32_t last_seen;   // tick
    uint16_t next_hop;    // where packets of this direction go
    uint16_t source_hop;  // the next hop that leads back to their sender: what they must have come in through
    uint32_t epoch;       // under which this direction was judged
};
static_assert(sizeof(FlowEntry) == 64);

// What only the rare path and the tools need.
struct FlowDetail {
    uint32_t other;         // number of the entry of the other direction
    uint32_t packets_high;  // carry of FlowEntry::packets
    uint32_t created;       // tick
    uint32_t vni;           // the identifier the zone maps to: inserted on the way out, mapped back on the way in
    uint16_t ingress_port;  // port the first packet of the pair came in through
    uint16_t rule;     // that allowed it: in the forward entry the one of the sender's side, in the reverse the receiver's; 0: none
    uint32_t tcp_end;  // TCP: the sequence number after the last byte that this direction has sent. SCTP: the tag it must carry
    uint64_t tcp_offer;  // TCP: what this direction lets the other one send. One number: written as a whole. SCTP: flags
};
static_assert(sizeof(FlowDetail) == 32 && offsetof(FlowDetail, tcp_offer) == 24);

// A signature is 0 for a free way, claimed_at() for a way that somebody is filling or emptying, else the signature of the entry in
// that way (bit 1 set). Entry number = bucket * flow_bucket_ways + way. Publishing a pair: reverse first, forward last, one atomic
// exchange each, and only if the claim still stands: who dies with a claim leaves it to others (flow_claim_stale).
constexpr uint32_t signature_free = 0;
constexpr uint32_t claimed_at(uint32_t tick) { return tick << 2 | 1; }
constexpr bool is_claimed(uint32_t signature) { return (signature & 3) == 1; }
constexpr uint32_t flow_claim_stale = ticks_from_ms(1000);
constexpr bool is_stale_claim(uint32_t signature, uint32_t now) {
    const uint32_t age = ((now << 2) - (signature & ~3u)) >> 2;  // modulo 2^30: twelve days
    return is_claimed(signature) && age > flow_claim_stale && age < 1u << 29;
}

// A bucket has its entries with it, so that both lie in one page: of many flows each packet finds its page's translation gone.
struct alignas(64) FlowBucket {
    uint32_t signatures[flow_bucket_ways];
    uint32_t elsewhere;  // entries whose first choice is this bucket and that lie in their second; never too low
    uint32_t pad[7];
    FlowEntry entries[flow_bucket_ways];
    FlowDetail details[flow_bucket_ways];
};
static_assert(sizeof(FlowBucket) == 832);

// Serialises the creation of one flow. 0: free, else tick of acquisition | 1.
struct FlowLock {
    uint64_t holder;
};

// --- Counters: counters[slot * ports_max + port]; each slot has one writer ------------------------------------------------

// received = forwarded + delivered + punted + sum of drops. Frames on the wire: a GSO packet counts as its segments.
struct PortCounters {
    uint64_t received;
    uint64_t received_bytes;  // Ethernet frames without FCS
    uint64_t forwarded;       // to the fabric, and answers sent back through the ingress port
    uint64_t delivered;       // to a workload or to the node's own stack
    uint64_t punted;
    uint64_t answered;  // replies made by the router: ARP, ND (counted in `forwarded`), ICMP errors (the packet in `drops`)
    uint64_t upcalls;   // decisions asked of user space: there are none, and this says so
    uint64_t flows_created;
    uint64_t transmitted;  // frames that left through this port
    uint64_t transmitted_bytes;
    uint64_t icmp_error_window;  // for the rate limit of ICMP errors: the second (2^30 ns) of the last one,
    uint64_t icmp_errors;        // and how many were sent in it
    uint64_t last_denial[3];  // for policy_egress_denied and the two after it: tick << 32 | PolicyRange::decision of the last drop
    uint64_t drops[drop_reasons_max];  // by DropReason
};
static_assert(static_cast<uint32_t>(DropReason::policy_ingress_denied) ==
                  static_cast<uint32_t>(DropReason::policy_egress_denied) + 1 &&
              static_cast<uint32_t>(DropReason::policy_rule_denied) == static_cast<uint32_t>(DropReason::policy_egress_denied) + 2);
constexpr uint64_t icmp_errors_per_window = 100;

// --- Clock: one per processor, of the kernel plane -------------------------------------------------------------------------

// CLOCK_MONOTONIC_COARSE moves only when the jiffies do: it is read once per jiffy and kept.
struct ProcessorClock {
    uint64_t jiffies;  // when the tick was read
    uint32_t tick;
    uint32_t pad[13];
};
static_assert(sizeof(ProcessorClock) == 64);

// --- User plane ----------------------------------------------------------------------------------------------------------

struct UserPlaneStatus {
    uint32_t heartbeat;   // tick; 0: never started
    uint32_t epoch_seen;  // the epoch at the start of the current lap: older banks are not read any more
    uint32_t pid;
    uint32_t sleeping;  // 1 while it waits in poll(2) and reads no table
    uint64_t laps;
    uint64_t rx_lost;  // frames the kernel could not put into an RX ring (XDP_STATISTICS), all sockets
    uint64_t tx_full;
    uint64_t frames_free;  // of the UMEM
    uint64_t frames_total;
};

// What the kernel plane says about a frame that goes through the punt port or the cut port, written over the 12 bytes of the Ethernet
// addresses. It has checked the addresses; at the other end they are restored from the port before the frame is processed.
struct __attribute__((packed)) PuntTag {
    uint16_t port;      // ingress
    uint8_t reason;     // PuntReason
    uint8_t magic;      // punt_magic, cut_magic
    uint32_t flow;      // number of the flow's entry, or no_flow
    uint32_t sequence;  // reserved, 0
};
static_assert(sizeof(PuntTag) == 12);
constexpr uint8_t punt_magic = 0xb1;
constexpr uint8_t cut_magic = 0xb2;
constexpr uint32_t no_flow = 0xffffffff;

// --- Trace ---------------------------------------------------------------------------------------------------------------

// Filled by the pipeline for a packet that carries Config::trace_nonce (tcx: skb->tstamp; XDP: eight bytes of metadata).
// Such a packet changes nothing: no flow, no counter, no byte of itself.
struct TraceRecord {
    uint64_t nonce;  // of the request this answers
    uint32_t epoch;
    uint16_t port;
    uint16_t zone;
    uint16_t inner_offset;  // of the network header that was judged; 14 without a tunnel
    Verdict verdict;
    uint8_t detail;  // DropReason or PuntReason
    uint32_t flow;   // number of the entry found, or no_flow
    FlowKey key;
    uint16_t next_hop;
    uint16_t source_hop;
    uint8_t route_length;  // of the matching route, in 128-bit space; valid if the destination was looked up
    uint8_t route_looked_up;
    uint8_t judged;     // 1: the flow was judged now (new, or its epoch was old)
    uint8_t ttl;        // before
    uint8_t flow_mode;  // of the entry found, else 0
    uint8_t pad[3];
    uint32_t egress_decision;   // PolicyRange::decision of the sender's side and of the receiver's; 0: nothing restricts it,
    uint32_t ingress_decision;  // or it was not asked
    uint16_t source_class;      // AddressClass of the flow's initiator, and of its responder; valid if it was judged
    uint16_t destination_class;
};
static_assert(sizeof(TraceRecord) == 88);

}  // namespace biplane
