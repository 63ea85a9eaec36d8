// Random documents: what the tables say about every pair of addresses is what reading the policies one by one says.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "control/plan/image_tables_for_test.hpp"
#include "control/policy/label_index.hpp"
#include "control/policy/policy_explain.hpp"

namespace biplane {
namespace {

constexpr uint8_t icmp = 1, tcp = 6, udp = 17, gre = 47, icmpv6 = 58, sctp = 132;

bool flip() { return *rc::gen::arbitrary<bool>(); }
// Of all sizes from the first test on.
int up_to(int max) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, max + 1)); }
template <typename T>
T one_of(std::initializer_list<T> choices) {
    return *rc::gen::elementOf(std::vector<T>(choices));
}

TableShape random_shape() {
    TableShape shape{};
    for (uint32_t& word : shape.hash_secret) word = *rc::gen::inRange<uint32_t>(1, UINT32_MAX);
    shape.route_bucket_mask = 255;
    return shape;
}

Address ipv4(uint32_t value) { return address_from_ipv4(be32::from_host(value)); }
Address ipv6(uint64_t low) { return Address{{__builtin_bswap64(0xfd00000a00000000u), __builtin_bswap64(low)}}; }

// In few bits, so that blocks nest, meet workloads and meet their borders.
Address random_address() {
    return flip() ? ipv4(0x0a000000u + static_cast<uint32_t>(up_to(31))) : ipv6(static_cast<uint64_t>(up_to(31)));
}

Prefix random_prefix() {
    const Address address = random_address();
    const uint8_t length = is_ipv4(address) ? one_of<uint8_t>({96, 104, 120, 123, 124, 126, 127, 128})
                                            : one_of<uint8_t>({0, 48, 64, 123, 124, 126, 127, 128});
    return {network_of({address, length}), length};
}

Labels random_labels() {
    Labels labels;
    for (const char* key : {"app", "tier"})
        if (up_to(2) > 0) labels[key] = one_of<const char*>({"a", "b", "c"});
    return labels;
}

LabelSelector random_selector(bool is_of_namespaces = false) {
    LabelSelector selector;
    if (flip()) return selector;
    if (flip()) selector.match_labels[one_of<const char*>({"app", "tier"})] = one_of<const char*>({"a", "b", "c", "nowhere"});
    for (int i = up_to(2); i > 0; --i) {
        using Operator = LabelRequirement::Operator;
        LabelRequirement requirement{one_of<const char*>({"app", "tier", "nowhere"}),
                                     one_of({Operator::in, Operator::not_in, Operator::exists, Operator::does_not_exist}),
                                     {}};
        if (requirement.is == Operator::in || requirement.is == Operator::not_in)
            for (int v = up_to(1); v >= 0; --v) requirement.values.push_back(one_of<const char*>({"a", "b", "c"}));
        selector.match_expressions.push_back(requirement);
    }
    if (is_of_namespaces && up_to(3) == 0)
        selector.match_labels["kubernetes.io/metadata.name"] = one_of<const char*>({"shop", "bank"});
    return selector;
}

AddressBlock random_block() {
    AddressBlock block{random_prefix(), {}};
    const bool is_of_ipv4 = is_ipv4(block.cidr.address);
    if (flip()) {  // where the workloads are, with a piece that is surely cut out
        block.cidr = is_of_ipv4 ? Prefix{ipv4(0x0a000000), 120} : Prefix{ipv6(0), 64};
        const auto length = one_of<uint8_t>({123, 126, 127, 128});
        const auto low = static_cast<uint32_t>(up_to(31));
        block.excepts.push_back({network_of({is_of_ipv4 ? ipv4(0x0a000000u + low) : ipv6(low), length}), length});
    }
    for (int i = up_to(2); i > 0; --i) {
        const Prefix except = random_prefix();
        if (block.cidr.length <= except.length && contains(block.cidr, except.address)) block.excepts.push_back(except);
    }
    return block;
}

PolicyPeer random_peer() {
    PolicyPeer peer;
    if (up_to(2) == 0) {
        peer.block = random_block();
        return peer;
    }
    const int form = up_to(2);
    if (form != 0) peer.workloads = random_selector();
    if (form != 1) peer.namespaces = random_selector(true);
    return peer;
}

