// Whatever policies there are: written down and read again they are the same.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "control/documents/documents.hpp"
#include "datapath/wire/headers.hpp"

namespace biplane {
namespace {

template <typename Make>
auto several(int count_max, Make make) {
    std::vector<decltype(make())> made;
    for (int i = *rc::gen::inRange(0, count_max + 1); i > 0; --i) made.push_back(make());
    return made;
}

bool coin() { return *rc::gen::arbitrary<bool>(); }

std::string random_word() {
    return *rc::gen::element<std::string>("a", "web", "true", "null", "0", "1e5", "no", "0x1f", "a-b", "10", "x1");
}

std::string random_label_value() { return *rc::gen::element<std::string>("", "a", "Yes", "1.0", "a.b_c-d", "a1", "007", "off"); }

Labels random_labels() {
    Labels labels;
    for (const std::string& key : several(3, random_word)) labels[coin() ? key : "example.com/" + key] = random_label_value();
    return labels;
}

LabelRequirement random_requirement() {
    LabelRequirement requirement{
        .key = random_word(), .is = static_cast<LabelRequirement::Operator>(*rc::gen::inRange(0, 4)), .values = {}};
    if (requirement.is == LabelRequirement::Operator::in || requirement.is == LabelRequirement::Operator::not_in) {
        requirement.values = several(2, random_label_value);
        requirement.values.push_back(random_label_value());
    }
    return requirement;
}

LabelSelector random_selector() { return {random_labels(), several(2, random_requirement)}; }

Prefix random_prefix(bool ipv4, int length_min, const Address& inside) {
    const auto length = static_cast<uint8_t>(*rc::gen::inRange(length_min, 129));
    Address address = ipv4 ? address_from_ipv4(be32::from_host(*rc::gen::arbitrary<uint32_t>()))
                           : Address{{__builtin_bswap64(0x20010db800000000u), *rc::gen::arbitrary<uint64_t>()}};
    const Address kept = network_of({inside, static_cast<uint8_t>(length_min - 1)});
    for (int i = 0; i < 2; ++i) {
        const uint64_t mask = network_of({Address{{~0ull, ~0ull}}, static_cast<uint8_t>(length_min - 1)}).words[i];
        address.words[i] = (address.words[i] & ~mask) | kept.words[i];
    }
    return {network_of({address, length}), length};
}

AddressBlock random_block() {
    const bool ipv4 = coin();
    const Address start = ipv4 ? address_from_ipv4(be32::from_host(0)) : Address{{__builtin_bswap64(0x20010db800000000u), 0}};
    AddressBlock block{random_prefix(ipv4, ipv4 ? 97 : 33, start), {}};
    if (block.cidr.length == 128) return block;
    block.excepts = several(2, [&] { return random_prefix(ipv4, block.cidr.length + 1, block.cidr.address); });
    return block;
}

PolicyPeer random_peer() {
    if (coin()) return {.workloads = {}, .namespaces = {}, .block = random_block()};
    PolicyPeer peer;
    if (coin()) peer.workloads = random_selector();
    if (coin() || !peer.workloads) peer.namespaces = random_selector();
    return peer;
}

PolicyPort random_icmp() {
    const uint8_t protocol = coin() ? protocol::icmp : protocol::icmpv6;
    if (coin()) return {protocol, PortRange{0, 65535}};
    const auto type = static_cast<uint16_t>(*rc::gen::inRange(0, 256) << 8);
    const auto code = static_cast<uint16_t>(*rc::gen::inRange(0, 256));
    if (coin()) return {protocol, PortRange{type, static_cast<uint16_t>(type | 255)}};
    return {protocol, PortRange{static_cast<uint16_t>(type | code), static_cast<uint16_t>(type | code)}};
}

PolicyPort random_port() {
    const uint8_t protocol = *rc::gen::element(protocol::tcp, protocol::udp, protocol::sctp);
    if (coin()) return {protocol, PortName{*rc::gen::element<std::string>("http", "1e5", "no", "a-1")}};
    if (coin()) return {protocol, PortRange{0, 65535}};
    const auto first = static_cast<uint16_t>(*rc::gen::inRange(1, 65536));
    return {protocol, PortRange{first, static_cast<uint16_t>(*rc::gen::inRange<int>(first, 65536))}};
}

PolicyMatch random_match() { return {several(2, random_peer), several(2, random_port)}; }

BiplaneRule random_rule() {
    BiplaneRule rule{
        .name = coin() ? "" : random_word(), .action = static_cast<PolicyAction>(*rc::gen::inRange(0, 3)), .log = coin()};
    rule.match = random_match();
    if (coin()) rule.match.ports.push_back(random_icmp());
    return rule;
}

FlowLimits random_limits() { return {*rc::gen::element<uint32_t>(0, 1, UINT32_MAX), *rc::gen::element<uint32_t>(0, 1000)}; }

NetworkPolicy random_network_policy() {
    NetworkPolicy policy{.name = random_word() + ".x", .space = random_word(), .labels = random_labels()};
    policy.workloads = random_selector();
    policy.isolates_ingress = coin();
    policy.isolates_egress = !policy.isolates_ingress || coin();
    policy.ingress = several(2, random_match);
    policy.egress = several(2, random_match);
    return policy;
}

BiplanePolicy random_policy() {
    BiplanePolicy policy{.name = random_word(), .labels = random_labels(), .order = *rc::gen::inRange<uint32_t>(0, 65536)};
    policy.namespaces = random_selector();
    policy.workloads = random_selector();
    policy.ingress = several(2, random_rule);
    policy.egress = several(2, random_rule);
    policy.workload_limits = random_limits();
    policy.network_limits = random_limits();
    return policy;
}

VirtualNetwork random_network() {
    VirtualNetwork network{.name = random_word(), .vni = *rc::gen::inRange<uint32_t>(1, 1u << 24)};
    network.subnets = {parse_prefix("10.0.0.0/8").value()};
    if (coin()) network.timeouts.tcp_established = *rc::gen::inRange<uint32_t>(1, 2160001);
    if (coin()) network.timeouts.other = 1;
    network.limits = random_limits();
    return network;
}

RC_GTEST_PROP(DocumentProperties, AStateOfPoliciesSurvivesBeingWrittenDown, ()) {
    DesiredState state;
    for (const auto& policy : several(2, random_network_policy)) state.network_policies[policy.key()] = policy;
    for (const auto& policy : several(2, random_policy)) state.policies[policy.name] = policy;
    for (const auto& name : several(2, random_word)) state.namespaces[name] = {name, random_labels()};
    const VirtualNetwork network = random_network();
    state.networks[network.name] = network;

    std::string text;
    for (const Document& document : to_documents(state)) text += "---\n" + text_of(document);
    const auto again = parse_documents(text, "f.yaml");
    if (!again) RC_FAIL(again.error().message + "\n" + text);
    RC_ASSERT(put_documents({}, *again).value() == state);
    std::string text_again;
    for (const Document& document : *again) text_again += "---\n" + text_of(document);
    RC_ASSERT(text_again == text);
    RC_ASSERT(changes_between(state, put_documents({}, *again).value()).empty());
}

}  // namespace
}  // namespace biplane
