#include "cli/policy_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "datapath/steps/judge.hpp"

namespace biplane {
namespace {

std::string string_at(const Json& json, const char* field) { return json[field].get<std::string>(); }

const char* name_of(PolicyAction action) {
    switch (action) {
        case PolicyAction::allow:
            return "allow";
        case PolicyAction::deny:
            return "deny";
        case PolicyAction::pass:
            return "pass";
    }
    return "";
}

Json end_json(const AskedEnd& end) {
    return {{"workload", end.name}, {"network", end.end.network}, {"address", to_string(end.end.address)}};
}

Json direction_json(const ExplainedDirection& direction) {
    Json rules = Json::array();
    for (const ExplainedRule& rule : direction.rules)
        rules.push_back(
            {{"rule", rule.name}, {"action", name_of(rule.action)}, {"outcome", to_string(rule.outcome)}, {"note", rule.note}});
    return {{"workload", direction.subject},
            {"isolatedBy", direction.isolated_by},
            {"allowed", direction.is_allowed},
            {"decidedBy", direction.decided_by},
            {"log", direction.log},
            {"rules", rules}};
}

const char* verdict_of(bool is_allowed) { return is_allowed ? "allowed" : "denied"; }

std::string end_text(const Json& end) {
    const std::string workload = string_at(end, "workload"), address = string_at(end, "address");
    return workload.empty() ? address : fmt::format("{} ({})", workload, address);
}

void add_direction(std::string& text, const char* name, const Json& direction) {
    const std::string workload = string_at(direction, "workload"), decided_by = string_at(direction, "decidedBy");
    if (workload.empty()) {
        text += fmt::format("  {}: no workload of ours, so no policy selects it\n", name);
        return;
    }
    if (decided_by.empty())
        text += fmt::format("  {} of {}: allowed, nothing restricts it\n", name, workload);
    else
        text += fmt::format("  {} of {}: {} by {}\n", name, workload, verdict_of(direction["allowed"].get<bool>()), decided_by);
    for (const Json& policy : direction["isolatedBy"])
        text += fmt::format("    isolated by NetworkPolicy {}\n", policy.get<std::string>());
    for (const Json& rule : direction["rules"]) {
        const std::string note = string_at(rule, "note");
        text += fmt::format("    {} ({}): {}{}{}\n", string_at(rule, "rule"), string_at(rule, "action"), string_at(rule, "outcome"),
                            note.empty() ? "" : ": ", note);
    }
}

std::string in_force_text(const Json& in_force) {
    if (in_force.is_null()) return "  in force: the tables of this node do not know this network\n";
    std::string text =
        fmt::format("  in force (epoch {}): {}\n", in_force["epoch"].get<uint32_t>(), string_at(in_force, "verdict"));
    if (!in_force["route"].get<bool>()) text += "  but no route leads to the destination on this node\n";
    return text;
}

std::string counted(uint64_t count, const std::string& thing) {
    return fmt::format("{} {}{}", count, thing, count == 1 ? "" : "s");
}

std::string cut_flow_text(const Json& flow) {
    const auto end = [&](const char* address, const char* port) {
        const std::string text = string_at(flow, address);
        const bool is_ipv6 = text.find(':') != std::string::npos;
        return fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", text, is_ipv6 ? "]" : "", flow[port].get<uint16_t>());
    };
    const std::string by = flow["rule"].is_null() ? string_at(flow, "reason") : string_at(flow, "rule");
    return fmt::format("    {} {} {} -> {}: {}\n", string_at(flow, "network"), string_at(flow, "protocol"),
                       end("source", "sourcePort"), end("destination", "destinationPort"), by);
}

std::string flows_text(const Json& flows) {
    const auto cut = flows["cut"].get<uint64_t>();
    std::string text = fmt::format("cuts {} of {}\n", cut, counted(flows["judged"].get<uint64_t>(), "live flow"));
    for (const Json& reason : flows["reasons"])
        text += fmt::format("  {} by {}\n", reason["flows"].get<uint64_t>(),
                            reason["rule"].is_null() ? string_at(reason, "reason") : string_at(reason, "rule"));
    if (!flows["examples"].empty()) text += cut > flows["examples"].size() ? "  some of them:\n" : "  they are:\n";
    for (const Json& flow : flows["examples"]) text += cut_flow_text(flow);
    return text;
}

std::string alike_text(const Json& change, const char* name, const char* number) {
    const auto count = change[number].get<uint64_t>();
    return string_at(change, name) + (count > 1 ? fmt::format(" and {} more", count - 1) : "");
}

// What holds for both families is one line.
std::string reachability_text(const Json& side, const char* verb) {
    std::string text;
    std::set<std::string> lines;
    for (const Json& change : side["changes"]) {
        const std::string line = fmt::format("  {} {} -> {}  {}\n", verb, alike_text(change, "source", "sources"),
                                             alike_text(change, "destination", "destinations"), string_at(change, "ports"));
        if (lines.insert(line).second) text += line;
    }
    const auto count = side["count"].get<uint64_t>();
    if (count > side["changes"].size()) text += fmt::format("  {} {} more\n", verb, count - side["changes"].size());
    return text;
}

}  // namespace

