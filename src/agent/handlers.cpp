#include "agent/handlers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "agent/audit.hpp"
#include "base/in_quotes.hpp"
#include "control/documents/documents.hpp"
#include "views/document_json.hpp"
#include "views/flow_list.hpp"
#include "views/metrics.hpp"

namespace biplane {
namespace {

constexpr uint64_t flows_listed_by_default = 10000;
constexpr uint64_t flows_listed_max = 200000;  // some 100 MB of text
constexpr size_t foreseen_listed_by_default = 20;
constexpr size_t foreseen_listed_max = 100000;

std::optional<std::string> parameter(const ApiRequest& request, const std::string& key) {
    const auto found = request.query.find(key);
    if (found == request.query.end()) return std::nullopt;
    return found->second;
}

bool is_true(const std::optional<std::string>& value) { return value == "true" || value == "1" || value == ""; }

// The body: one YAML stream, or {"files": [{"name": ..., "text": ...}, ...]}, which is put into force as one.
Result<std::vector<DocumentText>> read_texts(const ApiRequest& request) {
    if (request.body.find_first_not_of(" \t\r\n") == std::string::npos) return failure("the request has no documents in it");
    if (!request.body.starts_with("{\"files\""))
        return std::vector<DocumentText>{{parameter(request, "file").value_or("request"), request.body}};
    const Json json = Json::parse(request.body, nullptr, false);
    if (json.is_discarded() || !json["files"].is_array())
        return failure("the body is neither YAML documents nor {\"files\": [...]}");
    std::vector<DocumentText> texts;
    for (const Json& file : json["files"]) {
        if (!file.is_object() || !file.contains("name") || !file.contains("text") || !file["name"].is_string() ||
            !file["text"].is_string())
            return failure("an element of \"files\" needs \"name\" and \"text\"");
        texts.push_back({file["name"].get<std::string>(), file["text"].get<std::string>()});
    }
    return texts;
}

Result<std::vector<Document>> read_documents(const ApiRequest& request) {
    const auto texts = read_texts(request);
    if (!texts) return tl::unexpected(texts.error());
    return parse_documents(*texts);
}

Json to_json(const Timings& timings) {
    return {{"parse", timings.parse}, {"check", timings.check}, {"store", timings.store},
            {"host", timings.host},   {"plan", timings.plan},   {"publish", timings.publish}};
}

ApiReply reply_to(const ApiRequest& request, const tl::expected<ApplyOutcome, Refusal>& outcome, bool is_dry_run, double parse_ms) {
    if (!outcome) return error_reply(outcome.error().status, outcome.error().message);
    if (!is_dry_run) log_changes(request.sender, *outcome);
    Timings timings = outcome->timings;
    timings.parse = parse_ms;
    return json_reply({{"changes", to_json(outcome->changes)},
                       {"warnings", outcome->warnings},
                       {"revision", outcome->revision},
                       {"epoch", outcome->epoch},
                       {"timings", to_json(timings)}});
}

template <typename T>
Status read_number(const ApiRequest& request, const std::string& key, std::optional<T>& number) {
    const auto text = parameter(request, key);
    if (!text) return {};
    T value{};
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size())
        return failure(fmt::format("{}: \"{}\" is not a number in range", key, *text));
    number = value;
    return {};
}

Result<ChangeOptions> read_change_options(const ApiRequest& request) {
    ChangeOptions options{
        .dry_run = is_true(parameter(request, "dryRun")), .may_move = parameter(request, "moves") != "false", .max_cut = {}};
    if (auto read = read_number(request, "maxCut", options.max_cut); !read) return tl::unexpected(read.error());
    return options;
}

ApiReply apply(Agent& agent, const ApiRequest& request) {
    Stopwatch stopwatch;
    const auto documents = read_documents(request);
    const double parse_ms = stopwatch.lap_ms();
    if (!documents) return error_reply(400, documents.error().message);
    const auto options = read_change_options(request);
    if (!options) return error_reply(400, options.error().message);
    return reply_to(request, agent.apply(*documents, *options), options->dry_run, parse_ms);
}

std::vector<DocumentName> names_of(const std::vector<Document>& documents) {
    std::vector<DocumentName> names;
    for (const Document& document : documents) names.push_back({document.kind, document.name});
    return names;
}

ApiReply remove_all(Agent& agent, const ApiRequest& request) {
    Stopwatch stopwatch;
    const auto documents = read_documents(request);
    const double parse_ms = stopwatch.lap_ms();
    if (!documents) return error_reply(400, documents.error().message);
    const auto options = read_change_options(request);
    if (!options) return error_reply(400, options.error().message);
    return reply_to(request, agent.remove(names_of(*documents), *options), options->dry_run, parse_ms);
}

ApiReply test_policies(const Agent& agent, const ApiRequest& request) {
    const auto documents = read_documents(request);
    if (!documents) return error_reply(400, documents.error().message);
    std::optional<size_t> limit;
    if (auto read = read_number(request, "limit", limit); !read) return error_reply(400, read.error().message);
    const size_t listed_max = std::min(limit.value_or(foreseen_listed_by_default), foreseen_listed_max);
    const auto is_removal = parameter(request, "delete");
    const auto foreseen = is_removal && is_true(is_removal) ? agent.foresee_remove(names_of(*documents), listed_max)
                                                            : agent.foresee_apply(*documents, listed_max);
    return foreseen ? json_reply(*foreseen) : error_reply(foreseen.error().status, foreseen.error().message);
}

// "KIND", "KIND/NAME" or "KIND/NAMESPACE/NAME", empty for everything.
struct Selection {
    std::string kind;
    std::string name;
};
Result<Selection> parse_selection(const std::string& path) {
    if (path.empty()) return Selection{};
    const size_t slash = path.find('/');
    const auto kind = parse_kind(path.substr(0, slash));
    if (!kind)
        return failure(
            fmt::format("{} is no kind: expected one of {}", in_quotes(path.substr(0, slash)), fmt::join(kind_names(), ", ")));
    const std::string name = slash == std::string::npos ? "" : path.substr(slash + 1);
    return Selection{*kind, name.empty() ? name : full_name({*kind, name})};
}

ApiReply get_documents(const Agent& agent, const ApiRequest& request, const std::string& path) {
    const auto selection = parse_selection(path);
    if (!selection) return error_reply(404, selection.error().message);
    const bool wants_yaml = parameter(request, "output") == "yaml";
    Json list = Json::array();
    std::string yaml;
    bool is_found = false;
    for (const Document& document : to_documents(agent.desired())) {
        if (!selection->kind.empty() && document.kind != selection->kind) continue;
        if (!selection->name.empty() && document.name != selection->name) continue;
        is_found = true;
        if (wants_yaml)
            yaml += (yaml.empty() ? "" : "---\n") + text_of(document);
        else
            list.push_back(to_json(document));
    }
    if (!selection->name.empty() && !is_found)
        return error_reply(404, fmt::format("there is no {} \"{}\"", selection->kind, selection->name));
    if (wants_yaml) return {200, yaml, "application/yaml"};
    return json_reply(selection->name.empty() ? list : list[0]);
}

ApiReply delete_document(Agent& agent, const ApiRequest& request, const std::string& path) {
    const auto selection = parse_selection(path);
    if (!selection) return error_reply(404, selection.error().message);
    if (selection->name.empty()) return error_reply(400, "a name is needed: DELETE /v1/documents/KIND/NAME");
    const auto options = read_change_options(request);
    if (!options) return error_reply(400, options.error().message);
    return reply_to(request, agent.remove({{selection->kind, selection->name}}, *options), options->dry_run, 0);
}

// A query parameter that a parser of Result<T> understands.
template <typename T, typename Parse>
Status read_parsed(const ApiRequest& request, const std::string& key, Parse parse, std::optional<T>& value) {
    const auto text = parameter(request, key);
    if (!text) return {};
    const auto parsed = parse(*text);
    if (!parsed) return parsed.error().within(key);
    value = *parsed;
    return {};
}

Result<FlowFilter> read_filter(const ApiRequest& request) {
    FlowFilter filter;
    filter.network = parameter(request, "network");
    Status read = read_parsed(request, "plane", parse_plane, filter.plane);
    if (read) read = read_parsed(request, "protocol", parse_protocol, filter.protocol);
    if (read) read = read_parsed(request, "source", parse_prefix, filter.source);
    if (read) read = read_parsed(request, "destination", parse_prefix, filter.destination);
    if (read) read = read_number(request, "port", filter.port);
    if (!read) return tl::unexpected(read.error());
    return filter;
}

ApiReply get_flows(const Agent& agent, const ApiRequest& request) {
    const auto filter = read_filter(request);
    if (!filter) return error_reply(400, filter.error().message);
    std::optional<uint64_t> limit;
    if (auto read = read_number(request, "limit", limit); !read) return error_reply(400, read.error().message);
    if (limit > flows_listed_max)
        return error_reply(400, fmt::format("limit: {} flows at most; biplane flows lists them all", flows_listed_max));
    return agent.read_tables([&](const SharedTables& tables, const TableNames& names, const DesiredState& desired) {
        if (filter->network && !desired.networks.contains(*filter->network))
            return error_reply(404, fmt::format("there is no network {}", in_quotes(*filter->network)));
        return ApiReply{200, flows_json({tables, names, *filter, current_tick()}, limit.value_or(flows_listed_by_default))};
    });
}

ApiReply get_drops(const Agent& agent, const ApiRequest& request) {
    return agent.read_tables([&](const SharedTables& tables, const TableNames& names, const DesiredState&) {
        const auto all = parameter(request, "all");
        return json_reply(drops_to_json(read_ports(tables), names, all && is_true(all)));
    });
}

ApiReply get_routes(const Agent& agent) {
    return agent.read_tables([](const SharedTables& tables, const TableNames& names, const DesiredState& desired) {
        return json_reply(routes_to_json(tables, names, &desired));
    });
}

ApiReply get_metrics(const Agent& agent) {
    return agent.read_tables([](const SharedTables& tables, const TableNames& names, const DesiredState&) {
        return ApiReply{200, metrics_text(tables, names), metrics_content_type};
    });
}

// What follows `prefix` in the path, "" for the prefix itself; nothing if it is another path.
std::optional<std::string> below(const std::string& path, const std::string& prefix) {
    if (path == prefix) return "";
    if (path.starts_with(prefix + "/")) return path.substr(prefix.size() + 1);
    return std::nullopt;
}

ApiReply get(const Agent& agent, const ApiRequest& request) {
    if (const auto path = below(request.path, "/v1/documents")) return get_documents(agent, request, *path);
    if (request.path == "/v1/status") return json_reply(agent.status());
    if (request.path == "/v1/ports") return json_reply(agent.ports());
    if (request.path == "/v1/networks") return json_reply(agent.networks());
    if (request.path == "/v1/nodes") return json_reply(agent.nodes());
    if (request.path == "/v1/workloads") return json_reply(agent.workloads());
    if (request.path == "/v1/flows") return get_flows(agent, request);
    if (request.path == "/v1/drops") return get_drops(agent, request);
    if (request.path == "/v1/routes") return get_routes(agent);
    if (request.path == "/metrics") return get_metrics(agent);
    return error_reply(404, "there is nothing to get at " + request.path);
}

}  // namespace

ApiHandler make_handler(Agent& agent) {
    return [&agent](const ApiRequest& request) {
        if (request.method == "GET") return get(agent, request);
        if (request.method == "POST" && request.path == "/v1/apply") return apply(agent, request);
        if (request.method == "POST" && request.path == "/v1/delete") return remove_all(agent, request);
        if (request.method == "POST" && request.path == "/v1/policy/test") return test_policies(agent, request);
        if (request.method == "DELETE")
            if (const auto path = below(request.path, "/v1/documents")) return delete_document(agent, request, *path);
        return error_reply(404, request.method + " is not possible at " + request.path);
    };
}

}  // namespace biplane
