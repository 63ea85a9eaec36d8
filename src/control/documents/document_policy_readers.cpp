// Reading namespaces and policies, with the rules of Kubernetes' API validation (networking.k8s.io/v1).
#include <fmt/format.h>

#include <algorithm>

#include "base/in_quotes.hpp"
#include "control/documents/document_addresses.hpp"
#include "control/documents/document_readers.hpp"
#include "control/documents/document_words.hpp"
#include "control/documents/names.hpp"

namespace biplane {
namespace {

constexpr char namespace_name_label[] = "kubernetes.io/metadata.name";
constexpr char peer_expected[] = "podSelector, namespaceSelector or ipBlock";
constexpr uint16_t port_max = 65535;

enum class Protocols { of_kubernetes, all };

bool is_null(const YamlValue& value) { return value.node->kind == YamlNode::Kind::null; }

std::vector<std::string> read_values(Findings& findings, YamlMap& map) {
    std::vector<std::string> values;
    for (const YamlValue& item : map.items_if_any("values", "a list of label values"))
        values.push_back(read_scalar(findings, item, parse_label_value, "a label value").value_or(""));
    return values;
}

void check_values(Findings& findings, YamlMap& map, const YamlValue& requirement_value, const LabelRequirement& requirement) {
    const std::string& name = operator_names[static_cast<size_t>(requirement.is)];
    const bool needs_values =
        requirement.is == LabelRequirement::Operator::in || requirement.is == LabelRequirement::Operator::not_in;
    const auto values = map.find("values");
    const Place place = values ? values->node->place : requirement_value.key_place;
    if (!needs_values && !requirement.values.empty()) findings.add(place, map.path_of("values"), "expected no values for " + name);
    // A key that is misspelled is the better thing to say.
    if (needs_values && requirement.values.empty() && !map.has_other_keys())
        findings.add(place, map.path_of("values"), "found none, expected at least one value for " + name);
}

LabelRequirement read_requirement(Findings& findings, const YamlValue& value) {
    YamlMap map(findings, value, "an expression like { key: app, operator: In, values: [web] }", Nulls::are_missing);
    LabelRequirement requirement{.key = map.parsed<std::string>("key", parse_label_key, "a label key"), .is = {}, .values = {}};
    const auto operator_value = map.require("operator", one_of(operator_names));
    const auto found = operator_value ? read_choice(findings, *operator_value, operator_names) : std::nullopt;
    requirement.values = read_values(findings, map);
    if (found) {
        requirement.is = static_cast<LabelRequirement::Operator>(*found);
        check_values(findings, map, value, requirement);
    }
    map.refuse_other_keys();
    return requirement;
}

LabelSelector read_selector(Findings& findings, const YamlValue& value) {
    YamlMap map(findings, value, "a selector: {} for all, or matchLabels and matchExpressions", Nulls::are_missing);
    LabelSelector selector;
    if (const auto labels = map.find("matchLabels")) selector.match_labels = read_labels(findings, *labels);
    for (const YamlValue& item : map.items_if_any("matchExpressions", "a list of expressions"))
        selector.match_expressions.push_back(read_requirement(findings, item));
    map.refuse_other_keys();
    return selector;
}

AddressBlock read_block(Findings& findings, const YamlValue& value) {
    YamlMap map(findings, value, "a block like { cidr: 10.0.0.0/8, except: [10.1.0.0/16] }", Nulls::are_missing);
    AddressBlock block;
    const auto cidr = map.require("cidr", "a prefix like 10.0.0.0/8");
    const auto prefix = cidr ? read_scalar(findings, *cidr, parse_block, "a prefix like 10.0.0.0/8") : std::nullopt;
    for (const YamlValue& item : map.items_if_any("except", "a list of prefixes")) {
        const auto except = read_scalar(findings, item, parse_block, "a prefix like 10.1.0.0/16");
        if (!except || !prefix) continue;
        const bool is_inside =
            same_family(except->address, prefix->address) && except->length > prefix->length && contains(*prefix, except->address);
        if (!is_inside)
            findings.add(
                item.node->place, item.path,
                fmt::format("{} is no part of {}, expected a longer prefix inside it", to_string(*except), to_string(*prefix)));
        block.excepts.push_back(*except);
    }
    map.refuse_other_keys();
    block.cidr = prefix.value_or(Prefix{});
    return block;
}

PolicyPeer read_peer(Findings& findings, const YamlValue& value) {
    YamlMap map(findings, value, std::string("a peer: ") + peer_expected, Nulls::are_missing);
    PolicyPeer peer;
    const auto workloads = map.find("podSelector"), namespaces = map.find("namespaceSelector"), block = map.find("ipBlock");
    if (workloads) peer.workloads = read_selector(findings, *workloads);
    if (namespaces) peer.namespaces = read_selector(findings, *namespaces);
    if (block) peer.block = read_block(findings, *block);
    if (block && (workloads || namespaces))
        findings.add(block->key_place, block->path, "found beside a selector, expected a peer of its own");
    if (!workloads && !namespaces && !block && !map.has_other_keys())
        findings.add(value.node->place, value.path, std::string("found none of its keys, expected ") + peer_expected);
    map.refuse_other_keys();
    return peer;
}

void read_icmp(Findings& findings, YamlMap& map, PolicyPort& port) {
    const bool has_type = map.has("type"), has_code = map.has("code");
    const auto type = static_cast<uint16_t>(map.number("type", 0, 255, 0)),
               code = static_cast<uint16_t>(map.number("code", 0, 255, 0));
    if (has_code && !has_type)
        findings.add(map.place_of_key("code"), map.path_of("code"), "found without a type, expected both or only the type");
    if (!has_type) return;
    const auto first = static_cast<uint16_t>(type << 8 | code);
    port.port = PortRange{first, has_code ? first : static_cast<uint16_t>(type << 8 | 0xff)};
}

// A port's number, or its name.
std::variant<PortRange, PortName> read_port_or_name(Findings& findings, const YamlValue& value) {
    if (value.node->kind == YamlNode::Kind::number) {
        const uint64_t number = value.node->natural.value_or(0);
        if (number < 1 || number > port_max)
            findings.add(value.node->place, value.path,
                         fmt::format("found {}, expected a port from 1 to {}", value.node->text, port_max));
        return PortRange{static_cast<uint16_t>(number), static_cast<uint16_t>(number)};
    }
    return PortName{read_scalar(findings, value, parse_port_name, "a port's number or name").value_or("")};
}

void read_ports(Findings& findings, YamlMap& map, PolicyPort& port) {
    const auto value = map.find("port");
    if (value) port.port = read_port_or_name(findings, *value);
    if (!map.has("endPort")) {
        map.find("endPort");
        return;
    }
    auto* range = std::get_if<PortRange>(&port.port);
    if (!value || !range)
        findings.add(map.place_of_key("endPort"), map.path_of("endPort"),
                     value ? "found beside a port's name, expected a number as port" : "found without port, expected both");
    const uint64_t first = value && range ? range->first : 1;
    const auto last = static_cast<uint16_t>(map.number("endPort", first, port_max));
    if (range) range->last = last;
}

PolicyPort read_policy_port(Findings& findings, const YamlValue& value, Protocols protocols) {
    PolicyPort port{.protocol = protocol::tcp};
    if (is_null(value)) return port;  // Kubernetes reads it as {}
    YamlMap map(findings, value, "a port like { protocol: TCP, port: 80 }", Nulls::are_missing);
    const size_t count = protocols == Protocols::of_kubernetes ? kubernetes_protocols : protocol_words.size();
    port.protocol = read_protocol(map, count);
    if (is_icmp(port.protocol))
        read_icmp(findings, map, port);
    else
        read_ports(findings, map, port);
    map.refuse_other_keys();
    return port;
}

PolicyMatch read_match(Findings& findings, YamlMap& map, const char* peers_key, Protocols protocols) {
    PolicyMatch match;
    for (const YamlValue& item : map.items_if_any(peers_key, "a list of peers")) match.peers.push_back(read_peer(findings, item));
    for (const YamlValue& item : map.items_if_any("ports", "a list of ports"))
        match.ports.push_back(read_policy_port(findings, item, protocols));
    return match;
}

std::vector<PolicyMatch> read_network_rules(Findings& findings, YamlMap& spec, const char* key, const char* peers_key) {
    std::vector<PolicyMatch> rules;
    for (const YamlValue& item : spec.items_if_any(key, "a list of rules")) {
        PolicyMatch& rule = rules.emplace_back();
        if (is_null(item)) continue;  // Kubernetes reads it as {}
        YamlMap map(findings, item, fmt::format("a rule with {} and ports", peers_key), Nulls::are_missing);
        rule = read_match(findings, map, peers_key, Protocols::of_kubernetes);
        map.refuse_other_keys();
    }
    return rules;
}

// Without policyTypes: Ingress, and Egress if there are rules for it.
void read_policy_types(Findings& findings, YamlMap& spec, NetworkPolicy& policy) {
    static const std::vector<std::string> names = {"Ingress", "Egress"};
    const auto types = spec.items_if_any("policyTypes", "a list of Ingress and Egress");
    policy.isolates_ingress = types.empty();
    policy.isolates_egress = types.empty() && !policy.egress.empty();
    for (const YamlValue& type : types) {
        const auto which = read_choice(findings, type, names);
        policy.isolates_ingress |= which == 0;
        policy.isolates_egress |= which == 1;
    }
    if (types.size() > names.size())
        findings.add(types[names.size()].node->place, types[names.size()].path, "found a third type, expected at most two");
}

BiplaneRule read_rule(Findings& findings, const YamlValue& value, const char* peers_key) {
    YamlMap map(findings, value, fmt::format("a rule with action, {} and ports", peers_key), Nulls::are_missing);
    BiplaneRule rule;
    if (const auto name = map.find("name")) rule.name = read_scalar(findings, *name, parse_name, "a name").value_or("");
    rule.action = static_cast<PolicyAction>(map.choice("action", action_names));
    rule.log = map.boolean("log", false);
    rule.match = read_match(findings, map, peers_key, Protocols::all);
    map.refuse_other_keys();
    return rule;
}

std::vector<BiplaneRule> read_rules(Findings& findings, YamlMap& spec, const char* key, const char* peers_key) {
    std::vector<BiplaneRule> rules;
    for (const YamlValue& item : spec.items_if_any(key, "a list of rules")) rules.push_back(read_rule(findings, item, peers_key));
    return rules;
}

void read_subject(Findings& findings, const YamlValue& value, BiplanePolicy& policy) {
    YamlMap map(findings, value, "a map with namespaceSelector and podSelector", Nulls::are_missing);
    if (const auto selector = map.find("namespaceSelector")) policy.namespaces = read_selector(findings, *selector);
    if (const auto selector = map.find("podSelector")) policy.workloads = read_selector(findings, *selector);
    map.refuse_other_keys();
}

void read_policy_limits(Findings& findings, const YamlValue& value, BiplanePolicy& policy) {
    YamlMap map(findings, value, "a map with perWorkload and perNetwork", Nulls::are_missing);
    policy.workload_limits = read_limits(findings, map.find("perWorkload"));
    policy.network_limits = read_limits(findings, map.find("perNetwork"));
    map.refuse_other_keys();
}

}  // namespace

Namespace make_namespace(const DocumentMetadata& metadata) {
    Namespace made{.name = metadata.name, .labels = metadata.labels};
    made.labels.erase(namespace_name_label);
    return made;
}

NetworkPolicy read_network_policy(Findings& findings, const DocumentMetadata& metadata, YamlMap& spec) {
    NetworkPolicy policy{.name = metadata.name, .space = metadata.space, .labels = metadata.labels};
    if (const auto selector = spec.find("podSelector")) policy.workloads = read_selector(findings, *selector);
    policy.ingress = read_network_rules(findings, spec, "ingress", "from");
    policy.egress = read_network_rules(findings, spec, "egress", "to");
    read_policy_types(findings, spec, policy);
    return policy;
}

BiplanePolicy read_policy(Findings& findings, const DocumentMetadata& metadata, YamlMap& spec) {
    BiplanePolicy policy{.name = metadata.name, .labels = metadata.labels};
    policy.order = static_cast<uint32_t>(spec.number("order", 0, 65535, policy.order));
    if (const auto subject = spec.find("subject")) read_subject(findings, *subject, policy);
    policy.ingress = read_rules(findings, spec, "ingress", "from");
    policy.egress = read_rules(findings, spec, "egress", "to");
    if (const auto limits = spec.find("limits")) read_policy_limits(findings, *limits, policy);
    return policy;
}

}  // namespace biplane
