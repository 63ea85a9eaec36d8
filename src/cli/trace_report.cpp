#include "cli/trace_report.hpp"

#include <fmt/format.h>
#include <net/if.h>

#include "datapath/flows/flow_state.hpp"
#include "views/flow_view.hpp"

namespace biplane {
namespace {

const char* to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::undecided:
            return "undecided";
        case Verdict::forward:
            return "forward";
        case Verdict::deliver:
            return "deliver";
        case Verdict::answer:
            return "answer";
        case Verdict::punt:
            return "punt";
        case Verdict::cut:
            return "cut";
        case Verdict::drop:
            return "drop";
    }
    return "unknown";
}

const char* to_string(PuntReason reason) {
    switch (reason) {
        case PuntReason::placed:
            return "the network is placed in the user plane";
        case PuntReason::flow_placed:
            return "the flow is placed in the user plane";
    }
    return "unknown";
}

std::string interface_of(uint32_t ifindex) {
    char name[IF_NAMESIZE];
    return if_indextoname(ifindex, name) == nullptr ? "#" + std::to_string(ifindex) : name;
}

Json packet_json(const TraceRecord& record) {
    return {{"protocol", protocol_name(record.key.protocol)},           {"source", to_string(record.key.source)},
            {"sourcePort", record.key.source_port.to_host()},           {"destination", to_string(record.key.destination)},
            {"destinationPort", record.key.destination_port.to_host()}, {"ttl", record.ttl}};
}

Json flow_json(const LiveTables& live, const TraceRecord& record) {
    if (record.flow == no_flow) return {{"known", false}, {"judged", record.judged != 0}};
    const FlowEntry* entry = live.tables.flow(record.flow);
    return {{"known", true},
            {"number", record.flow},
            {"state", to_string(state_of(record.flow_mode))},
            {"plane", to_string(record.flow_mode & flow_mode_user_plane ? Plane::user : Plane::kernel)},
            {"direction", record.flow_mode & flow_mode_reverse ? "reply" : "forward"},
            {"judged", record.judged != 0},
            {"packets", entry == nullptr ? 0 : entry->packets}};
}

Json route_json(const TraceRecord& record) {
    if (!record.route_looked_up) return nullptr;
    if (record.next_hop == no_next_hop) return {{"destination", ""}, {"found", false}};
    const Prefix prefix{record.key.destination, record.route_length};
    return {{"destination", to_string(Prefix{network_of(prefix), prefix.length})}, {"found", true}};
}

const char* decision_name(uint32_t decision) {
    if (decision & policy_allow) return "allow";
    return decision & policy_isolated ? "not allowed" : "deny";
}

// What the policies of both ends say, and which rule says it; null where none restricts.
Json policy_json(const LiveTables& live, const TraceRecord& record) {
    const auto side = [&](uint32_t decision) -> Json {
        if (decision == 0) return nullptr;
        return {{"decision", decision_name(decision)}, {"rule", live.names.rule(rule_of(decision))}};
    };
    if (!record.judged) return nullptr;
    return {{"egress", side(record.egress_decision)}, {"ingress", side(record.ingress_decision)}};
}

Json next_hop_json(const LiveTables& live, const TraceRecord& record) {
    if (record.next_hop == no_next_hop) return nullptr;
    const NextHop& hop = *live.tables.next_hop(record.epoch, record.next_hop);
    Json json = {{"name", live.names.next_hop(record.next_hop)}};
    switch (hop.kind) {
        case NextHopKind::none:
            json["kind"] = "none";
            return json;
        case NextHopKind::discard:
            json["kind"] = "discard";
            return json;
        case NextHopKind::deliver:
            json["kind"] = "deliver";
            break;
        case NextHopKind::host:
            json["kind"] = "host";
            break;
        case NextHopKind::encapsulate:
            json["kind"] = "encapsulate";
            break;
    }
    json["interface"] = interface_of(hop.ifindex);
    json["mtu"] = hop.mtu;
    return json;
}

// What will be written into a packet that leaves.
Json rewrite_json(const LiveTables& live, const TraceRecord& record) {
    if (record.verdict != Verdict::forward && record.verdict != Verdict::deliver) return nullptr;
    if (record.next_hop == no_next_hop) return nullptr;
    const NextHop& hop = *live.tables.next_hop(record.epoch, record.next_hop);
    const bool came_encapsulated = record.inner_offset > 14;
    Json json = {{"sourceMac", to_string(hop.source_mac)}, {"destinationMac", to_string(hop.destination_mac)}};
    json["ttl"] = came_encapsulated ? record.ttl : record.ttl - 1;
    if (hop.kind == NextHopKind::encapsulate)
        json["tunnel"] = {{"source", to_string(hop.tunnel_source)},
                          {"destination", to_string(hop.tunnel_destination)},
                          {"vni", live.tables.zone(record.epoch, record.zone)->vni}};
    json["tunnelRemoved"] = came_encapsulated;
    return json;
}

Json verdict_json(const TraceRecord& record) {
    Json json = {{"verdict", to_string(record.verdict)}};
    if (record.verdict == Verdict::punt) json["explanation"] = to_string(static_cast<PuntReason>(record.detail));
    if (record.verdict != Verdict::drop || record.detail >= drop_reasons) return json;
    json["reason"] = drop_reason_table[record.detail].name;
    json["explanation"] = drop_reason_table[record.detail].explanation;
    return json;
}

