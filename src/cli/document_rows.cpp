#include "cli/document_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace biplane {
namespace {

const Json empty_object = Json::object();

const Json& member(const Json& map, const char* key) {
    const auto found = map.find(key);
    return found == map.end() ? empty_object : *found;
}

std::string values_of(const Json& expression) {
    std::vector<std::string> values;
    for (const Json& value : member(expression, "values")) values.push_back(value.get<std::string>());
    return fmt::format("({})", fmt::join(values, ","));
}

std::string expression_text(const Json& expression) {
    const auto key = expression["key"].get<std::string>(), is = expression["operator"].get<std::string>();
    if (is == "In") return key + " in " + values_of(expression);
    if (is == "NotIn") return key + " notin " + values_of(expression);
    return is == "Exists" ? key : "!" + key;
}

// As kubectl writes selectors: "app=web,tier in (a,b),!old"; "*" for what matches everything.
std::string selector_text(const Json& selector) {
    std::vector<std::string> parts;
    for (const auto& [key, value] : member(selector, "matchLabels").items()) parts.push_back(key + "=" + value.get<std::string>());
    for (const Json& expression : member(selector, "matchExpressions")) parts.push_back(expression_text(expression));
    return parts.empty() ? "*" : fmt::format("{}", fmt::join(parts, ","));
}

Json labels_of(const Json& metadata) {
    Json labels = Json::array();
    for (const auto& [key, value] : member(metadata, "labels").items()) labels.push_back(key + "=" + value.get<std::string>());
    return labels;
}

Json ports_of(const Json& spec) {
    Json ports = Json::array();
    for (const Json& port : member(spec, "ports"))
        ports.push_back(fmt::format("{}:{}/{}", port["name"].get<std::string>(), port["port"].get<unsigned>(),
                                    port["protocol"].get<std::string>()));
    return ports;
}

void add_spec_values(Json& row, const Json& spec) {
    for (const char* key : {"vni", "subnets", "plane", "network", "node", "addresses", "netns", "interface", "destination", "mac",
                            "policyTypes", "order"})
        if (spec.contains(key)) row[key] = spec[key];
    if (spec.contains("nextHop"))
        row["nextHop"] = spec["nextHop"].is_string()
                             ? spec["nextHop"]
                             : Json(spec["nextHop"].begin().key() + "/" + spec["nextHop"].begin().value().get<std::string>());
    if (spec.contains("ports")) row["ports"] = ports_of(spec);
}

void add_policy_values(Json& row, const Json& spec) {
    const Json& subject = member(spec, "subject");
    row["namespaces"] = selector_text(member(subject, "namespaceSelector"));
    row["pods"] = selector_text(member(spec.contains("podSelector") ? spec : subject, "podSelector"));
    row["ingress"] = member(spec, "ingress").size();
    row["egress"] = member(spec, "egress").size();
}

}  // namespace

Json row_of(const Json& document) {
    const Json& metadata = document["metadata"];
    const std::string name = metadata["name"].get<std::string>();
    Json row = {{"kind", document["kind"]},
                {"name", metadata.contains("namespace") ? metadata["namespace"].get<std::string>() + "/" + name : name}};
    add_spec_values(row, member(document, "spec"));
    if (document["kind"] == "NetworkPolicy" || document["kind"] == "BiplanePolicy") add_policy_values(row, document["spec"]);
    if (Json labels = labels_of(metadata); !labels.empty()) row["labels"] = std::move(labels);
    return row;
}

std::vector<Column> columns_of(const std::string& kind) {
    const Column labels{.title = "LABELS", .field = "labels", .is_wide = true};
    const Column ingress{.title = "INGRESS", .field = "ingress", .is_number = true};
    const Column egress{.title = "EGRESS", .field = "egress", .is_number = true};
    if (kind == "VirtualNetwork") return {{"NAME", "name"}, {"VNI", "vni"}, {"PLANE", "plane"}, {"SUBNETS", "subnets"}, labels};
    if (kind == "Node") return {{"NAME", "name"}, {"ADDRESSES", "addresses"}, labels};
    if (kind == "Namespace") return {{"NAME", "name"}, {"LABELS", "labels"}};
    if (kind == "Workload")
        return {{"NAME", "name"},           {"NETWORK", "network"},   {"NODE", "node"},
                {"ADDRESSES", "addresses"}, {"NETNS", "netns", true}, {"INTERFACE", "interface", true},
                {"MAC", "mac", true},       {"PORTS", "ports", true}, labels};
    if (kind == "NetworkPolicy") return {{"NAME", "name"}, {"PODS", "pods"}, {"TYPES", "policyTypes"}, ingress, egress, labels};
    if (kind == "BiplanePolicy")
        return {{"NAME", "name"}, {"ORDER", "order"}, {"NAMESPACES", "namespaces"}, {"PODS", "pods"}, ingress, egress, labels};
    return {{"NAME", "name"}, {"NETWORK", "network"}, {"DESTINATION", "destination"}, {"NEXT-HOP", "nextHop"}, labels};
}

}  // namespace biplane
