// Large sets of documents, to see how long planning takes: 1,000 workloads in 50 namespaces, each with 4 applications of 5 workloads.
#pragma once
#include <string>

#include "control/documents/desired_state.hpp"

namespace biplane {

inline std::string space_name(int i) { return "space-" + std::to_string(i % 50); }
inline std::string app_name(int i) { return "app-" + std::to_string(i % 4); }

inline DesiredState thousand_workloads() {
    DesiredState desired;
    desired.nodes["a"] = {.name = "a", .addresses = {address_from_ipv4(be32::from_host(0xc0000201))}};
    VirtualNetwork network{.name = "red", .vni = 100};
    network.subnets = {{address_from_ipv4(be32::from_host(0x0a000000)), 104}};
    desired.networks["red"] = network;
    for (int i = 0; i < 1000; ++i) {
        Workload w{.name = "w" + std::to_string(i), .space = space_name(i), .network = "red", .node = "a"};
        w.labels = {{"app", app_name(i / 50)}, {"id", std::to_string(i)}};
        w.addresses = {address_from_ipv4(be32::from_host(0x0a000001u + static_cast<uint32_t>(i)))};
        desired.workloads[w.key()] = w;
    }
    for (int i = 0; i < 50; ++i) desired.namespaces[space_name(i)] = {space_name(i), {{"team", std::to_string(i % 7)}}};
    return desired;
}

inline LabelSelector with_label(const std::string& key, const std::string& value) { return {.match_labels = {{key, value}}}; }

inline PolicyMatch one_port_from_one_app(int i) {
    PolicyPeer peer{.workloads = with_label("app", app_name(i)),
                    .namespaces = with_label("kubernetes.io/metadata.name", space_name(i * 7 + i / 1000 + 1))};
    return {.peers = {peer}, .ports = {{6, PortRange{static_cast<uint16_t>(i % 60000), static_cast<uint16_t>(i % 60000)}}}};
}

inline PolicyMatch one_port_from_one_block(int i) {
    const AddressBlock block{{address_from_ipv4(be32::from_host(0x0a800000u + static_cast<uint32_t>(i) * 16)), 124}, {}};
    return {.peers = {{.block = block}}, .ports = {{6, PortRange{443, 443}}}};
}

// One policy of 10,000 rules for every workload of a namespace, half of them about workloads and half about blocks.
inline DesiredState one_policy_of_ten_thousand_rules() {
    DesiredState desired = thousand_workloads();
    NetworkPolicy policy{.name = "large", .space = space_name(0)};
    for (int i = 0; i < 10000; ++i) policy.ingress.push_back(i % 2 ? one_port_from_one_app(i) : one_port_from_one_block(i));
    desired.network_policies[policy.key()] = policy;
    return desired;
}

// 10,000 policies of one rule: each selects one application of one namespace and names one of another, 50 for each workload.
inline DesiredState ten_thousand_policies_of_one_rule() {
    DesiredState desired = thousand_workloads();
    for (int i = 0; i < 10000; ++i) {
        NetworkPolicy policy{.name = "p" + std::to_string(i), .space = space_name(i)};
        policy.workloads = with_label("app", app_name(i / 50));
        policy.ingress = {one_port_from_one_app(i)};
        desired.network_policies[policy.key()] = policy;
    }
    return desired;
}

// The same, but each selects one workload, so that no two workloads are alike.
inline DesiredState ten_thousand_policies_for_single_workloads() {
    DesiredState desired = thousand_workloads();
    for (int i = 0; i < 10000; ++i) {
        NetworkPolicy policy{.name = "p" + std::to_string(i), .space = space_name(i)};
        policy.workloads = with_label("id", std::to_string(i % 1000));
        policy.isolates_egress = i % 2;
        policy.ingress = {one_port_from_one_app(i)};
        policy.egress = {one_port_from_one_app(i + 1)};
        desired.network_policies[policy.key()] = policy;
    }
    return desired;
}

}  // namespace biplane