PolicyPort random_port(bool may_be_icmp) {
    PolicyPort port{one_of({tcp, tcp, udp, sctp}), PortRange{0, 65535}};
    if (may_be_icmp && up_to(4) == 0) port.protocol = one_of({icmp, icmpv6});
    const auto first = one_of<uint16_t>({0, 79, 80, 81, 443, 0x0800, 65535});
    const int form = up_to(3);
    if (form == 0) port.port = PortRange{first, first};
    if (form == 1) port.port = PortRange{first, static_cast<uint16_t>(std::min(65535, first + up_to(400)))};
    if (form == 2 && port.protocol != icmp && port.protocol != icmpv6)
        port.port = PortName{one_of<const char*>({"http", "dns", "none"})};
    return port;
}

PolicyMatch random_match(bool may_be_icmp) {
    PolicyMatch match;
    for (int i = up_to(2); i > 0; --i) match.peers.push_back(random_peer());
    for (int i = up_to(2); i > 0; --i) match.ports.push_back(random_port(may_be_icmp));
    return match;
}

void add_network_policy(DesiredState& desired) {
    NetworkPolicy policy{.name = "p" + std::to_string(desired.network_policies.size()),
                         .space = one_of<const char*>({"shop", "bank"})};
    policy.workloads = random_selector();
    policy.isolates_ingress = flip();
    policy.isolates_egress = flip();
    for (int i = up_to(2); i > 0; --i) policy.ingress.push_back(random_match(false));
    for (int i = up_to(2); i > 0; --i) policy.egress.push_back(random_match(false));
    desired.network_policies[policy.key()] = policy;
}

BiplaneRule random_biplane_rule() {
    const auto action = one_of({PolicyAction::allow, PolicyAction::deny, PolicyAction::pass});
    return {.name = one_of<const char*>({"", "r"}), .action = action, .log = flip(), .match = random_match(true)};
}

void add_biplane_policy(DesiredState& desired) {
    BiplanePolicy policy{.name = one_of<const char*>({"x", "y", "z", "a"}), .order = static_cast<uint32_t>(up_to(1))};
    policy.namespaces = random_selector(true);
    policy.workloads = random_selector();
    for (int i = up_to(3); i > 0; --i) policy.ingress.push_back(random_biplane_rule());
    for (int i = up_to(3); i > 0; --i) policy.egress.push_back(random_biplane_rule());
    desired.policies[policy.name] = policy;
}

bool is_used(const DesiredState& desired, const std::string& network, const Address& address) {
    return std::any_of(desired.workloads.begin(), desired.workloads.end(), [&](const auto& other) {
        const auto& own = other.second.addresses;
        return other.second.network == network && std::find(own.begin(), own.end(), address) != own.end();
    });
}

void add_workload(DesiredState& desired) {
    Workload w{.name = "w" + std::to_string(desired.workloads.size()), .space = one_of<const char*>({"shop", "bank", "bare"})};
    w.labels = random_labels();
    w.network = one_of<const char*>({"red", "red", "blue"});
    w.node = one_of<const char*>({"here", "near"});
    for (int i = up_to(2); i >= 0; --i) {
        const Address address = random_address();
        const bool is_own = std::find(w.addresses.begin(), w.addresses.end(), address) != w.addresses.end();
        if (!is_own && !is_used(desired, w.network, address)) w.addresses.push_back(address);
    }
    for (const uint8_t protocol : {tcp, udp})
        for (const char* name : {"http", "dns"})
            if (flip()) w.ports.push_back({name, protocol, one_of<uint16_t>({80, 443, 8080})});
    if (!w.addresses.empty()) desired.workloads[w.key()] = w;
}

void add_route(DesiredState& desired) {
    Route route{.name = "r" + std::to_string(desired.routes.size()), .network = one_of<const char*>({"red", "blue"})};
    route.destination = flip() ? random_prefix() : Prefix{flip() ? ipv4(0xc0000200) : ipv4(0xa9fe0000), 120};
    std::vector<RouteTarget> targets = {ToDiscard{}, ToHost{}, ToHost{}, ToNode{"near"}};
    for (const auto& [key, workload] : desired.workloads)
        if (workload.network == route.network) targets.push_back(ToWorkload{key});
    route.target = *rc::gen::elementOf(targets);
    const bool is_taken = std::any_of(desired.routes.begin(), desired.routes.end(), [&](const auto& other) {
        return other.second.network == route.network && other.second.destination == route.destination;
    });
    if (!is_taken) desired.routes[route.name] = route;
}

