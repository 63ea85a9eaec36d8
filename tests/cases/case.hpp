// The specification as tables. A case is a sentence about the router, and the packets that show it true: each arrives at a port
// of the world (world.hpp), and is wanted to have a fate, to leave somewhere, and to look like something.
//
//     {"a datagram between two workloads of one network is delivered, its TTL spent by one",
//      {arrives(red_web, datagram).is(delivered(red_db, at(red_db, datagram).ttl(63)))},
//      {flow(red, udp, "10.0.0.10", 5000, "10.0.0.11", 53).packets(1, 0)...}}
//
// What is wanted comes from an RFC or from the design, never from running the code. The counters of each step follow from its
// fate (run_case.cpp): exactly one of the ingress port's counters may move, and one of the egress port's.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cases/world.hpp"
#include "packets/packet.hpp"
#include "planes/shared_tables.hpp"

namespace biplane::cases {

using packets::Bytes;
using packets::Packet;
using world::Network;

// What should become of one packet.
struct Wanted {
    Fate fate;
    uint16_t egress = no_port;
    std::optional<Packet> output = {};  // nothing: byte for byte as it came
    bool is_tunnelled = false;          // the outer UDP source port is any of 49152 to 65535 (RFC 7348, section 4.1)
};

Wanted dropped(DropReason reason);
Wanted delivered(uint16_t port, const Packet& output);
Wanted forwarded(const Packet& output);                // through the fabric port, encapsulated
Wanted answered(uint16_t port, const Packet& output);  // back through the port it came in
Wanted punted(PuntReason reason);
Wanted left_to_the_node();  // to the node's own stack, untouched

struct Step {
    uint16_t port;
    Packet packet;
    Wanted wanted;
    std::function<void(SharedTables&)> before = {};  // what happens to the tables before the packet arrives
    std::optional<FlowState> state = {};             // of the only flow in the table afterwards; FlowState::none: there is none

    Step is(Wanted fate) const;
    Step after(std::function<void(SharedTables&)> change) const;
};
Step arrives(uint16_t port, const Packet& packet);

// A pair that is wanted in the flow table: its forward direction and what was seen.
struct WantedFlow {
    Network network;
    uint8_t protocol;
    std::string source;
    uint16_t source_port;
    std::string destination;
    uint16_t destination_port;
    FlowState state = FlowState::opening;
    uint16_t next_hop = 0, reply_next_hop = 0, ingress_port = 0;
    uint32_t packets = 1, reply_packets = 0;
    uint64_t bytes = 0, reply_bytes = 0;  // 0: not looked at

    WantedFlow in_state(FlowState value) const;
    WantedFlow from(uint16_t hop, uint16_t port) const;  // the way back, and the port of the first packet
    WantedFlow to(uint16_t hop) const;
    WantedFlow seen(uint32_t forward, uint32_t backward) const;
    WantedFlow of_bytes(uint64_t forward, uint64_t backward) const;
};
WantedFlow flow(Network network, uint8_t protocol, std::string source, uint16_t source_port, std::string destination,
                uint16_t destination_port);

// Where a case holds. The kernel plane hands over what the user plane carries, so some stories differ.
enum class Holds : uint8_t { everywhere, in_the_kernel_plane, in_the_user_plane };

struct Case {
    std::string name;
    std::vector<Step> steps;
    std::vector<WantedFlow> flows = {};  // all that is in the table afterwards
    Holds holds = Holds::everywhere;
};

// --- packets as they stand on the wires of the world ---

// Ethernet header of a frame that the workload behind `port` sends to the router; of one that the router sends to it.
Packet frame_from(uint16_t port);
Packet frame_to(uint16_t port);
// A packet that arrived elsewhere, as it is delivered at `port`.
Packet at(uint16_t port, const Packet& packet);
// A packet of `network` as it travels to a node, and as it comes from one.
Packet towards_node(uint16_t next_hop, Network network, const Packet& inner);
Packet coming_from_node(uint16_t next_hop, Network network, const Packet& inner);
// The Ethernet header that Biplane nodes put before an inner packet.
Packet inner_frame();

// --- changes to the tables ---
std::function<void(SharedTables&)> time_passes(uint64_t seconds);  // seen from the tables of flows and fragments
std::function<void(SharedTables&)> a_new_epoch();                  // the same policy, published again
std::function<void(SharedTables&)> user_plane_is(bool alive);
// In all banks, under a new epoch: what `rule` of the world decided is decided otherwise.
std::function<void(SharedTables&)> a_rule_becomes(world::Rule rule, uint32_t decision);

// All cases of the specification.
std::vector<Case> all_cases();
std::vector<Case> link_cases();
std::vector<Case> ipv4_cases();
std::vector<Case> ipv6_cases();
std::vector<Case> fragment_cases();
std::vector<Case> transport_cases();
std::vector<Case> icmp_cases();
std::vector<Case> icmp_path_cases();
std::vector<Case> routing_cases();
std::vector<Case> tunnel_cases();
std::vector<Case> flow_cases();
std::vector<Case> tcp_script_cases();
std::vector<Case> sctp_cases();
std::vector<Case> plane_cases();
std::vector<Case> policy_cases();
std::vector<Case> fairness_cases();

}  // namespace biplane::cases
