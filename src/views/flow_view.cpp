#include "views/flow_view.hpp"

#include <fmt/format.h>

#include <charconv>

namespace biplane {

bool matches(const FlowFilter& filter, const FlowEntry& flow, const TableNames& names) {
    if (filter.plane && plane_of(flow) != *filter.plane) return false;
    if (filter.protocol && flow.protocol != *filter.protocol) return false;
    if (filter.source && !contains(*filter.source, flow.source)) return false;
    if (filter.destination && !contains(*filter.destination, flow.destination)) return false;
    if (filter.port && flow.source_port.to_host() != *filter.port && flow.destination_port.to_host() != *filter.port) return false;
    return !filter.network || names.network(flow.zone) == *filter.network;
}

uint64_t milliseconds_since(uint32_t then, uint32_t now) {
    const int32_t ticks = static_cast<int32_t>(now - then);  // the clock is coarse: `then` may be a tick ahead
    constexpr uint64_t ns_per_ms = 1000000;
    return ((static_cast<uint64_t>(std::max(ticks, 0)) << tick_shift) + ns_per_ms / 2) / ns_per_ms;
}

uint64_t idle_milliseconds(const FlowPair& pair, uint32_t now) {
    return std::min(milliseconds_since(pair.forward.last_seen, now), milliseconds_since(pair.reverse.last_seen, now));
}

std::string protocol_name(uint8_t number) {
    switch (number) {
        case protocol::tcp:
            return "tcp";
        case protocol::udp:
            return "udp";
        case protocol::icmp:
            return "icmp";
        case protocol::icmpv6:
            return "icmpv6";
        default:
            return std::to_string(number);
    }
}

Result<uint8_t> parse_protocol(const std::string& text) {
    for (const uint8_t number : {protocol::tcp, protocol::udp, protocol::icmp, protocol::icmpv6})
        if (text == protocol_name(number)) return number;
    uint8_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && !text.empty()) return number;
    return failure(fmt::format("\"{}\" is no protocol: expected tcp, udp, icmp, icmpv6 or a number from 0 to 255", text));
}

Result<Plane> parse_plane(const std::string& text) {
    if (text == "kernel") return Plane::kernel;
    if (text == "user") return Plane::user;
    return failure(fmt::format("\"{}\" is no plane: expected kernel or user", text));
}

const char* to_string(Plane plane) { return plane == Plane::kernel ? "kernel" : "user"; }

const char* to_string(FlowState state) {
    switch (state) {
        case FlowState::none:
            return "none";
        case FlowState::opening:
            return "opening";
        case FlowState::answered:
            return "answered";
        case FlowState::established:
            return "established";
        case FlowState::closing:
            return "closing";
        case FlowState::closed:
            return "closed";
    }
    return "unknown";
}

}  // namespace biplane