DesiredState random_documents() {
    DesiredState desired;
    desired.nodes["here"] = {.name = "here", .addresses = {ipv4(0xc0000201)}};
    desired.nodes["near"] = {.name = "near", .addresses = {ipv4(0xc0000202)}};
    for (uint32_t vni = 1; vni <= 2; ++vni) {
        VirtualNetwork network{.name = vni == 1 ? "red" : "blue", .vni = vni};
        network.subnets = {{ipv4(0x0a000000), 120}, {ipv6(0), 64}};
        desired.networks[network.name] = network;
    }
    for (const char* name : {"shop", "bank"})
        if (flip()) desired.namespaces[name] = {name, random_labels()};
    for (int i = up_to(6); i >= 0; --i) add_workload(desired);
    for (int i = up_to(4); i > 0; --i) add_route(desired);
    for (int i = up_to(4); i > 0; --i) add_network_policy(desired);
    for (int i = up_to(3); i > 0; --i) add_biplane_policy(desired);
    return desired;
}

NodeFacts facts_of(const DesiredState& desired) {
    NodeFacts facts{.node = "here"};
    facts.hosts["red"] = {.ifindex = 50, .mtu = 1500};
    uint32_t ifindex = 100;
    for (const auto& [key, workload] : desired.workloads)
        if (workload.node == "here") facts.workloads[key] = {.ifindex = ++ifindex, .mtu = 1450};
    return facts;
}

std::vector<Address> all_addresses(const DesiredState& desired, const std::string& network) {
    std::set<Address, AddressLess> addresses = {ipv4(0xc0000201), ipv4(0xc0000202), ipv4(0xc0000203), ipv4(0xa9fe0101),
                                                ipv4(0x01020304), ipv4(0x0a000020), ipv6(0x20)};
    for (const auto& [key, workload] : desired.workloads)
        if (workload.network == network) addresses.insert(workload.addresses.begin(), workload.addresses.end());
    for (int i = 0; i < 6; ++i) addresses.insert(random_address());
    return {addresses.begin(), addresses.end()};
}

void add_borders(const std::vector<PolicyPort>& ports, std::set<uint32_t>& positions) {
    for (const PolicyPort& port : ports)
        if (const auto* range = std::get_if<PortRange>(&port.port))
            for (const int value : {range->first - 1, int{range->first}, int{range->last}, range->last + 1})
                if (value >= 0 && value <= 65535) positions.insert(policy_position(port.protocol, static_cast<uint16_t>(value)));
}

std::vector<uint32_t> all_positions(const DesiredState& desired) {
    std::set<uint32_t> positions = {policy_position(gre, 0), policy_position(icmp, 0x0800), policy_position(icmpv6, 0x8000)};
    for (const uint8_t protocol : {tcp, udp, sctp})
        for (const uint16_t port : {80, 443, 8080}) positions.insert(policy_position(protocol, port));
    for (const auto& [key, policy] : desired.network_policies)
        for (const auto* rules : {&policy.ingress, &policy.egress})
            for (const PolicyMatch& match : *rules) add_borders(match.ports, positions);
    for (const auto& [name, policy] : desired.policies)
        for (const auto* rules : {&policy.ingress, &policy.egress})
            for (const BiplaneRule& rule : *rules) add_borders(rule.match.ports, positions);
    return {positions.begin(), positions.end()};
}

std::string rule_in(const Plan& plan, uint32_t decision) {
    for (const auto& [name, number] : plan.numbering.rules)
        if (number == rule_of(decision)) return name;
    return "";
}

std::string text_of(bool is_allowed, bool is_isolated, bool log, const std::string& rule) {
    return fmt::format("{}{}{} by '{}'", is_allowed ? "allowed" : "denied", is_isolated ? " isolated" : "", log ? " logged" : "",
                       rule);
}

std::string text_of(const Plan& plan, uint32_t decision) {
    return text_of(decision == 0 || (decision & policy_allow), decision & policy_isolated, decision & policy_log,
                   rule_in(plan, decision));
}

std::string text_of(const ExplainedDirection& said) {
    return text_of(said.is_allowed, said.decided_by.starts_with("isolation/"), said.log, said.decided_by);
}

// How the documents were read, for the one who looks for the mistake.
std::string reading_of(const ExplainedDirection& said) {
    std::string text = "\n  policies of '" + said.subject + "':";
    for (const ExplainedRule& rule : said.rules)
        text += fmt::format("\n    {} (action {}): {} {}", rule.name, static_cast<int>(rule.action), to_string(rule.outcome),
                            rule.note);
    return text;
}

