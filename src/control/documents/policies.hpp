// What policies ask for, as plain values, checked: Kubernetes' NetworkPolicy and Namespace, and Biplane's own policy.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/addresses.hpp"

namespace biplane {

using Labels = std::map<std::string, std::string>;

struct LabelRequirement {
    enum class Operator : uint8_t { in, not_in, exists, does_not_exist };
    std::string key;
    Operator is;
    std::vector<std::string> values;  // in, not_in: at least one; the others: none
    friend bool operator==(const LabelRequirement&, const LabelRequirement&) = default;
};

// All of it must hold; an empty one matches everything.
struct LabelSelector {
    Labels match_labels;
    std::vector<LabelRequirement> match_expressions;
    friend bool operator==(const LabelSelector&, const LabelSelector&) = default;
};
// not_in and does_not_exist also match where the key is missing.
bool matches(const LabelSelector& selector, const Labels& labels);

struct AddressBlock {
    Prefix cidr;                  // host bits zero
    std::vector<Prefix> excepts;  // each inside cidr
    friend bool operator==(const AddressBlock&, const AddressBlock&) = default;
};

// Either a block alone, or selectors: both must hold; workloads alone means those of the policy's own namespace (NetworkPolicy) or of all
// namespaces (BiplanePolicy).
struct PolicyPeer {
    std::optional<LabelSelector> workloads;   // podSelector
    std::optional<LabelSelector> namespaces;  // namespaceSelector
    std::optional<AddressBlock> block;        // ipBlock
    friend bool operator==(const PolicyPeer&, const PolicyPeer&) = default;
};

struct PortRange {
    uint16_t first, last;  // inclusive. ICMP: type << 8 | code
    friend bool operator==(const PortRange&, const PortRange&) = default;
};
struct PortName {
    std::string name;  // of a port of the destination workload, of the same protocol
    friend bool operator==(const PortName&, const PortName&) = default;
};
struct PolicyPort {
    uint8_t protocol;  // IANA: TCP, UDP, SCTP; BiplanePolicy also ICMP and ICMPv6
    std::variant<PortRange, PortName> port = PortRange{0, 65535};
    friend bool operator==(const PolicyPort&, const PolicyPort&) = default;
};

// What a rule is about: (any of its peers) and (any of its ports). No peers: everybody, outside included; no ports: everything.
struct PolicyMatch {
    std::vector<PolicyPeer> peers;
    std::vector<PolicyPort> ports;
    friend bool operator==(const PolicyMatch&, const PolicyMatch&) = default;
};

// networking.k8s.io/v1. Allows, never denies; isolates what it selects, per direction.
struct NetworkPolicy {
    std::string name;
    std::string space;  // metadata.namespace
    Labels labels;
    LabelSelector workloads;  // spec.podSelector, of its own namespace
    bool isolates_ingress = true;
    bool isolates_egress = false;      // spec.policyTypes, or their default
    std::vector<PolicyMatch> ingress;  // also kept if the direction is not listed; without effect then
    std::vector<PolicyMatch> egress;
    std::string key() const { return space + "/" + name; }
    friend bool operator==(const NetworkPolicy&, const NetworkPolicy&) = default;
};

enum class PolicyAction : uint8_t { allow, deny, pass };

struct BiplaneRule {
    std::string name;  // optional
    PolicyAction action;
    bool log = false;
    PolicyMatch match;
    friend bool operator==(const BiplaneRule&, const BiplaneRule&) = default;
};

// 0: no limit.
struct FlowLimits {
    uint32_t flows = 0;  // at once
    uint32_t new_flows_per_second = 0;
    friend bool operator==(const FlowLimits&, const FlowLimits&) = default;
};

// Judged before all NetworkPolicies, by rising `order`, then name, then the order of its rules: the first rule that matches decides.
// allow and deny are final for this direction; pass leaves it to the NetworkPolicies, and so does no match. It isolates nobody.
struct BiplanePolicy {
    std::string name;
    Labels labels;
    uint32_t order = 100;      // 0 to 65535
    LabelSelector namespaces;  // spec.subject.namespaceSelector, spec.subject.podSelector: both must hold
    LabelSelector workloads;
    std::vector<BiplaneRule> ingress;
    std::vector<BiplaneRule> egress;
    FlowLimits workload_limits;  // spec.limits.perWorkload: of each workload it selects. The smallest of several holds
    FlowLimits network_limits;   // spec.limits.perNetwork: of each network that a selected workload is in, on each node
    friend bool operator==(const BiplanePolicy&, const BiplanePolicy&) = default;
};

struct Namespace {
    std::string name;
    Labels labels;  // as written, without kubernetes.io/metadata.name, which is always there besides and the name
    friend bool operator==(const Namespace&, const Namespace&) = default;
};

struct NamedPort {
    std::string name;
    uint8_t protocol;
    uint16_t port;
    friend bool operator==(const NamedPort&, const NamedPort&) = default;
};

// In seconds; without a value the node's default (RFC 5382, 4787, 5508).
struct NetworkTimeouts {
    std::optional<uint32_t> tcp_opening, tcp_established, tcp_closing, tcp_closed, udp_single, udp_stream, icmp, other;
    friend bool operator==(const NetworkTimeouts&, const NetworkTimeouts&) = default;
};

}  // namespace biplane
