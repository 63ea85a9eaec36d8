#include "api/flow_view.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cmath>

#include "datapath/flow_table.hpp"

namespace biplane {
namespace {

// A way that holds an entry, read between two looks at its signature.
struct Snapshot {
    FlowEntry entry;
    FlowDetail detail;
};

bool is_entry(uint32_t signature) { return signature != signature_free && signature != signature_claimed; }

std::optional<Snapshot> read_way(const SharedTables& tables, uint32_t number) {
    const uint32_t* signature = signature_of(tables, number);
    if (signature == nullptr) return std::nullopt;
    const uint32_t before = load(*signature);
    if (!is_entry(before)) return std::nullopt;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    const Snapshot snapshot{*tables.flow(number), *tables.flow_detail(number)};
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (load(*signature) != before) return std::nullopt;
    return snapshot;
}

std::optional<Snapshot> read_other(const SharedTables& tables, uint32_t number, const Snapshot& one) {
    auto other = read_way(tables, one.detail.other);
    if (!other || other->detail.other != number || !has_key(other->entry, reverse_of(key_of(one.entry)))) return std::nullopt;
    return other;
}

// Both directions of the entry in way `number`. A pair that is being made or taken back right now looks like a half for a
// moment, so a half is one that stays a half.
struct Sighting {
    std::optional<Snapshot> one;
    std::optional<Snapshot> other;
};
Sighting look_at(const SharedTables& tables, uint32_t number) {
    constexpr int looks = 3;
    constexpr useconds_t pause_us = 200;
    Sighting sighting;
    for (int look = 0; look < looks; ++look) {
        if (look > 0) ::usleep(pause_us);
        sighting.one = read_way(tables, number);
        if (!sighting.one) return {};
        sighting.other = read_other(tables, number, *sighting.one);
        if (sighting.other) break;
    }
    return sighting;
}

uint64_t packets_of(const FlowEntry& entry, const FlowDetail& detail) {
    return uint64_t{detail.packets_high} << 32 | entry.packets;
}

double seconds_since(uint32_t then, uint32_t now) {
    const int32_t ticks = static_cast<int32_t>(now - then);  // the clock is coarse: `then` may be a tick ahead
    const double seconds = std::max(ticks, 0) * static_cast<double>(1u << tick_shift) / 1e9;
    return std::round(seconds * 1000) / 1000;
}

}  // namespace

FlowTotals walk_flows(const SharedTables& tables, uint32_t now, const std::function<void(const FlowPair&)>& visit) {
    FlowTotals totals;
    totals.capacity = tables.flow_entries() / 2;
    for (uint32_t number = 0; number < tables.flow_entries(); ++number) {
        if (!is_entry(load(*signature_of(tables, number)))) continue;
        const Sighting sighting = look_at(tables, number);
        if (!sighting.one) continue;
        if (!sighting.other) {
            ++totals.half_pairs;
            continue;
        }
        const bool is_forward = (sighting.one->entry.mode & flow_mode_reverse) == 0;
        if (!is_forward || is_expired(tables, *tables.config(), number, sighting.one->entry, now)) continue;
        ++totals.pairs;
        visit({sighting.one->entry, sighting.other->entry, sighting.one->detail, sighting.other->detail});
    }
    return totals;
}

bool matches(const FlowFilter& filter, const FlowPair& pair, const TableNames& names) {
    const FlowEntry& flow = pair.forward;
    const Plane plane = flow.mode & flow_mode_user_plane ? Plane::user : Plane::kernel;
    if (filter.network && names.network(flow.zone) != *filter.network) return false;
    if (filter.plane && plane != *filter.plane) return false;
    if (filter.protocol && flow.protocol != *filter.protocol) return false;
    if (filter.source && !contains(*filter.source, flow.source)) return false;
    if (filter.destination && !contains(*filter.destination, flow.destination)) return false;
    return !filter.port || flow.source_port.to_host() == *filter.port || flow.destination_port.to_host() == *filter.port;
}

Json to_json(const FlowPair& pair, const TableNames& names, uint32_t now) {
    const FlowEntry& flow = pair.forward;
    const double idle = std::min(seconds_since(flow.last_seen, now), seconds_since(pair.reverse.last_seen, now));
    return {{"network", names.network(flow.zone)},
            {"zone", flow.zone},
            {"vni", pair.forward_detail.vni},
            {"plane", to_string(flow.mode & flow_mode_user_plane ? Plane::user : Plane::kernel)},
            {"protocol", protocol_name(flow.protocol)},
            {"source", to_string(flow.source)},
            {"sourcePort", flow.source_port.to_host()},
            {"destination", to_string(flow.destination)},
            {"destinationPort", flow.destination_port.to_host()},
            {"state", to_string(state_of(flow.mode))},
            {"packets", packets_of(flow, pair.forward_detail)},
            {"bytes", flow.bytes},
            {"replyPackets", packets_of(pair.reverse, pair.reverse_detail)},
            {"replyBytes", pair.reverse.bytes},
            {"nextHop", names.next_hop(flow.next_hop)},
            {"replyNextHop", names.next_hop(pair.reverse.next_hop)},
            {"ingressPort", names.port_name(pair.forward_detail.ingress_port)},
            {"ageSeconds", seconds_since(pair.forward_detail.created, now)},
            {"idleSeconds", idle},
            {"epoch", flow.epoch}};
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
