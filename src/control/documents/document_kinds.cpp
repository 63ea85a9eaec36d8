#include "control/documents/document_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/in_quotes.hpp"
#include "control/documents/document_readers.hpp"
#include "control/documents/document_tree.hpp"

namespace biplane {
namespace {

constexpr char list_kind[] = "List";  // of any kinds, and the end of the name of each list of one kind
constexpr char spec_key[] = "spec";
const YamlNode empty_map{.kind = YamlNode::Kind::map};

// What the API server adds to an object.
constexpr const char* server_metadata[] = {"annotations",       "creationTimestamp", "deletionGracePeriodSeconds",
                                           "deletionTimestamp", "finalizers",        "generateName",
                                           "generation",        "managedFields",     "ownerReferences",
                                           "resourceVersion",   "selfLink",          "uid"};

const std::vector<std::string>& api_versions() {
    static const std::vector<std::string> versions = {api_version, network_policy_api_version, core_api_version};
    return versions;
}

std::vector<std::string> kinds_of(const std::string& version) {
    std::vector<std::string> names;
    for (const KindRules& kind : kind_rules)
        if (kind.api_version == version) names.push_back(kind.name);
    for (const KindRules& kind : kind_rules)
        if (kind.api_version == version && kind.is_of_kubernetes()) names.push_back(std::string(kind.name) + list_kind);
    if (version == core_api_version) names.push_back(list_kind);
    return names;
}

const KindRules* find_kind(const std::string& name) {
    const auto found = std::find_if(kind_rules.begin(), kind_rules.end(), [&](const KindRules& kind) { return kind.name == name; });
    return found == kind_rules.end() ? nullptr : &*found;
}

// The kind of a document; nothing after a finding.
const KindRules* read_kind(Findings& findings, YamlMap& root) {
    const size_t version = root.choice("apiVersion", api_versions());
    if (findings.error()) return nullptr;
    const auto name = root.find("kind");
    const KindRules* kind = name && name->node->kind == YamlNode::Kind::text ? find_kind(name->node->text) : nullptr;
    if (!kind) {
        root.choice("kind", kinds_of(api_versions()[version]));
        return nullptr;
    }
    if (kind->api_version == api_versions()[version]) return kind;
    const YamlNode& found = *root.find("apiVersion")->node;
    findings.add(found.place, root.path_of("apiVersion"),
                 fmt::format("found {}, expected {} for a {}", in_quotes(found.text), kind->api_version, kind->name));
    return nullptr;
}

DocumentMetadata read_metadata(Findings& findings, const YamlValue& value, const KindRules& kind) {
    YamlMap map(findings, value, "a map with at least a name", kind.is_of_kubernetes() ? Nulls::are_missing : Nulls::are_refused);
    DocumentMetadata metadata;
    metadata.name = map.parsed<std::string>("name", kind.parse_name, "a name");
    if (kind.is_namespaced) metadata.space = map.parsed<std::string>("namespace", parse_name, "a name", "default");
    if (const auto labels = map.find("labels")) metadata.labels = read_labels(findings, *labels);
    if (kind.is_of_kubernetes())
        for (const char* key : server_metadata) map.ignore(key);
    map.refuse_other_keys();
    return metadata;
}

DocumentValue read_value(Findings& findings, const KindRules& kind, const DocumentMetadata& metadata, const YamlValue& spec_value) {
    const std::string name = kind.name;
    if (name == "Namespace") return make_namespace(metadata);
    const bool is_policy = name == "NetworkPolicy" || name == "BiplanePolicy";
    YamlMap spec(findings, spec_value, "a map with what the " + name + " is to be",
                 is_policy ? Nulls::are_missing : Nulls::are_refused);
    DocumentValue value;
    if (name == "VirtualNetwork")
        value = read_network(findings, metadata, spec);
    else if (name == "Node")
        value = read_node(findings, metadata, spec);
    else if (name == "Workload")
        value = read_workload(findings, metadata, spec);
    else if (name == "Route")
        value = read_route(findings, metadata, spec);
    else if (name == "NetworkPolicy")
        value = read_network_policy(findings, metadata, spec);
    else
        value = read_policy(findings, metadata, spec);
    spec.refuse_other_keys();
    return value;
}

// Kubernetes takes an object without spec for one with an empty one.
std::optional<YamlValue> read_spec(YamlMap& root, const KindRules& kind, const YamlNode& tree) {
    if (!kind.is_of_kubernetes()) return root.require(spec_key, fmt::format("a map with what the {} is to be", kind.name));
    root.ignore("status");
    const auto spec = root.find(spec_key);
    const bool is_there = spec && spec->node->kind != YamlNode::Kind::null;
    return is_there ? spec : YamlValue{&empty_map, tree.place, root.path_of(spec_key)};
}

void collect_places(const YamlNode& node, const std::string& path, std::map<std::string, Place>& places) {
    places[path] = node.place;
    for (size_t i = 0; i < node.items.size(); ++i) {
        const bool is_list = node.kind == YamlNode::Kind::list;
        collect_places(node.items[i], is_list ? fmt::format("{}[{}]", path, i) : path + "." + node.keys[i].text, places);
    }
}

// `path`: what the document is called in messages, empty if it stands by itself.
Result<Document> read_document(const YamlNode& tree, const std::string& path, const std::string& file) {
    Findings findings(file);
    YamlMap root(findings, {&tree, tree.place, path}, "a document with apiVersion, kind, metadata and spec");
    const KindRules* kind = read_kind(findings, root);
    if (!kind) return tl::unexpected(*findings.error());

    const auto metadata = root.require("metadata", "a map with at least a name");
    const auto spec = read_spec(root, *kind, tree);
    root.refuse_other_keys();
    if (!metadata || !spec) return tl::unexpected(*findings.error());
    DocumentValue value = read_value(findings, *kind, read_metadata(findings, *metadata, *kind), *spec);
    if (findings.error()) return tl::unexpected(*findings.error());

    Document document = document_of(std::move(value));
    document.file = file;
    document.line = tree.place.line;
    document.column = tree.place.column;
    collect_places(*spec->node, spec_key, document.places);
    return document;
}

std::string kind_text_of(const YamlNode& tree) {
    const YamlNode* kind = tree.kind == YamlNode::Kind::map ? tree.find("kind") : nullptr;
    return kind && kind->kind == YamlNode::Kind::text ? kind->text : "";
}

// What Kubernetes puts several objects into: List (of v1), NamespaceList, NetworkPolicyList.
struct ListRules {
    const char* api_version;
    const KindRules* items;  // null: of any kind
};
std::optional<ListRules> find_list(const YamlNode& tree) {
    const std::string name = kind_text_of(tree);
    if (name == list_kind) return ListRules{core_api_version, nullptr};
    for (const KindRules& kind : kind_rules)
        if (kind.is_of_kubernetes() && name == std::string(kind.name) + list_kind) return ListRules{kind.api_version, &kind};
    return std::nullopt;
}

Result<std::vector<Document>> read_items(const std::vector<YamlValue>& items, const KindRules* wanted, const std::string& file) {
    std::vector<Document> documents;
    for (const YamlValue& item : items) {
        const std::string kind = kind_text_of(*item.node);
        const std::string start = prefix_of(file, item.node->place) + item.path;
        if (find_list(*item.node)) return failure(fmt::format("{}: found a {} in a list, expected a document", start, kind));
        if (wanted && kind != wanted->name)
            return failure(fmt::format("{}: found {}, expected a {}", start, in_quotes(kind), wanted->name));
        auto document = read_document(*item.node, item.path, file);
        if (!document) return tl::unexpected(document.error());
        documents.push_back(*std::move(document));
    }
    return documents;
}

Result<std::vector<Document>> read_list(const YamlNode& tree, const ListRules& list, const std::string& file) {
    Findings findings(file);
    YamlMap root(findings, {&tree, tree.place, ""}, "a list of documents", Nulls::are_missing);
    root.choice("apiVersion", {list.api_version});
    root.find("kind");
    root.ignore("metadata");
    const auto items = root.items_if_any("items", "a list of documents");
    root.refuse_other_keys();
    if (findings.error()) return tl::unexpected(*findings.error());
    return read_items(items, list.items, file);
}

Result<std::vector<Document>> read_plain_list(const YamlNode& tree, const std::string& file) {
    std::vector<YamlValue> items;
    for (size_t i = 0; i < tree.items.size(); ++i) items.push_back({&tree.items[i], tree.items[i].place, fmt::format("[{}]", i)});
    return read_items(items, nullptr, file);
}

}  // namespace

const std::vector<std::string>& kind_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (const KindRules& kind : kind_rules) all.push_back(kind.name);
        return all;
    }();
    return names;
}

Result<std::vector<Document>> read_documents(const YamlNode& tree, const std::string& file) {
    if (tree.kind == YamlNode::Kind::list) return read_plain_list(tree, file);
    if (const auto list = find_list(tree)) return read_list(tree, *list, file);
    auto document = read_document(tree, "", file);
    if (!document) return tl::unexpected(document.error());
    std::vector<Document> documents;
    documents.push_back(*std::move(document));
    return documents;
}

}  // namespace biplane
