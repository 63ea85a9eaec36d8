#include "control/policy/policy_explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "control/policy/port_words.hpp"
#include "control/policy/workload_index.hpp"
#include "layout/gateway.hpp"
#include "layout/policy.hpp"

namespace biplane {
namespace {

// What the documents say about an address.
struct Resident {
    Address address;
    const Workload* selected = nullptr;  // whose policies hold
    const Workload* named = nullptr;     // the same, if the address is its own: whom labels and named ports mean
    bool is_node = false;
    std::string text() const { return named ? named->key() : to_string(address); }
};

const Route* longest_route_document(const DesiredState& desired, const PolicyEnd& end) {
    const Route* longest = nullptr;
    for (const auto& [name, route] : desired.routes)
        if (route.network == end.network && contains(route.destination, end.address) &&
            (!longest || route.destination.length > longest->destination.length))
            longest = &route;
    for (const Prefix& subnet : desired.networks.at(end.network).subnets)
        if (longest && contains(subnet, end.address) && subnet.length > longest->destination.length) return nullptr;
    return longest;
}

Resident find_resident(const DesiredState& desired, const std::string& node, const PolicyEnd& end) {
    Resident resident{.address = end.address};
    for (const auto& [key, workload] : desired.workloads) {
        const auto& own = workload.addresses;
        if (workload.network != end.network || std::find(own.begin(), own.end(), end.address) == own.end()) continue;
        resident.selected = resident.named = &workload;
        return resident;
    }
    const Route* route = longest_route_document(desired, end);
    if (!route) return resident;
    if (const auto* to = std::get_if<ToWorkload>(&route->target)) resident.selected = &desired.workloads.at(to->key);
    if (!std::holds_alternative<ToHost>(route->target)) return resident;
    const auto self = desired.nodes.find(node);
    std::vector<Address> own = {default_gateway_ipv4, default_gateway_ipv6};
    if (self != desired.nodes.end()) own.insert(own.end(), self->second.addresses.begin(), self->second.addresses.end());
    resident.is_node = std::find(own.begin(), own.end(), end.address) != own.end();
    return resident;
}

// Why `peer` is not the other end; nothing: it is. `space`: of a NetworkPolicy.
std::optional<std::string> why_not_peer(const DesiredState& desired, const PolicyPeer& peer, const Resident& other,
                                        const std::string* space) {
    if (peer.block) {
        if (!contains(peer.block->cidr, other.address))
            return fmt::format("{} is not in {}", to_string(other.address), to_string(peer.block->cidr));
        for (const Prefix& except : peer.block->excepts)
            if (contains(except, other.address))
                return fmt::format("{} is excepted by {}", to_string(other.address), to_string(except));
        return std::nullopt;
    }
    if (!other.named) return fmt::format("{} is no workload's address", to_string(other.address));
    const bool is_space_selected = peer.namespaces ? matches(*peer.namespaces, labels_of_namespace(desired, other.named->space))
                                                   : !space || *space == other.named->space;
    if (!is_space_selected) return fmt::format("{}: namespace {} is not selected", other.named->key(), other.named->space);
    if (peer.workloads && !matches(*peer.workloads, other.named->labels))
        return fmt::format("{}: its labels are not selected", other.named->key());
    return std::nullopt;
}

std::string join(const std::vector<std::string>& reasons) {
    std::vector<std::string> distinct;
    for (const std::string& reason : reasons)
        if (std::find(distinct.begin(), distinct.end(), reason) == distinct.end()) distinct.push_back(reason);
    constexpr size_t shown = 3;
    std::string text;
    for (size_t i = 0; i < distinct.size() && i < shown; ++i) text += (i == 0 ? "" : "; ") + distinct[i];
    return distinct.size() > shown ? fmt::format("{}; and {} more", text, distinct.size() - shown) : text;
}

// The same for ports. Names mean ports of `destination`.
std::optional<std::string> why_not_port(const PolicyPort& port, uint32_t position, const Workload* destination) {
    const bool is_protocol = port.protocol == position >> 16;
    const auto number = static_cast<uint16_t>(position);
    if (const auto* range = std::get_if<PortRange>(&port.port)) {
        if (is_protocol && number >= range->first && number <= range->last) return std::nullopt;
        return fmt::format("the rule is about {}", range_text(port.protocol, *range));
    }
    const std::string& name = std::get<PortName>(port.port).name;
    std::string there;
    if (destination)
        for (const NamedPort& named : destination->ports) {
            if (named.name != name || named.protocol != port.protocol) continue;
            if (is_protocol && named.port == number) return std::nullopt;
            there += fmt::format(" {}", named.port);
        }
    return fmt::format("the rule is about {} {}, which is{} there", protocol_text(port.protocol), name,
                       there.empty() ? " none" : there);
}

// One direction of one flow.
class DirectionReader {
   public:
    DirectionReader(const DesiredState& desired, Direction direction, const Resident& source, const Resident& destination,
                    uint32_t position)
        : desired_(desired),
          direction_(direction),
          subject_(direction == Direction::ingress ? destination : source),
          other_(direction == Direction::ingress ? source : destination),
          // What a port receives stands under the workload's policies, whatever address it is for.
          port_owner_(direction == Direction::ingress ? destination.selected : destination.named),
          position_(position) {}

