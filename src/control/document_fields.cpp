// Writing: the fields of each kind in their fixed order, and the canonical YAML made of them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "control/document_kinds.hpp"

namespace biplane {
namespace {

// Would a YAML reader take these plain characters for something else than a text? Numbers, booleans, null.
bool is_ambiguous(const std::string& text) {
    static const char* const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    if (std::find(std::begin(words), std::end(words), lower) != std::end(words)) return true;
    const bool looks_like_number = text[0] >= '0' && text[0] <= '9';
    return looks_like_number && std::count(text.begin(), text.end(), '.') < 2;  // an IPv4 address is no number
}

bool is_plain(const std::string& text) {
    const auto is_letter_or_digit = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    if (text.empty() || is_ambiguous(text) || (!is_letter_or_digit(text[0]) && text[0] != '/')) return false;
    return std::all_of(text.begin(), text.end(),
                       [&](char c) { return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_' || c == '/'; });
}

// Every text in a document is printable ASCII: the names room saw to that.
std::string yaml_text(const std::string& text) {
    if (is_plain(text)) return text;
    std::string written = "\"";
    for (const char c : text) written += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    return written + "\"";
}

template <typename T>
std::string yaml_list(const std::vector<T>& items) {
    std::vector<std::string> written;
    for (const T& item : items) written.push_back(yaml_text(to_string(item)));
    return fmt::format("[{}]", fmt::join(written, ", "));
}

struct WriteTarget {
    std::string operator()(const ToDiscard&) const { return "discard"; }
    std::string operator()(const ToHost&) const { return "host"; }
    std::string operator()(const ToNode& to) const { return "{node: " + yaml_text(to.name) + "}"; }
    std::string operator()(const ToWorkload& to) const { return "{workload: " + yaml_text(to.key) + "}"; }
};

std::vector<Field> metadata_fields(const std::string& name, const std::string& space,
                                   const std::map<std::string, std::string>& labels) {
    std::vector<Field> fields = {{"metadata", "name", yaml_text(name)}};
    if (!space.empty()) fields.push_back({"metadata", "namespace", yaml_text(space)});
    for (const auto& [key, value] : labels) fields.push_back({"metadata.labels", yaml_text(key), yaml_text(value)});
    return fields;
}

struct FieldsOf {
    std::vector<Field> operator()(const VirtualNetwork& network) const {
        auto fields = metadata_fields(network.name, "", network.labels);
        fields.push_back({"spec", "vni", std::to_string(network.vni)});
        fields.push_back({"spec", "subnets", yaml_list(network.subnets)});
        fields.push_back({"spec", "plane", network.plane == Plane::user ? "user" : "kernel"});
        fields.push_back({"spec", "whenUserPlaneDown", network.fallback_to_kernel ? "kernel" : "drop"});
        return fields;
    }
    std::vector<Field> operator()(const Node& node) const {
        auto fields = metadata_fields(node.name, "", node.labels);
        fields.push_back({"spec", "addresses", yaml_list(node.addresses)});
        return fields;
    }
    std::vector<Field> operator()(const Workload& workload) const {
        auto fields = metadata_fields(workload.name, workload.space, workload.labels);
        fields.push_back({"spec", "network", yaml_text(workload.network)});
        fields.push_back({"spec", "node", yaml_text(workload.node)});
        fields.push_back({"spec", "addresses", yaml_list(workload.addresses)});
        if (!workload.netns.empty()) fields.push_back({"spec", "netns", yaml_text(workload.netns)});
        fields.push_back({"spec", "interface", yaml_text(workload.interface)});
        if (workload.hook != WorkloadHook::automatic)
            fields.push_back({"spec", "hook", workload.hook == WorkloadHook::xdp ? "xdp" : "tcx"});
        if (workload.mac) fields.push_back({"spec", "mac", yaml_text(to_string(*workload.mac))});
        return fields;
    }
    std::vector<Field> operator()(const Route& route) const {
        auto fields = metadata_fields(route.name, "", route.labels);
        fields.push_back({"spec", "network", yaml_text(route.network)});
        fields.push_back({"spec", "destination", yaml_text(to_string(route.destination))});
        fields.push_back({"spec", "nextHop", std::visit(WriteTarget{}, route.target)});
        return fields;
    }
};

std::string name_of(const DocumentValue& value) {
    if (const auto* workload = std::get_if<Workload>(&value)) return workload->key();
    if (const auto* network = std::get_if<VirtualNetwork>(&value)) return network->name;
    if (const auto* node = std::get_if<Node>(&value)) return node->name;
    return std::get<Route>(value).name;
}

std::string canonical_text(const std::string& kind, const std::vector<Field>& fields) {
    std::string text = fmt::format("apiVersion: {}\nkind: {}\n", api_version, kind);
    std::string section;
    for (const Field& field : fields) {
        const bool is_label = field.section == "metadata.labels";
        if (field.section != section) text += is_label ? "  labels:\n" : field.section + ":\n";
        section = field.section;
        text += fmt::format("{}{}: {}\n", is_label ? "    " : "  ", field.key, field.value);
    }
    return text;
}

}  // namespace

std::vector<Field> fields_of(const DocumentValue& value) { return std::visit(FieldsOf{}, value); }

Document document_of(const DocumentValue& value) {
    Document document;
    document.kind = kind_names()[value.index()];
    document.name = name_of(value);
    document.text = canonical_text(document.kind, fields_of(value));
    document.value = value;
    return document;
}

}  // namespace biplane
