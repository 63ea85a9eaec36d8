#include "views/port_view.hpp"

#include <net/if.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iterator>

#include "control/documents/desired_state.hpp"
#include "datapath/atomics.hpp"

namespace biplane {
namespace {

constexpr uint64_t PortCounters::* counter_fields[] = {
    &PortCounters::received,    &PortCounters::received_bytes,   &PortCounters::forwarded, &PortCounters::delivered,
    &PortCounters::punted,      &PortCounters::answered,         &PortCounters::upcalls,   &PortCounters::flows_created,
    &PortCounters::transmitted, &PortCounters::transmitted_bytes};
// Beside the drops, two words of the rate limit of ICMP errors and the last denials count nothing.
static_assert(sizeof(PortCounters) == (sizeof counter_fields / sizeof counter_fields[0] + 2 + 3 + drop_reasons_max) * 8,
              "a counter is missing");

// Of two PortCounters::last_denial; 0: there was none. Of one tick either may be the later one.
uint64_t later_denial(uint64_t a, uint64_t b) {
    if (a == 0 || b == 0) return a | b;
    return static_cast<int32_t>(static_cast<uint32_t>(a >> 32) - static_cast<uint32_t>(b >> 32)) > 0 ? a : b;
}

void add_to(PortCounters& total, const PortCounters& part) {
    for (const auto field : counter_fields) total.*field += load(part.*field);
    for (uint32_t reason = 0; reason < drop_reasons; ++reason) total.drops[reason] += load(part.drops[reason]);
    for (uint32_t i = 0; i < std::size(part.last_denial); ++i)
        total.last_denial[i] = later_denial(total.last_denial[i], load(part.last_denial[i]));
}

bool has_counted(const PortCounters& counters) {
    const uint64_t* begin = &counters.received;
    return std::any_of(begin, begin + sizeof counters / sizeof *begin, [](uint64_t value) { return value != 0; });
}

uint64_t dropped(const PortCounters& counters) {
    uint64_t total = 0;
    for (const uint64_t count : counters.drops) total += count;
    return total;
}

void put_counters(Json& json, const PortCounters& counters) {
    json["received"] = counters.received;
    json["receivedBytes"] = counters.received_bytes;
    json["forwarded"] = counters.forwarded;
    json["delivered"] = counters.delivered;
    json["punted"] = counters.punted;
    json["answered"] = counters.answered;
    json["upcalls"] = counters.upcalls;
    json["flowsCreated"] = counters.flows_created;
    json["transmitted"] = counters.transmitted;
    json["transmittedBytes"] = counters.transmitted_bytes;
    json["dropped"] = dropped(counters);
    Json& drops = json["drops"] = Json::object();
    for (uint32_t reason = 1; reason < drop_reasons; ++reason)
        if (counters.drops[reason] != 0) drops[drop_reason_table[reason].name] = counters.drops[reason];
}

std::string interface_name(uint32_t ifindex) {
    char name[IF_NAMESIZE];
    return if_indextoname(ifindex, name) == nullptr ? std::string() : name;
}

std::string hook_of(const Port& port, const HooksByInterface& hooks) {
    const auto found = hooks.find(port.ifindex);
    return found == hooks.end() ? "none" : found->second;
}

// The rule behind the last drop for this reason; empty if it is not a policy's.
std::string last_rule(const PortCounters& counters, uint32_t reason, const TableNames& names) {
    const uint32_t which = reason - static_cast<uint32_t>(DropReason::policy_egress_denied);
    if (which >= std::size(counters.last_denial) || counters.drops[reason] == 0) return "";
    return names.rule(rule_of(static_cast<uint32_t>(counters.last_denial[which])));
}

void put_drops(Json& out, const PortReading& reading, const TableNames& names, Plane plane, bool with_zeros) {
    const PortCounters& counters = plane == Plane::kernel ? reading.kernel : reading.user;
    for (uint32_t reason = 1; reason < drop_reasons; ++reason) {
        if (counters.drops[reason] == 0 && !with_zeros) continue;
        out.push_back({{"reason", drop_reason_table[reason].name},
                       {"explanation", drop_reason_table[reason].explanation},
                       {"port", reading.number == no_port ? "none" : names.port_name(reading.number)},
                       {"plane", plane == Plane::kernel ? "kernel" : "user"},
                       {"lastRule", last_rule(counters, reason, names)},
                       {"count", counters.drops[reason]}});
    }
}

// Why a route is there: a Route document, a workload's address, or the network's own subnet.
std::string origin_of(const DesiredState& desired, const std::string& network, const Prefix& destination) {
    for (const auto& [name, route] : desired.routes)
        if (route.network == network && route.destination == destination) return "route/" + name;
    if (destination.length == address_bits)
        for (const auto& [key, workload] : desired.workloads)
            if (workload.network == network &&
                std::find(workload.addresses.begin(), workload.addresses.end(), destination.address) != workload.addresses.end())
                return "workload/" + key;
    const auto found = desired.networks.find(network);
    if (found == desired.networks.end()) return "unknown";
    const auto& subnets = found->second.subnets;
    return std::find(subnets.begin(), subnets.end(), destination) != subnets.end() ? "subnet" : "unknown";
}

}  // namespace

std::vector<PortReading> read_ports(const SharedTables& tables) {
    std::vector<PortReading> readings;
    const uint32_t epoch = load(tables.config()->epoch);
    for (uint32_t number = 0; number < ports_max; ++number) {
        PortReading reading{static_cast<uint16_t>(number), *tables.port(epoch, number), {}, {}};
        for (uint32_t slot = 0; slot < tables.user_plane_slot(); ++slot) add_to(reading.kernel, *tables.counters(slot, number));
        add_to(reading.user, *tables.counters(tables.user_plane_slot(), number));
        if (reading.port.ifindex != 0 || has_counted(reading.kernel) || has_counted(reading.user)) readings.push_back(reading);
    }
    return readings;
}

PortCounters sum(const PortCounters& a, const PortCounters& b) {
    PortCounters total = a;
    add_to(total, b);
    return total;
}

HooksByInterface read_pinned_hooks(const std::string& pin_directory) {
    HooksByInterface hooks;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(pin_directory, ignored)) {
        const std::string name = entry.path().filename();
        const size_t dash = name.find('-'), last = name.rfind('_');
        const std::string hook = name.substr(0, dash);
        if (dash == std::string::npos || last == std::string::npos || (hook != "tcx" && hook != "xdp" && hook != "clsact"))
            continue;
        uint32_t ifindex = 0;
        std::from_chars(name.data() + last + 1, name.data() + name.size(), ifindex);
        hooks[ifindex] = hook;
    }
    return hooks;
}

