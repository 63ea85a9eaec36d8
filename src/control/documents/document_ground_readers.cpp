// Reading networks, nodes, workloads and routes.
#include <fmt/format.h>

#include <algorithm>

#include "base/in_quotes.hpp"
#include "control/documents/document_addresses.hpp"
#include "control/documents/document_readers.hpp"
#include "control/documents/document_words.hpp"
#include "control/documents/names.hpp"

namespace biplane {
namespace {

constexpr uint64_t vni_max = (1u << 24) - 1;
constexpr char next_hop_expected[] = "host, discard, {workload: NAMESPACE/NAME} or {node: NAME}";
// A flow's age is the difference of two counts of 2^20 ns in 32 bits, of which half can be told from the future: 26 days.
constexpr uint64_t timeout_seconds_max = 25 * 24 * 3600;

NetworkTimeouts read_timeouts(Findings& findings, const YamlValue& value) {
    YamlMap map(findings, value, "a map of timeouts in seconds");
    NetworkTimeouts timeouts;
    for (const auto& [key, seconds] : timeout_keys)
        if (map.find(key)) timeouts.*seconds = static_cast<uint32_t>(map.number(key, 1, timeout_seconds_max));
    map.refuse_other_keys();
    return timeouts;
}

NamedPort read_named_port(Findings& findings, const YamlValue& value) {
    YamlMap map(findings, value, "a port like { name: http, port: 80 }");
    NamedPort port;
    port.name = map.parsed<std::string>("name", parse_port_name, "the name of a port");
    port.port = static_cast<uint16_t>(map.number("port", 1, 65535));
    port.protocol = read_protocol(map, kubernetes_protocols);
    map.refuse_other_keys();
    return port;
}

std::vector<NamedPort> read_named_ports(Findings& findings, YamlMap& spec) {
    std::vector<NamedPort> ports;
    for (const YamlValue& item : spec.items_if_any("ports", "a list of ports")) {
        const NamedPort port = read_named_port(findings, item);
        const auto is_same = [&](const NamedPort& other) { return other.name == port.name && other.protocol == port.protocol; };
        if (std::any_of(ports.begin(), ports.end(), is_same))
            findings.add(item.node->place, item.path,
                         fmt::format("{} of {} is listed twice", in_quotes(port.name), protocol_name(port.protocol)));
        ports.push_back(port);
    }
    return ports;
}

}  // namespace

VirtualNetwork read_network(Findings& findings, const DocumentMetadata& metadata, YamlMap& spec) {
    VirtualNetwork network;
    network.name = metadata.name;
    network.labels = metadata.labels;
    network.vni = static_cast<uint32_t>(spec.number("vni", 1, vni_max));
    for (const YamlValue& item : spec.items("subnets", "a list of subnets like [10.0.0.0/24]")) {
        const auto subnet = read_scalar(findings, item, parse_subnet, "a subnet like 10.0.0.0/24");
        if (!subnet) continue;
        for (const Prefix& other : network.subnets)
            if (overlap(*subnet, other))
                findings.add(item.node->place, item.path,
                             fmt::format("{} overlaps {} of the same network", to_string(*subnet), to_string(other)));
        network.subnets.push_back(*subnet);
    }
    network.plane = spec.choice("plane", {"kernel", "user"}, 0) == 1 ? Plane::user : Plane::kernel;
    network.fallback_to_kernel = spec.choice("whenUserPlaneDown", {"drop", "kernel"}, 0) == 1;
    network.tcp_pickup = spec.boolean("tcpPickup", false);
    if (const auto timeouts = spec.find("timeouts")) network.timeouts = read_timeouts(findings, *timeouts);
    network.limits = read_limits(findings, spec.find("limits"));
    return network;
}

namespace {

void add_underlay_address(Findings& findings, Node& node, const YamlValue& value) {
    const auto address = read_scalar(findings, value, parse_unicast_address, "an address");
    if (!address) return;
    for (const Address& other : node.addresses)
        if (same_family(*address, other))
            findings.add(value.node->place, value.path,
                         fmt::format("{} is a second {} address after {}, expected at most one per family", to_string(*address),
                                     is_ipv4(other) ? "IPv4" : "IPv6", to_string(other)));
    node.addresses.push_back(*address);
}

}  // namespace

Node read_node(Findings& findings, const DocumentMetadata& metadata, YamlMap& spec) {
    Node node;
    node.name = metadata.name;
    node.labels = metadata.labels;
    const auto address = spec.find("address");
    if (address && spec.has("addresses"))
        findings.add(spec.place_of_key("addresses"), spec.path_of("addresses"),
                     "found beside spec.address, expected only one of the two");
    if (address && spec.find("addresses")) return node;
    if (address)
        add_underlay_address(findings, node, *address);
    else
        for (const YamlValue& item : spec.items("addresses", "the node's address, or a list with one per family"))
            add_underlay_address(findings, node, item);
    return node;
}

namespace {

std::vector<Address> read_workload_addresses(Findings& findings, YamlMap& spec) {
    std::vector<Address> addresses;
    for (const YamlValue& item : spec.items("addresses", "a list of addresses like [10.0.0.10]")) {
        const auto address = read_scalar(findings, item, parse_unicast_address, "an address");
        if (!address) continue;
        if (std::find(addresses.begin(), addresses.end(), *address) != addresses.end())
            findings.add(item.node->place, item.path, to_string(*address) + " is listed twice");
        addresses.push_back(*address);
    }
    return addresses;
}

// A process id needs no quotes.
std::string read_netns(Findings& findings, const YamlValue& value) {
    YamlNode node = *value.node;
    const bool is_process_id = node.natural && std::to_string(*node.natural) == node.text;
    if (is_process_id) node.kind = YamlNode::Kind::text;
    return read_scalar(findings, {&node, value.key_place, value.path}, parse_netns, "a network namespace").value_or("");
}

}  // namespace

Workload read_workload(Findings& findings, const DocumentMetadata& metadata, YamlMap& spec) {
    Workload workload;
    workload.name = metadata.name;
    workload.space = metadata.space;
    workload.labels = metadata.labels;
    workload.network = spec.parsed<std::string>("network", parse_name, "the name of a VirtualNetwork");
    workload.node = spec.parsed<std::string>("node", parse_dns_name, "the name of a Node");
    workload.addresses = read_workload_addresses(findings, spec);
    if (const auto netns = spec.find("netns")) workload.netns = read_netns(findings, *netns);
    workload.interface = spec.parsed<std::string>("interface", parse_interface_name, "the name of an interface", "eth0");
    workload.hook = static_cast<WorkloadHook>(spec.choice("hook", {"auto", "tcx", "xdp"}, 0));
    workload.ports = read_named_ports(findings, spec);
    if (const auto mac = spec.find("mac")) workload.mac = read_scalar(findings, *mac, parse_unicast_mac, "a MAC address");
    return workload;
}

namespace {

// {workload: NAMESPACE/NAME}, {node: NAME}, {host: true} or {discard: true}
RouteTarget read_target_map(Findings& findings, const YamlValue& value) {
    YamlMap map(findings, value, next_hop_expected);
    const auto workload = map.find("workload"), node = map.find("node"), host = map.find("host"), discard = map.find("discard");
    map.refuse_other_keys();
    if (bool{workload} + bool{node} + bool{host} + bool{discard} != 1) {
        const char* found = value.node->keys.empty() ? "found an empty map" : "found a map with other keys";
        findings.add(value.node->place, value.path, fmt::format("{}, expected {}", found, next_hop_expected));
        return ToDiscard{};
    }
    if (workload)
        return ToWorkload{read_scalar(findings, *workload, parse_workload_key, "a workload as NAMESPACE/NAME").value_or("")};
    if (node) return ToNode{read_scalar(findings, *node, parse_dns_name, "the name of a Node").value_or("")};
    const YamlValue& flag = host ? *host : *discard;
    if (flag.node->kind != YamlNode::Kind::boolean || !flag.node->is_true)
        findings.add(flag.node->place, flag.path, fmt::format("found {}, expected true", describe(*flag.node)));
    return host ? RouteTarget{ToHost{}} : RouteTarget{ToDiscard{}};
}

RouteTarget read_target(Findings& findings, const YamlValue& value) {
    if (value.node->kind == YamlNode::Kind::map) return read_target_map(findings, value);
    if (value.node->kind == YamlNode::Kind::text && value.node->text == "host") return ToHost{};
    if (value.node->kind != YamlNode::Kind::text || value.node->text != "discard")
        findings.add(value.node->place, value.path, fmt::format("found {}, expected {}", describe(*value.node), next_hop_expected));
    return ToDiscard{};
}

}  // namespace

Route read_route(Findings& findings, const DocumentMetadata& metadata, YamlMap& spec) {
    Route route;
    route.name = metadata.name;
    route.labels = metadata.labels;
    route.network = spec.parsed<std::string>("network", parse_name, "the name of a VirtualNetwork");
    route.destination = spec.parsed<Prefix>("destination", parse_destination, "a destination like 10.1.0.0/16");
    if (const auto target = spec.require("nextHop", next_hop_expected)) route.target = read_target(findings, *target);
    return route;
}

Labels read_labels(Findings& findings, const YamlValue& value) {
    YamlMap(findings, value, "a map of labels");
    Labels labels;
    for (size_t i = 0; i < value.node->keys.size(); ++i) {
        const YamlKey& key = value.node->keys[i];
        if (const auto accepted = parse_label_key(key.text); !accepted)
            findings.add(key.place, value.path, accepted.error().message);
        const YamlValue label{&value.node->items[i], key.place, value.path + "." + key.text};
        labels[key.text] = read_scalar(findings, label, parse_label_value, "a text").value_or("");
    }
    return labels;
}

FlowLimits read_limits(Findings& findings, const std::optional<YamlValue>& value) {
    if (!value) return {};
    YamlMap map(findings, *value, "a map with flows and newFlowsPerSecond");
    FlowLimits limits;
    limits.flows = static_cast<uint32_t>(map.number("flows", 1, UINT32_MAX, limits.flows));
    limits.new_flows_per_second =
        static_cast<uint32_t>(map.number("newFlowsPerSecond", 1, UINT32_MAX, limits.new_flows_per_second));
    map.refuse_other_keys();
    return limits;
}

uint8_t read_protocol(YamlMap& map, size_t count) {
    std::vector<std::string> names;
    for (size_t i = 0; i < count; ++i) names.push_back(protocol_words[i].name);
    return protocol_words[map.choice("protocol", names, 0)].number;
}

}  // namespace biplane