Json plane_json(const LiveTables& live, const TraceRecord& record, const char* plane) {
    const Zone* zone = live.tables.zone(record.epoch, record.zone);
    Json json = {{"plane", plane}, {"epoch", record.epoch}};
    json["network"] = record.zone == no_zone ? "" : live.names.network(record.zone);
    json["zone"] = record.zone;
    json["vni"] = zone == nullptr ? 0 : zone->vni;
    json["packet"] = packet_json(record);
    json["flow"] = flow_json(live, record);
    json["route"] = route_json(record);
    json["policy"] = policy_json(live, record);
    json["nextHop"] = next_hop_json(live, record);
    json["rewrite"] = rewrite_json(live, record);
    json.update(verdict_json(record));
    return json;
}

// --- as text ---

class Lines {
   public:
    void add(const char* step, const std::string& text) { text_ += fmt::format("  {:<9} {}\n", step, text); }
    void title(const std::string& text) { text_ += text + "\n"; }
    std::string take() { return std::move(text_); }

   private:
    std::string text_;
};

std::string string_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::string flow_text(const Json& flow) {
    if (!flow["known"].get<bool>()) return flow["judged"].get<bool>() ? "new: judged now" : "none";
    return fmt::format("known: {}, {} plane, {} direction, {} packets{}", string_of(flow["state"]), string_of(flow["plane"]),
                       string_of(flow["direction"]), string_of(flow["packets"]),
                       flow["judged"].get<bool>() ? "; judged again now" : "");
}

std::string next_hop_text(const Json& hop) {
    std::string text = fmt::format("{}: {}", string_of(hop["name"]), string_of(hop["kind"]));
    if (hop.contains("interface")) text += fmt::format(" through {}, MTU {}", string_of(hop["interface"]), string_of(hop["mtu"]));
    return text;
}

std::string rewrite_text(const Json& rewrite, const Json& packet) {
    std::string text = fmt::format("TTL {} -> {}, MAC {} -> {}", string_of(packet["ttl"]), string_of(rewrite["ttl"]),
                                   string_of(rewrite["sourceMac"]), string_of(rewrite["destinationMac"]));
    if (rewrite["tunnelRemoved"].get<bool>()) text += ", VXLAN header removed";
    if (rewrite.contains("tunnel"))
        text += fmt::format(", VXLAN {} -> {} with VNI {}", string_of(rewrite["tunnel"]["source"]),
                            string_of(rewrite["tunnel"]["destination"]), string_of(rewrite["tunnel"]["vni"]));
    return text;
}

void add_plane(Lines& lines, const Json& plane) {
    const Json& packet = plane["packet"];
    lines.title(fmt::format("{} plane, epoch {}", string_of(plane["plane"]), string_of(plane["epoch"])));
    lines.add("packet", fmt::format("{} {} port {} -> {} port {}, TTL {}", string_of(packet["protocol"]),
                                    string_of(packet["source"]), string_of(packet["sourcePort"]), string_of(packet["destination"]),
                                    string_of(packet["destinationPort"]), string_of(packet["ttl"])));
    if (plane["zone"] != 0)
        lines.add("zone", fmt::format("{}: network {}, VNI {}", string_of(plane["zone"]), string_of(plane["network"]),
                                      string_of(plane["vni"])));
    lines.add("flow", flow_text(plane["flow"]));
    if (!plane["route"].is_null())
        lines.add("route", plane["route"]["found"].get<bool>() ? string_of(plane["route"]["destination"]) : "none");
    for (const char* side : {"egress", "ingress"})
        if (!plane["policy"].is_null() && !plane["policy"][side].is_null())
            lines.add(side, fmt::format("{}: {}", string_of(plane["policy"][side]["decision"]),
                                        string_of(plane["policy"][side]["rule"])));
    if (!plane["nextHop"].is_null()) lines.add("next hop", next_hop_text(plane["nextHop"]));
    if (!plane["rewrite"].is_null()) lines.add("rewrite", rewrite_text(plane["rewrite"], packet));
    std::string verdict = string_of(plane["verdict"]);
    if (plane.contains("reason")) verdict += ": " + string_of(plane["reason"]);
    if (plane.contains("explanation")) verdict += ": " + string_of(plane["explanation"]);
    lines.add("verdict", verdict);
}

}  // namespace

Json report_trace(const LiveTables& live, const TraceRun& run, const TracePacket& packet, const std::string& hook) {
    const Port& port = *live.tables.port(run.kernel.epoch, run.kernel.port);
    Json report = plane_json(live, run.kernel, "kernel");
    report["port"] = {{"name", live.names.port_name(run.kernel.port)},
                      {"kind", to_string(port.kind)},
                      {"interface", interface_of(port.ifindex)},
                      {"hook", hook},
                      {"program", run.program}};
    report["packet"]["sourceMac"] = to_string(packet.source_mac);
    report["packet"]["destinationMac"] = to_string(packet.destination_mac);
    report["userPlane"] = run.user ? plane_json(live, *run.user, "user") : Json(nullptr);
    return report;
}

std::string to_lines(const Json& report) {
    const Json& port = report["port"];
    Lines lines;
    lines.title(fmt::format("in through {} port {}: interface {}, {}, program {}", string_of(port["kind"]), string_of(port["name"]),
                            string_of(port["interface"]), string_of(port["hook"]), string_of(port["program"])));
    add_plane(lines, report);
    if (!report["userPlane"].is_null()) add_plane(lines, report["userPlane"]);
    lines.title("nothing was changed: no flow, no counter, no packet");
    return lines.take();
}

}  // namespace biplane