Json ports_to_json(const std::vector<PortReading>& ports, const TableNames& names, const HooksByInterface& hooks) {
    Json out = Json::array();
    for (const PortReading& reading : ports) {
        Json json = {{"port", reading.number},
                     {"name", reading.number == no_port ? "none" : names.port_name(reading.number)},
                     {"kind", to_string(reading.port.kind)},
                     {"interface", interface_name(reading.port.ifindex)},
                     {"ifindex", reading.port.ifindex},
                     {"network", reading.port.zone == no_zone ? "" : names.network(reading.port.zone)},
                     {"zone", reading.port.zone},
                     {"hook", hook_of(reading.port, hooks)}};
        put_counters(json, sum(reading.kernel, reading.user));
        put_counters(json["kernel"], reading.kernel);
        put_counters(json["user"], reading.user);
        out.push_back(std::move(json));
    }
    return out;
}

Json drops_to_json(const std::vector<PortReading>& ports, const TableNames& names, bool with_zeros) {
    Json out = Json::array();
    for (const PortReading& reading : ports)
        for (const Plane plane : {Plane::kernel, Plane::user}) put_drops(out, reading, names, plane, with_zeros);
    return out;
}

Json rules_to_json(const SharedTables& tables, const TableNames& names) {
    std::vector<uint64_t> packets(policy_rules_max);
    for (uint32_t slot = 0; slot < tables.sizes().counter_slots; ++slot)
        for (uint32_t rule = 1; rule < policy_rules_max; ++rule) packets[rule] += load(tables.rule_counters(slot, rule)->packets);
    Json out = Json::array();
    for (const auto& [number, name] : names.rules()) out.push_back({{"rule", name}, {"packets", packets[number]}});
    return out;
}

Json routes_to_json(const SharedTables& tables, const TableNames& names, const DesiredState* desired) {
    struct Row {
        std::string network;
        Prefix destination;
        uint16_t next_hop;
    };
    std::vector<Row> rows;
    const uint32_t epoch = load(tables.config()->epoch);
    for (uint32_t bucket = 0; bucket < tables.sizes().route_buckets; ++bucket)
        for (const RouteEntry& entry : tables.route_bucket(epoch, bucket)->entries)
            if (entry.zone != no_zone) rows.push_back({names.network(entry.zone), {entry.prefix, entry.length}, entry.next_hop});
    std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
        if (a.network != b.network) return a.network < b.network;
        if (const auto order = compare(a.destination.address, b.destination.address); order != 0) return order < 0;
        return a.destination.length < b.destination.length;
    });
    Json out = Json::array();
    for (const Row& row : rows)
        out.push_back({{"network", row.network},
                       {"destination", to_string(row.destination)},
                       {"nextHop", names.next_hop(row.next_hop)},
                       {"origin", desired == nullptr ? "unknown" : origin_of(*desired, row.network, row.destination)}});
    return out;
}

const char* to_string(PortKind kind) {
    switch (kind) {
        case PortKind::none:
            return "none";
        case PortKind::workload:
            return "workload";
        case PortKind::fabric:
            return "fabric";
        case PortKind::host:
            return "host";
    }
    return "unknown";
}

}  // namespace biplane
