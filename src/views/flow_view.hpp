// What the parts of a flow mean and how people write them, and which flows somebody wants to see.
#pragma once
#include <optional>
#include <string>

#include "api/message.hpp"
#include "base/addresses.hpp"
#include "datapath/flows/flow_state.hpp"
#include "views/flow_walk.hpp"
#include "views/table_names.hpp"

namespace biplane {

// What is not given matches everything. Source and destination are those of the first packet: `flow` is
// the forward entry.
struct FlowFilter {
    std::optional<std::string> network;
    std::optional<Plane> plane;
    std::optional<uint8_t> protocol;
    std::optional<Prefix> source;
    std::optional<Prefix> destination;
    std::optional<uint16_t> port;  // either one
};
bool matches(const FlowFilter& filter, const FlowEntry& flow, const TableNames& names);

constexpr Plane plane_of(const FlowEntry& flow) { return flow.mode & flow_mode_user_plane ? Plane::user : Plane::kernel; }
constexpr uint64_t packets_of(const FlowEntry& entry, const FlowDetail& detail) {
    return uint64_t{detail.packets_high} << 32 | entry.packets;
}
uint64_t milliseconds_since(uint32_t then, uint32_t now);        // ticks; rounded
uint64_t idle_milliseconds(const FlowPair& pair, uint32_t now);  // since the last packet of either direction

std::string protocol_name(uint8_t protocol);  // "tcp", "udp", "icmp", "icmpv6", else the number
Result<uint8_t> parse_protocol(const std::string& text);
Result<Plane> parse_plane(const std::string& text);
const char* to_string(Plane plane);
const char* to_string(FlowState state);

}  // namespace biplane
