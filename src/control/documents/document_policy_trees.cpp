// Policies as trees.
#include "control/documents/document_kinds.hpp"
#include "control/documents/document_tree.hpp"
#include "control/documents/document_words.hpp"

namespace biplane {
namespace {

DocumentTree tree_of_requirement(const LabelRequirement& requirement) {
    DocumentTree tree = {{"key", requirement.key}, {"operator", operator_names[static_cast<size_t>(requirement.is)]}};
    if (!requirement.values.empty()) tree["values"] = requirement.values;
    return tree;
}

DocumentTree tree_of_selector(const LabelSelector& selector) {
    DocumentTree tree = DocumentTree::object();
    if (!selector.match_labels.empty()) tree["matchLabels"] = selector.match_labels;
    for (const LabelRequirement& requirement : selector.match_expressions)
        tree["matchExpressions"].push_back(tree_of_requirement(requirement));
    return tree;
}

DocumentTree tree_of_block(const AddressBlock& block) {
    DocumentTree tree = {{"cidr", to_string(block.cidr)}};
    for (const Prefix& except : block.excepts) tree["except"].push_back(to_string(except));
    return tree;
}

DocumentTree tree_of_peer(const PolicyPeer& peer) {
    DocumentTree tree = DocumentTree::object();
    if (peer.namespaces) tree["namespaceSelector"] = tree_of_selector(*peer.namespaces);
    if (peer.workloads) tree["podSelector"] = tree_of_selector(*peer.workloads);
    if (peer.block) tree["ipBlock"] = tree_of_block(*peer.block);
    return tree;
}

void add_icmp(DocumentTree& tree, const PortRange& range) {
    tree["type"] = range.first >> 8;
    if (range.first == range.last) tree["code"] = range.first & 0xff;
}

DocumentTree tree_of_policy_port(const PolicyPort& port) {
    DocumentTree tree = {{"protocol", protocol_name(port.protocol)}};
    if (const auto* named = std::get_if<PortName>(&port.port)) {
        tree["port"] = named->name;
        return tree;
    }
    const PortRange& range = std::get<PortRange>(port.port);
    if (range == PortRange{0, 65535}) return tree;
    if (is_icmp(port.protocol)) {
        add_icmp(tree, range);
        return tree;
    }
    tree["port"] = range.first;
    if (range.last != range.first) tree["endPort"] = range.last;
    return tree;
}

void add_match(DocumentTree& rule, const PolicyMatch& match, const char* peers_key) {
    for (const PolicyPeer& peer : match.peers) rule[peers_key].push_back(tree_of_peer(peer));
    for (const PolicyPort& port : match.ports) rule["ports"].push_back(tree_of_policy_port(port));
}

DocumentTree tree_of_rule(const PolicyMatch& rule, const char* peers_key) {
    DocumentTree tree = DocumentTree::object();
    add_match(tree, rule, peers_key);
    return tree;
}

DocumentTree tree_of_rule(const BiplaneRule& rule, const char* peers_key) {
    DocumentTree tree = DocumentTree::object();
    if (!rule.name.empty()) tree["name"] = rule.name;
    tree["action"] = action_names[static_cast<size_t>(rule.action)];
    if (rule.log) tree["log"] = true;
    add_match(tree, rule.match, peers_key);
    return tree;
}

template <typename Policy>
void add_rules(DocumentTree& spec, const Policy& policy) {
    for (const auto& rule : policy.ingress) spec["ingress"].push_back(tree_of_rule(rule, "from"));
    for (const auto& rule : policy.egress) spec["egress"].push_back(tree_of_rule(rule, "to"));
}

}  // namespace

DocumentTree spec_of(const NetworkPolicy& policy) {
    DocumentTree spec = {{"podSelector", tree_of_selector(policy.workloads)}, {"policyTypes", DocumentTree::array()}};
    if (policy.isolates_ingress) spec["policyTypes"].push_back("Ingress");
    if (policy.isolates_egress) spec["policyTypes"].push_back("Egress");
    add_rules(spec, policy);
    return spec;
}

DocumentTree spec_of(const BiplanePolicy& policy) {
    DocumentTree spec = {{"order", policy.order}};
    if (policy.namespaces != LabelSelector{}) spec["subject"]["namespaceSelector"] = tree_of_selector(policy.namespaces);
    if (policy.workloads != LabelSelector{}) spec["subject"]["podSelector"] = tree_of_selector(policy.workloads);
    add_rules(spec, policy);
    if (policy.workload_limits != FlowLimits{}) spec["limits"]["perWorkload"] = tree_of_limits(policy.workload_limits);
    if (policy.network_limits != FlowLimits{}) spec["limits"]["perNetwork"] = tree_of_limits(policy.network_limits);
    return spec;
}

}  // namespace biplane
