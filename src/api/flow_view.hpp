// Reading the flow table while both planes work on it.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "api/message.hpp"
#include "api/table_names.hpp"
#include "base/addresses.hpp"
#include "planes/shared_tables.hpp"

namespace biplane {

// A pair as it was at one moment. `forward` is the direction of the first packet.
struct FlowPair {
    FlowEntry forward;
    FlowEntry reverse;
    FlowDetail forward_detail;
    FlowDetail reverse_detail;
};

struct FlowTotals {
    uint64_t pairs = 0;
    uint64_t half_pairs = 0;  // entries whose other direction is missing: there must be none
    uint64_t capacity = 0;    // pairs
};

// Visits every pair that has not expired.
FlowTotals walk_flows(const SharedTables& tables, uint32_t now, const std::function<void(const FlowPair&)>& visit);

// What is not given matches everything. Source and destination are those of the first packet.
struct FlowFilter {
    std::optional<std::string> network;
    std::optional<Plane> plane;
    std::optional<uint8_t> protocol;
    std::optional<Prefix> source;
    std::optional<Prefix> destination;
    std::optional<uint16_t> port;  // either one
};
bool matches(const FlowFilter& filter, const FlowPair& pair, const TableNames& names);

// docs/api.md lists the fields.
Json to_json(const FlowPair& pair, const TableNames& names, uint32_t now);

std::string protocol_name(uint8_t protocol);  // "tcp", "udp", "icmp", "icmpv6", else the number
Result<uint8_t> parse_protocol(const std::string& text);
Result<Plane> parse_plane(const std::string& text);
const char* to_string(Plane plane);
const char* to_string(FlowState state);

}  // namespace biplane
