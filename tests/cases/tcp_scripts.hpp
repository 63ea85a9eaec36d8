// TCP conversations as data: what each segment is, what the router does with it, and the connection's state afterwards. The cases
// play them on every engine (tcp_script_cases.cpp); the same scripts go through Linux conntrack (tests/netns/test_conntrack.py).
//
// Numbers are relative, as tools print them: the SYN of either side has 0, its first byte is 1. The cases add initial numbers close
// to where 32 bits wrap, and where a signed comparison would.
#pragma once
#include <string>
#include <vector>

#include "layout/tables.hpp"
#include "packets/packet.hpp"

namespace biplane::cases {

struct TcpSegment {
    bool from_server = false;
    uint8_t flags = 0;
    uint32_t sequence = 0;
    uint32_t acknowledgment = 0;
    uint16_t window = 1000;
    int scale = -1;  // window scale option; -1: none
    uint16_t payload = 0;

    TcpSegment bytes(uint16_t count) const;
    TcpSegment offers(uint16_t value) const;  // window, as it stands in the header
    TcpSegment scaled(int shift) const;
};
TcpSegment client(uint8_t flags, uint32_t sequence, uint32_t acknowledgment = 0);
TcpSegment server(uint8_t flags, uint32_t sequence, uint32_t acknowledgment = 0);

// One line of a script. FlowState::none: no flow is left, or none was made.
struct TcpLine {
    TcpSegment segment;
    DropReason dropped;  // none: it passes
    FlowState state;
    std::string linux_differs = "";  // why Linux conntrack says otherwise about this packet or the state after it
};
TcpLine passes(const TcpSegment& segment, FlowState state);
TcpLine refused(const TcpSegment& segment, DropReason reason, FlowState state);
TcpLine but_linux(TcpLine line, std::string why);

struct TcpScript {
    std::string name;  // a sentence about the router
    std::vector<TcpLine> lines;
    bool server_initiates = false;  // at the end: the last judgement was of a flow that the server opened
    bool pickup = false;            // in a network that lets connections be picked up
};

std::vector<TcpScript> tcp_scripts();

constexpr uint16_t script_client_port = 40000, script_server_port = 80;
// `frame` ends with its IP header.
packets::Packet with_segment(const packets::Packet& frame, const TcpSegment& segment);

}  // namespace biplane::cases
