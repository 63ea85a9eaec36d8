// apply, diff, get, delete: the documents.
#include <fmt/format.h>

#include <iostream>
#include <optional>

#include "base/in_quotes.hpp"
#include "cli/command.hpp"
#include "cli/document_request.hpp"
#include "cli/document_rows.hpp"
#include "cli/table.hpp"
#include "views/document_json.hpp"

namespace biplane {
namespace {

constexpr char kinds_expected[] = "network, node, namespace, workload, route, networkpolicy or biplanepolicy";

struct ChangeOptions {
    std::vector<std::string> sources;
    std::string output;
    std::string kind, name;
    bool is_dry_run = false;
    bool is_diff = false;
    std::optional<uint64_t> max_cut;

    std::string query() const {
        std::string query = is_dry_run ? "?dryRun=true" : "";
        if (max_cut) query += fmt::format("{}maxCut={}", query.empty() ? "?" : "&", *max_cut);
        return query;
    }
};

Result<Exit> send_change(const Context& context, const std::string& method, const std::string& target, const std::string& body,
                         const ChangeOptions& options) {
    const auto outcome = ask_agent_for_json(context, method, target + options.query(), body);
    if (!outcome) return tl::unexpected(outcome.error());
    if (options.output == "json")
        std::cout << to_text(*outcome);
    else
        print_changes(*outcome, options.is_dry_run);
    const bool differs = options.is_diff && !(*outcome)["changes"].empty();
    return differs ? Exit::failed : Exit::done;
}

Result<Exit> send_sources(const Context& context, const std::string& target, const ChangeOptions& options) {
    const auto body = request_body(options.sources);
    if (!body) return tl::unexpected(body.error());
    return send_change(context, "POST", target, *body, options);
}

// As diff(1): 1 means that there are differences, so what went wrong has another code.
Result<Exit> diff_sources(const Context& context, ChangeOptions& options) {
    options.is_dry_run = options.is_diff = true;
    auto done = send_sources(context, "/v1/apply", options);
    if (!done && done.error().code != agent_unreachable) return failure(done.error().message, usage_error);
    return done;
}

Result<std::string> kind_of(const std::string& text) {
    const auto kind = parse_kind(text);
    if (!kind) return failure(fmt::format("{} is no kind: expected {}", in_quotes(text), kinds_expected), usage_error);
    return *kind;
}

Result<Exit> delete_documents(const Context& context, const ChangeOptions& options) {
    if (!options.sources.empty() && options.kind.empty()) return send_sources(context, "/v1/delete", options);
    if (!options.sources.empty() || options.kind.empty() || options.name.empty())
        return failure("give either KIND and NAME, or -f FILE", usage_error);
    const auto kind = kind_of(options.kind);
    if (!kind) return tl::unexpected(kind.error());
    return send_change(context, "DELETE", "/v1/documents/" + *kind + "/" + ApiClient::encode(options.name), {}, options);
}

void print_documents(const Json& documents, bool wide) {
    std::string kind;
    Json rows = Json::array();
    const auto flush = [&] {
        if (rows.empty()) return;
        fmt::print("{}\n", kind);
        std::fflush(stdout);
        print_table(std::cout, columns_of(kind), wide, rows);
        std::cout << std::flush;
        rows.clear();
    };
    for (const Json& document : documents) {
        if (document["kind"] != kind) flush();
        kind = document["kind"].get<std::string>();
        rows.push_back(row_of(document));
    }
    flush();
}

Result<Exit> get_documents(const Context& context, const ChangeOptions& options) {
    std::string target = "/v1/documents";
    if (!options.kind.empty() && options.kind != "all") {
        const auto kind = kind_of(options.kind);
        if (!kind) return tl::unexpected(kind.error());
        target += "/" + *kind;
        if (!options.name.empty()) target += "/" + ApiClient::encode(options.name);
    }
    if (options.output == "yaml") target += "?output=yaml";
    const auto text = ask_agent(context, "GET", target);
    if (!text) return tl::unexpected(text.error());
    if (options.output == "yaml" || options.output == "json") {
        std::cout << *text;
        return Exit::done;
    }
    const Json json = Json::parse(*text, nullptr, false);
    print_documents(json.is_array() ? json : Json::array({json}), options.output == "wide");
    return Exit::done;
}

}  // namespace

std::vector<Command> add_document_commands(CLI::App& app, const Context& context) {
    const auto options = std::make_shared<ChangeOptions>();
    CLI::App* apply = app.add_subcommand("apply", "put documents into force; returns when they are");
    CLI::App* diff =
        app.add_subcommand("diff", "show what apply would change; changes nothing; exit code 1 if there are differences");
    CLI::App* remove = app.add_subcommand("delete", "remove documents");
    CLI::App* get = app.add_subcommand("get", "show documents");
    for (CLI::App* command : {apply, diff})
        command->add_option("-f,--file", options->sources, "a file, a directory, or - for standard input")->required();
    remove->add_option("-f,--file", options->sources, "remove all documents that stand in it");
    for (CLI::App* command : {get, remove}) {
        command->add_option("KIND", options->kind, kinds_expected);
        command->add_option("NAME", options->name, "of a workload or networkpolicy: [NAMESPACE/]NAME");
    }
    apply->add_flag("--dry-run", options->is_dry_run, "check everything, change nothing");
    remove->add_flag("--dry-run", options->is_dry_run, "check everything, change nothing");
    for (CLI::App* command : {apply, remove})
        command->add_option("--max-cut", options->max_cut, "refuse to cut more live flows of this node than so many")
            ->check(CLI::NonNegativeNumber)  // else -1 would be the largest number there is
            ->type_name("N");
    for (CLI::App* command : {apply, diff, remove}) add_output_option(*command, options->output, {"json"});
    add_output_option(*get, options->output, {"json", "yaml", "wide"});
    return {{apply, [=, &context] { return send_sources(context, "/v1/apply", *options); }},
            {diff, [=, &context] { return diff_sources(context, *options); }},
            {remove, [=, &context] { return delete_documents(context, *options); }},
            {get, [=, &context] { return get_documents(context, *options); }}};
}

}  // namespace biplane
