// The TCP scripts, played by two workloads of this node and by one behind another node, over IPv4 and IPv6.
#include "cases/case.hpp"
#include "cases/tcp_scripts.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

namespace {

// Where the two sides live. The client is the workload web; the server is behind port db, or behind node b.
struct Place {
    std::string name;
    std::string client, server;
    bool is_remote;
};

// The packet as it arrives, and how it leaves.
Step step_of(const Place& place, const TcpLine& line) {
    const auto of = [&](const Packet& frame, uint8_t ttl) {
        const std::string &from = line.segment.from_server ? place.server : place.client,
                          &to = line.segment.from_server ? place.client : place.server;
        return with_segment(frame.ip(from, to).ttl(ttl), line.segment);
    };
    Step step;
    if (!line.segment.from_server)
        step = arrives(red_web, of(frame_from(red_web), 64))
                   .is(place.is_remote ? forwarded(towards_node(to_node_b, red, of(inner_frame(), 63)))
                                       : delivered(red_db, of(frame_to(red_db), 63)));
    else if (place.is_remote)
        step = arrives(fabric, coming_from_node(to_node_b, red, of(inner_frame(), 64)))
                   .is(delivered(red_web, of(frame_to(red_web), 64)));
    else
        step = arrives(red_db, of(frame_from(red_db), 64)).is(delivered(red_web, of(frame_to(red_web), 63)));
    if (line.dropped != DropReason::none) step.wanted = dropped(line.dropped);
    step.state = line.state;
    return step;
}

void let_pick_up(SharedTables& tables) {
    for (uint32_t bank = 0; bank < banks; ++bank) tables.zone(bank, red)->tcp_pickup = 1;
}

// How many packets of each direction the pair at the end has seen: all that passed since it was made.
WantedFlow flow_of(const Place& place, const TcpScript& script) {
    WantedFlow wanted = script.server_initiates ? flow(red, 6, place.server, script_server_port, place.client, script_client_port)
                                                : flow(red, 6, place.client, script_client_port, place.server, script_server_port);
    const uint16_t server_hop = place.is_remote ? uint16_t{to_node_b} : uint16_t{red_db};
    wanted = script.server_initiates ? wanted.to(red_web).from(server_hop, place.is_remote ? uint16_t{fabric} : uint16_t{red_db})
                                     : wanted.to(server_hop).from(red_web, red_web);
    uint32_t forward = 0, backward = 0;
    FlowState before = FlowState::none;
    for (const TcpLine& line : script.lines) {
        const bool is_new = before == FlowState::none || (line.state == FlowState::opening && before > FlowState::opening);
        if (is_new) forward = backward = 0;
        if (line.dropped == DropReason::none) ++(line.segment.from_server == script.server_initiates ? forward : backward);
        before = line.state;
    }
    return wanted.in_state(before).seen(forward, backward);
}

Case case_of(const Place& place, const TcpScript& script) {
    Case c{"TCP, " + place.name + ": " + script.name, {}, {}};
    for (const TcpLine& line : script.lines) c.steps.push_back(step_of(place, line));
    if (script.pickup) c.steps.front() = c.steps.front().after(let_pick_up);
    if (script.lines.back().state != FlowState::none) c.flows = {flow_of(place, script)};
    return c;
}

}  // namespace

std::vector<Case> tcp_script_cases() {
    const Place places[] = {{"IPv4", "10.0.0.10", "10.0.0.11", false},
                            {"IPv6", "fd00:a::10", "fd00:a::11", false},
                            {"IPv4 across the fabric", "10.0.0.10", "10.0.0.20", true},
                            {"IPv6 across the fabric", "fd00:a::10", "fd00:a::20", true}};
    std::vector<Case> all;
    for (const Place& place : places)
        for (const TcpScript& script : tcp_scripts()) all.push_back(case_of(place, script));
    return all;
}

}  // namespace biplane::cases
