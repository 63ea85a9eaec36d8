// YAML documents in, desired state out. Every refusal is one Error whose message starts with file:line:column and says which
// key, what was found and what was expected; nothing is half applied.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "control/documents/desired_state.hpp"
#include "control/yaml/place.hpp"

namespace biplane {

using DocumentValue = std::variant<VirtualNetwork, Node, Namespace, Workload, Route, NetworkPolicy, BiplanePolicy>;

// The kinds, in the order of DocumentValue, which is also the order in which documents can be applied.
const std::vector<std::string>& kind_names();

struct Document {
    std::string kind;  // one of kind_names()
    std::string name;  // metadata.name; Workload, NetworkPolicy: namespace/name
    std::string file;  // where it came from, for messages; empty: from no file
    int line = 0;
    int column = 0;
    std::map<std::string, Place> places;  // of the values in the file, by path: "spec.addresses[1]"
    DocumentValue value;

    Place place() const { return {line, column}; }
};

// One document as YAML in canonical form (keys in fixed order): what the store keeps.
std::string text_of(const Document& document);

// A stream of YAML documents ("---" between them); a list, plain or of Kubernetes, stands for its items. Checks form: known kinds and
// keys, types, ranges, required keys. The same object twice is an error that names both places. An empty stream gives an empty list.
Result<std::vector<Document>> parse_documents(std::string_view text, const std::string& file);

struct DocumentText {
    std::string name;  // of the file, for messages
    std::string text;
};
// Several streams as one. None without any document: who applies nothing has made a mistake.
Result<std::vector<Document>> parse_documents(const std::vector<DocumentText>& texts);

inline constexpr char api_version[] = "biplane.dev/v1alpha1";

// `state` with `documents` put in (replacing those of the same kind and name). Checks what holds between documents: references,
// duplicate VNIs and addresses, overlapping subnets, addresses outside their subnets, two workloads with the same interface in
// the same namespace, two routes with the same destination in a network.
Result<DesiredState> put_documents(const DesiredState& state, const std::vector<Document>& documents);

// `state` without one document; refused while another one refers to it, or if there is none.
Result<DesiredState> remove_document(const DesiredState& state, const std::string& kind, const std::string& name);

struct DocumentName {
    std::string kind;
    std::string name;  // of a kind that is in a namespace: without one it is one of the namespace "default"
};
// The name with its namespace, as it stands in Document::name.
std::string full_name(const DocumentName& document);
bool has_document(const DesiredState& state, const DocumentName& document);

// The same for several at once: they may refer to each other.
Result<DesiredState> remove_documents(const DesiredState& state, const std::vector<DocumentName>& names);

// All documents of `state`, canonical, in the order of kind_names().
std::vector<Document> to_documents(const DesiredState& state);

// What changes from `before` to `after`.
struct Change {
    enum class Action { create, update, remove } action;
    std::string kind;
    std::string name;
    std::string detail;  // update: the changed keys, "spec.vni: 100 -> 101"; else empty
};
std::vector<Change> changes_between(const DesiredState& before, const DesiredState& after);

}  // namespace biplane
