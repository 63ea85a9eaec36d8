// Reading: one function per kind, each a list of the keys that the kind has.
#include "control/document_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/in_quotes.hpp"
#include "control/document_addresses.hpp"
#include "control/names.hpp"
#include "control/yaml_reader.hpp"

namespace biplane {
namespace {

constexpr uint64_t vni_max = (1u << 24) - 1;
constexpr char next_hop_expected[] = "host, discard, {workload: NAMESPACE/NAME} or {node: NAME}";

struct Metadata {
    std::string name;
    std::string space;
    std::map<std::string, std::string> labels;
};

std::map<std::string, std::string> read_labels(Findings& findings, YamlMap& metadata) {
    std::map<std::string, std::string> labels;
    const auto value = metadata.find("labels");
    if (!value) return labels;
    YamlMap map(findings, *value, "a map of labels");
    if (value->node->kind != YamlNode::Kind::map) return labels;
    for (const YamlKey& key : value->node->keys) {
        if (const auto accepted = parse_label_key(key.text); !accepted)
            findings.add(key.place, value->path, accepted.error().message);
        labels[key.text] = map.parsed<std::string>(key.text, parse_label_value, "a text");
    }
    return labels;
}

Metadata read_metadata(Findings& findings, const YamlValue& value, bool has_namespace) {
    YamlMap map(findings, value, "a map with at least a name");
    Metadata metadata;
    metadata.name = map.parsed<std::string>("name", parse_name, "a name");
    if (has_namespace) metadata.space = map.parsed<std::string>("namespace", parse_name, "a name", "default");
    metadata.labels = read_labels(findings, map);
    map.refuse_other_keys();
    return metadata;
}

VirtualNetwork read_network(Findings& findings, const Metadata& metadata, YamlMap& spec) {
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
    return network;
}

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

Node read_node(Findings& findings, const Metadata& metadata, YamlMap& spec) {
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

Workload read_workload(Findings& findings, const Metadata& metadata, YamlMap& spec) {
    Workload workload;
    workload.name = metadata.name;
    workload.space = metadata.space;
    workload.labels = metadata.labels;
    workload.network = spec.parsed<std::string>("network", parse_name, "the name of a VirtualNetwork");
    workload.node = spec.parsed<std::string>("node", parse_name, "the name of a Node");
    workload.addresses = read_workload_addresses(findings, spec);
    if (const auto netns = spec.find("netns"))
        workload.netns = read_scalar(findings, *netns, parse_netns, "a network namespace").value_or("");
    workload.interface = spec.parsed<std::string>("interface", parse_interface_name, "the name of an interface", "eth0");
    workload.hook = static_cast<WorkloadHook>(spec.choice("hook", {"auto", "tcx", "xdp"}, 0));
    if (const auto mac = spec.find("mac")) workload.mac = read_scalar(findings, *mac, parse_unicast_mac, "a MAC address");
    return workload;
}

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
    if (node) return ToNode{read_scalar(findings, *node, parse_name, "the name of a Node").value_or("")};
    map.choice(host ? "host" : "discard", {"true"});
    return host ? RouteTarget{ToHost{}} : RouteTarget{ToDiscard{}};
}

RouteTarget read_target(Findings& findings, const YamlValue& value) {
    if (value.node->kind == YamlNode::Kind::map) return read_target_map(findings, value);
    if (value.node->kind == YamlNode::Kind::scalar && value.node->text == "host") return ToHost{};
    if (value.node->kind != YamlNode::Kind::scalar || value.node->text != "discard")
        findings.add(value.node->place, value.path, fmt::format("found {}, expected {}", describe(*value.node), next_hop_expected));
    return ToDiscard{};
}

Route read_route(Findings& findings, const Metadata& metadata, YamlMap& spec) {
    Route route;
    route.name = metadata.name;
    route.labels = metadata.labels;
    route.network = spec.parsed<std::string>("network", parse_name, "the name of a VirtualNetwork");
    route.destination = spec.parsed<Prefix>("destination", parse_destination, "a destination like 10.1.0.0/16");
    if (const auto target = spec.require("nextHop", next_hop_expected)) route.target = read_target(findings, *target);
    return route;
}

DocumentValue read_value(Findings& findings, size_t kind, const YamlValue& metadata_value, const YamlValue& spec_value) {
    const std::string& name = kind_names()[kind];
    const Metadata metadata = read_metadata(findings, metadata_value, name == "Workload");
    YamlMap spec(findings, spec_value, "a map with what the " + name + " is to be");
    DocumentValue value;
    if (name == "VirtualNetwork")
        value = read_network(findings, metadata, spec);
    else if (name == "Node")
        value = read_node(findings, metadata, spec);
    else if (name == "Workload")
        value = read_workload(findings, metadata, spec);
    else
        value = read_route(findings, metadata, spec);
    spec.refuse_other_keys();
    return value;
}

void collect_places(const YamlNode& node, const std::string& path, std::map<std::string, Place>& places) {
    places[path] = node.place;
    for (size_t i = 0; i < node.items.size(); ++i) {
        const bool is_list = node.kind == YamlNode::Kind::list;
        collect_places(node.items[i], is_list ? fmt::format("{}[{}]", path, i) : path + "." + node.keys[i].text, places);
    }
}

}  // namespace

const std::vector<std::string>& kind_names() {
    static const std::vector<std::string> names = {"VirtualNetwork", "Node", "Workload", "Route"};
    return names;
}

Result<Document> read_document(const YamlNode& tree, const std::string& file) {
    Findings findings(file);
    YamlMap root(findings, {&tree, tree.place, ""}, "a document with apiVersion, kind, metadata and spec");
    root.choice("apiVersion", {api_version});
    const size_t kind = root.choice("kind", kind_names());
    if (findings.error()) return tl::unexpected(*findings.error());

    const auto metadata = root.require("metadata", "a map with at least a name");
    const auto spec = root.require("spec", "a map with what the " + kind_names()[kind] + " is to be");
    root.refuse_other_keys();
    if (!metadata || !spec) return tl::unexpected(*findings.error());
    const DocumentValue value = read_value(findings, kind, *metadata, *spec);
    if (findings.error()) return tl::unexpected(*findings.error());

    Document document = document_of(value);
    document.file = file;
    document.line = tree.place.line;
    document.column = tree.place.column;
    collect_places(*spec->node, "spec", document.places);
    return document;
}

}  // namespace biplane