    ExplainedDirection read() {
        if (!subject_.selected) return said_;
        said_.subject = subject_.selected->key();
        read_biplane_policies();
        read_network_policies();
        return said_;
    }

   private:
    const Workload& subject() const { return *subject_.selected; }
    bool is_ingress() const { return direction_ == Direction::ingress; }

    void read_biplane_policies() {
        const Labels space_labels = labels_of_namespace(desired_, subject().space);
        std::vector<const BiplanePolicy*> selecting;
        for (const auto& [name, policy] : desired_.policies)
            if (matches(policy.namespaces, space_labels) && matches(policy.workloads, subject().labels))
                selecting.push_back(&policy);
        std::sort(selecting.begin(), selecting.end(),
                  [](auto* a, auto* b) { return std::tie(a->order, a->name) < std::tie(b->order, b->name); });
        for (const BiplanePolicy* policy : selecting) {
            const auto& rules = is_ingress() ? policy->ingress : policy->egress;
            for (size_t i = 0; i < rules.size(); ++i) read_biplane_rule(rules[i], rule_name(*policy, direction_, i, rules[i]));
        }
    }

    void read_biplane_rule(const BiplaneRule& rule, const std::string& name) {
        if (!read_rule(rule.match, name, rule.action, nullptr) || is_settled_) return;
        is_settled_ = true;
        said_.log = rule.log;
        if (rule.action == PolicyAction::pass) {
            said_.rules.back().outcome = RuleOutcome::passed;
            return;
        }
        is_final_ = true;
        decide(name, rule.action == PolicyAction::allow);
    }

    void read_network_policies() {
        bool is_allowed_by_one = false;
        for (const auto& [key, policy] : desired_.network_policies) {
            if (policy.space != subject().space || !(is_ingress() ? policy.isolates_ingress : policy.isolates_egress)) continue;
            if (!matches(policy.workloads, subject().labels)) continue;
            said_.isolated_by.push_back(policy.key());
            const auto& rules = is_ingress() ? policy.ingress : policy.egress;
            for (size_t i = 0; i < rules.size(); ++i) {
                const std::string name = rule_name(policy, direction_, i);
                if (!read_rule(rules[i], name, PolicyAction::allow, &policy.space) || is_final_ || is_allowed_by_one) continue;
                is_allowed_by_one = true;
                decide(name, true);
            }
        }
        if (is_final_ || is_allowed_by_one || said_.isolated_by.empty()) return;
        said_.is_allowed = false;
        said_.decided_by = isolation_name(direction_, said_.isolated_by);
    }

    void decide(const std::string& name, bool is_allowed) {
        said_.rules.back().outcome = RuleOutcome::decided;
        said_.decided_by = name;
        said_.is_allowed = is_allowed;
    }

    // Notes what the rule has to do with the flow. True: it matches.
    bool read_rule(const PolicyMatch& match, const std::string& name, PolicyAction action, const std::string* space) {
        ExplainedRule& said = said_.rules.emplace_back(ExplainedRule{name, action, RuleOutcome::matched_too, ""});
        std::vector<std::string> reasons;
        bool matches_one = match.peers.empty();
        for (const PolicyPeer& peer : match.peers) {
            const auto reason = why_not_peer(desired_, peer, other_, space);
            matches_one |= !reason;
            if (reason) reasons.push_back(*reason);
        }
        if (!matches_one) {
            said.outcome = RuleOutcome::other_peer;
            said.note = join(reasons);
            return false;
        }
        reasons.clear();
        matches_one = match.ports.empty();
        for (const PolicyPort& port : match.ports) {
            const auto reason = why_not_port(port, position_, port_owner_);
            matches_one |= !reason;
            if (reason) reasons.push_back(*reason);
        }
        if (matches_one) return true;
        said.outcome = RuleOutcome::other_port;
        said.note = join(reasons);
        return false;
    }

    const DesiredState& desired_;
    const Direction direction_;
    const Resident &subject_, &other_;
    const Workload* const port_owner_;
    const uint32_t position_;
    bool is_settled_ = false;  // a rule of a BiplanePolicy matched
    bool is_final_ = false;    // and did not pass
    ExplainedDirection said_;
};

}  // namespace

std::string to_string(RuleOutcome outcome) {
    switch (outcome) {
        case RuleOutcome::decided:
            return "decided";
        case RuleOutcome::matched_too:
            return "matched too";
        case RuleOutcome::passed:
            return "passed";
        case RuleOutcome::other_peer:
            return "other peer";
        case RuleOutcome::other_port:
            return "other port";
    }
    return "";
}

Explanation explain(const DesiredState& desired, const std::string& node, const PolicyEnd& source, const PolicyEnd& destination,
                    uint32_t position) {
    const Resident from = find_resident(desired, node, source), to = find_resident(desired, node, destination);
    Explanation explanation;
    explanation.is_same_port = from.selected && from.selected == to.selected;
    explanation.is_from_node = from.is_node;
    explanation.egress = DirectionReader(desired, Direction::egress, from, to, position).read();
    if (!from.is_node) explanation.ingress = DirectionReader(desired, Direction::ingress, from, to, position).read();
    return explanation;
}

}  // namespace biplane