std::optional<DecisionInForce> decide_in_force(const SharedTables& tables, const Numbering& numbering,
                                               const PolicyQuestion& question) {
    const auto zone = numbering.zones.find(question.source.end.network);
    if (zone == numbering.zones.end()) return std::nullopt;
    const TableNames names(numbering);
    Journey j{};
    j.epoch = load(tables.config()->epoch);
    j.key.protocol = question.probe.protocol();
    j.key.destination_port = be16::from_host(question.probe.port_or_type_and_code());
    j.query_type_and_code = question.probe.port_or_type_and_code();
    const auto route_to = [&](const Address& address) {
        return RouteMatch::unpack(tables.route_to(j.epoch, zone->second, address));
    };
    const RouteMatch way = route_to(question.destination.end.address);
    const NextHop* hop = tables.next_hop(j.epoch, way.next_hop);
    const Fate fate = check_policy(tables, j, route_to(question.source.end.address).address_class, way.address_class);
    const auto rule_name = [&](uint32_t decision) { return rule_of(decision) == no_rule ? "" : names.rule(rule_of(decision)); };
    return DecisionInForce{
        .epoch = j.epoch,
        .has_route = way.next_hop != no_next_hop && hop && hop->kind != NextHopKind::none && hop->kind != NextHopKind::discard,
        .is_allowed = !fate.is_decided(),
        .egress_rule = rule_name(j.egress_decision),
        .ingress_rule = rule_name(j.ingress_decision),
        .is_ingress_asked = !fate.is_decided() || j.ingress_decision != 0};
}

bool agree(const Explanation& explanation, const DecisionInForce& in_force) {
    if (explanation.is_same_port) return true;  // nobody asks the policies then
    return explanation.is_allowed() == in_force.is_allowed && explanation.egress.decided_by == in_force.egress_rule &&
           (!in_force.is_ingress_asked || explanation.ingress.decided_by == in_force.ingress_rule);
}

Json explanation_to_json(const PolicyQuestion& question, const Explanation& explanation,
                         const std::optional<DecisionInForce>& in_force) {
    Json json = {{"source", end_json(question.source)},
                 {"destination", end_json(question.destination)},
                 {"probe", question.probe.text},
                 {"icmpType", question.probe.type_name},
                 {"verdict", verdict_of(explanation.is_allowed())},
                 {"samePort", explanation.is_same_port},
                 {"fromNode", explanation.is_from_node},
                 {"egress", direction_json(explanation.egress)},
                 {"ingress", direction_json(explanation.ingress)},
                 {"inForce", nullptr}};
    if (in_force)
        json["inForce"] = {{"epoch", in_force->epoch},
                           {"verdict", verdict_of(explanation.is_same_port || in_force->is_allowed)},
                           {"egressRule", in_force->egress_rule},
                           {"ingressRule", in_force->ingress_rule},
                           {"route", in_force->has_route},
                           {"agrees", agree(explanation, *in_force)}};
    return json;
}

std::string explanation_text(const Json& explanation) {
    const std::string type = string_at(explanation, "icmpType");
    std::string text =
        fmt::format("{} -> {}, network {}, {}{}: {}\n", end_text(explanation["source"]), end_text(explanation["destination"]),
                    string_at(explanation["source"], "network"), string_at(explanation, "probe"),
                    type.empty() ? "" : " (" + type + ")", string_at(explanation, "verdict"));
    if (explanation["samePort"].get<bool>()) text += "  both are the same workload: a workload can always reach itself\n";
    if (explanation["fromNode"].get<bool>()) text += "  the source is the node itself, which may always reach its workloads\n";
    add_direction(text, "egress", explanation["egress"]);
    add_direction(text, "ingress", explanation["ingress"]);
    return text + in_force_text(explanation["inForce"]);
}

std::string foreseen_text(const Json& foreseen) {
    const Json& reachability = foreseen["reachability"];
    const std::string changes =
        reachability_text(reachability["opens"], "opens") + reachability_text(reachability["closes"], "closes");
    std::string text = flows_text(foreseen["flows"]);
    text += changes.empty() ? "no workload's reach changes\n" : "reachability:\n" + changes;
    if (!reachability["whole"].get<bool>()) text += "  there are too many kinds of workloads: not all were compared\n";
    return text + "nothing was changed\n";
}

}  // namespace biplane
