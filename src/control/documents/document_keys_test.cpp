// The tables of docs/keys.md, row by row: a document with what a row says is taken or refused, and no key is missing there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "base/read_file.hpp"
#include "control/documents/document_kinds.hpp"
#include "control/documents/document_tree.hpp"

namespace biplane {
namespace {

// A document of each kind in which every list has an item and every map is there.
const char* const documents_of_all_kinds[] = {
    R"({"apiVersion": "biplane.dev/v1alpha1", "kind": "VirtualNetwork", "metadata": {"name": "a"},
        "spec": {"vni": 1, "subnets": ["10.0.0.0/24"], "timeouts": {"other": 1}, "limits": {"flows": 1}}})",
    R"({"apiVersion": "biplane.dev/v1alpha1", "kind": "Node", "metadata": {"name": "a"}, "spec": {"addresses": ["192.0.2.1"]}})",
    R"({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}})",
    R"({"apiVersion": "biplane.dev/v1alpha1", "kind": "Workload", "metadata": {"name": "a"},
        "spec": {"network": "a", "node": "a", "addresses": ["10.0.0.1"], "ports": [{"name": "http", "port": 80}]}})",
    R"({"apiVersion": "biplane.dev/v1alpha1", "kind": "Route", "metadata": {"name": "a"},
        "spec": {"network": "a", "destination": "10.0.0.0/24", "nextHop": "host"}})",
    R"({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "a"},
        "spec": {"podSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]},
                 "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 80}]}],
                 "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 80}]}]}})",
    R"({"apiVersion": "biplane.dev/v1alpha1", "kind": "BiplanePolicy", "metadata": {"name": "a"},
        "spec": {"subject": {"podSelector": {}}, "limits": {"perWorkload": {"flows": 1}, "perNetwork": {"flows": 1}},
                 "ingress": [{"action": "deny", "from": [{"podSelector": {}}], "ports": [{"protocol": "ICMP", "type": 8}]}],
                 "egress": [{"action": "deny", "to": [{"podSelector": {}}], "ports": [{"port": 80}]}]}})"};

DocumentTree document_of_kind(const std::string& kind) {
    for (const char* text : documents_of_all_kinds)
        if (DocumentTree tree = DocumentTree::parse(text); tree["kind"] == kind) return tree;
    ADD_FAILURE() << "there is no document of kind " << kind;
    return {};
}

struct Row {
    std::string kind, path;
    std::vector<std::string> taken, refused;
};

std::vector<std::string> code_spans(const std::string& cell) {
    const std::regex code("`([^`]+)`");
    std::vector<std::string> spans;
    for (std::sregex_iterator span(cell.begin(), cell.end(), code), none; span != none; ++span) spans.push_back((*span)[1]);
    return spans;
}

// The rows of all kinds stand under each of them.
std::vector<Row> rows_of_page() {
    std::istringstream lines(read_file(BIPLANE_SOURCE_DIR "/docs/keys.md").value());
    std::vector<Row> rows;
    std::string line, heading;
    const std::regex row(R"(\| `([^`]+)` \| ?(.*?) \| ?(.*?) \| ?(.*?) \| ?(.*?) ?\|)");
    std::smatch cells;
    while (std::getline(lines, line)) {
        if (line.starts_with("## ")) heading = line.substr(3);
        if (!std::regex_match(line, cells, row)) {
            EXPECT_FALSE(line.starts_with("| `")) << line;
            continue;
        }
        for (const std::string& kind : kind_names())
            if (heading == kind || heading == "All kinds")
                rows.push_back({kind, cells[1], code_spans(cells[2]), code_spans(cells[3])});
    }
    return rows;
}

// "spec.ports[].name" -> the value there, made if it is missing; of a list its first item.
DocumentTree& value_at(DocumentTree& document, const std::string& path) {
    DocumentTree* value = &document;
    std::istringstream keys(path);
    for (std::string key; std::getline(keys, key, '.');) {
        const bool is_list = key.ends_with("[]");
        value = &(*value)[is_list ? key.substr(0, key.size() - 2) : key];
        if (is_list) value = &(*value)[0];
    }
    return *value;
}

std::string refusal(const std::string& text) {
    const auto documents = parse_documents(text, "f");
    return documents ? "" : documents.error().message;
}

// What is said against the row's document with `written` as its value; nothing if it is taken.
std::string refusal_of(const Row& row, const std::string& written) {
    constexpr char placeholder[] = "@here@";
    DocumentTree document = document_of_kind(row.kind);
    if (row.path == "spec.address") document["spec"].erase("addresses");
    value_at(document, row.path) = placeholder;
    std::string text = document.dump();
    const std::string quoted = fmt::format("\"{}\"", placeholder);
    return refusal(text.replace(text.find(quoted), quoted.size(), written));
}

TEST(KeysPage, EachRowIsTakenAndRefusedAsItSays) {
    const auto rows = rows_of_page();
    EXPECT_GE(rows.size(), 100u);
    for (const Row& row : rows) {
        for (const std::string& written : row.taken) EXPECT_EQ(refusal_of(row, written), "") << row.path << ": " << written;
        for (const std::string& written : row.refused) EXPECT_NE(refusal_of(row, written), "") << row.path << ": " << written;
    }
}

// Both directions of a policy have the same keys.
std::string canonical(std::string path) {
    path = std::regex_replace(path, std::regex("egress\\[\\]\\.to"), "ingress[].from");
    return std::regex_replace(path, std::regex("egress\\[\\]"), "ingress[]");
}

// The keys that a map knows, as it says itself when it meets another one.
std::vector<std::string> keys_known_at(const std::string& kind, const std::string& path) {
    DocumentTree document = document_of_kind(kind);
    DocumentTree& map = path.empty() ? document : value_at(document, path);
    if (!map.is_object()) return {};
    map["another"] = 1;
    const std::string said = refusal(document.dump());
    const size_t list = said.find("unknown key \"another\", expected ");
    EXPECT_NE(list, std::string::npos) << kind << " " << path << ": " << said;
    if (list == std::string::npos) return {};
    std::vector<std::string> keys;
    const std::string names = std::regex_replace(said.substr(said.find("expected ", list) + 9), std::regex(" or |, "), " ");
    std::istringstream words(names);
    for (std::string key; words >> key;) keys.push_back(key);
    return keys;
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('.') == path.npos ? 0 : path.rfind('.')); }

TEST(KeysPage, NoKeyIsMissing) {
    for (const std::string& kind : kind_names()) {
        std::set<std::string> listed, maps = {""};  // `listed`: of keys and of the maps that they stand in
        for (const Row& row : rows_of_page()) {
            if (row.kind != kind) continue;
            for (std::string path = row.path; !path.empty(); path = parent_of(path)) {
                listed.insert(std::regex_replace(canonical(path), std::regex("\\[\\]$"), ""));
                maps.insert(parent_of(path));
            }
        }
        for (const std::string& map : maps) {
            if (kind == "Namespace" && map == "spec") continue;
            for (const std::string& key : keys_known_at(kind, map)) {
                const std::string path = map.empty() ? key : map + "." + key;
                EXPECT_TRUE(listed.count(canonical(path))) << kind << ": " << path << " is not in docs/keys.md";
            }
        }
    }
}

}  // namespace
}  // namespace biplane