RC_GTEST_PROP(PolicyProperties, TheTablesSayWhatThePoliciesSay, ()) {
    const DesiredState desired = random_documents();
    const TableShape shape = random_shape();
    const auto planned = plan(desired, facts_of(desired), {}, shape);
    if (!planned) RC_FAIL(planned.error().message);
    const std::string network = one_of<const char*>({"red", "red", "blue"});
    const auto addresses = all_addresses(desired, network);
    const auto positions = all_positions(desired);
    size_t judged = 0;
    for (const Address& source : addresses)
        for (const Address& destination : addresses)
            for (const uint32_t position : positions) {
                const Judgement judgement = judge_by_image(*planned, shape, network, source, destination, position);
                if (!judgement.has_routes) continue;
                const Explanation said = explain(desired, "here", {network, source}, {network, destination}, position);
                ++judged;
                std::string by_tables = text_of(*planned, judgement.egress), by_reading = text_of(said.egress);
                if (said.egress.is_allowed) {
                    by_tables += ", " + text_of(*planned, judgement.ingress);
                    by_reading += ", " + text_of(said.ingress);
                }
                if (by_tables != by_reading || judgement.is_allowed != (said.egress.is_allowed && said.ingress.is_allowed))
                    RC_FAIL(fmt::format("{} to {} at {}: tables: {}; documents: {}{}{}", to_string(source), to_string(destination),
                                        position, by_tables, by_reading, reading_of(said.egress), reading_of(said.ingress)));
            }
    RC_CLASSIFY(judged > 0);
}

RC_GTEST_PROP(PolicyProperties, RulesKeepTheirNumbers, ()) {
    const DesiredState before = random_documents(), after = random_documents();
    const TableShape shape = random_shape();
    const auto first = plan(before, facts_of(before), {}, shape);
    if (!first) RC_FAIL(first.error().message);
    const auto second = plan(after, facts_of(after), first->numbering, shape);
    if (!second) RC_FAIL(second.error().message);
    for (const auto& [name, number] : second->numbering.rules)
        if (const auto kept = first->numbering.rules.find(name); kept != first->numbering.rules.end())
            RC_ASSERT(kept->second == number);
    const auto third = plan(after, facts_of(after), second->numbering, shape);
    RC_ASSERT(third.has_value());
    RC_ASSERT(third->numbering == second->numbering);
}

RC_GTEST_PROP(PolicyProperties, AnIndexSelectsWhatTheSelectorMatches, ()) {
    std::vector<Labels> things;
    LabelIndex index;
    for (int i = up_to(12); i > 0; --i) {
        things.push_back(random_labels());
        index.add(things.back());
    }
    for (int i = 0; i < 20; ++i) {
        const LabelSelector selector = random_selector();
        LabelIndex::Numbers among, expected;
        for (uint32_t thing = 0; thing < things.size(); ++thing) {
            if (flip()) continue;
            among.push_back(thing);
            if (matches(selector, things[thing])) expected.push_back(thing);
        }
        RC_ASSERT(index.select_among(selector, among) == expected);
    }
}

void check_list(const TableImage& image, PolicyList list) {
    RC_ASSERT(list.count >= 1u);
    RC_ASSERT(size_t{list.first} + list.count <= image.policy_ranges.size());
    const PolicyRange* ranges = &image.policy_ranges[list.first];
    RC_ASSERT(ranges[0].start == 0u);
    for (uint32_t i = 1; i < list.count; ++i) {
        RC_ASSERT(ranges[i - 1].start < ranges[i].start);
        RC_ASSERT(ranges[i - 1].decision != ranges[i].decision);
    }
    RC_ASSERT(ranges[list.count - 1].start < policy_positions);
}

RC_GTEST_PROP(PolicyProperties, EveryListCoversAllPositionsInOrder, ()) {
    const DesiredState desired = random_documents();
    const auto planned = plan(desired, facts_of(desired), {}, random_shape());
    if (!planned) RC_FAIL(planned.error().message);
    const TableImage& image = planned->image;
    for (size_t subject = 1; subject < image.policy_subjects.size(); ++subject) check_list(image, image.policy_subjects[subject]);
    for (const PolicyBucket& bucket : image.policy_buckets)
        for (const PolicyPair& pair : bucket.pairs)
            if (pair.key != 0) check_list(image, pair.list);
}

}  // namespace
}  // namespace biplane
