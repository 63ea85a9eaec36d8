// apply, diff, get, delete: the documents.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "api/document_json.hpp"
#include "base/in_quotes.hpp"
#include "cli/command.hpp"
#include "cli/document_rows.hpp"
#include "cli/table.hpp"

namespace biplane {
namespace {

constexpr char kinds_expected[] = "network, node, namespace, workload, route, networkpolicy or biplanepolicy";

struct NamedText {
    std::string name;
    std::string text;
};

Result<std::string> read_stream(std::istream& stream, const std::string& name) {
    std::string text(std::istreambuf_iterator<char>(stream), {});
    if (stream.bad()) return failure("cannot read " + name);
    return text;
}

Result<std::string> read_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) return failed_call("open " + path, errno);
    return read_stream(file, path);
}

// A file, "-" for standard input, or the files *.yaml, *.yml and *.json of a directory in the order of their names.
Result<std::vector<NamedText>> read_source(const std::string& source) {
    std::vector<std::string> paths;
    std::error_code error;
    if (source == "-") {
        auto text = read_stream(std::cin, "standard input");
        if (!text) return tl::unexpected(text.error());
        return std::vector<NamedText>{{"stdin", *text}};
    }
    if (!std::filesystem::is_directory(source, error)) {
        paths.push_back(source);
    } else {
        for (const auto& entry : std::filesystem::directory_iterator(source, error)) {
            const std::string extension = entry.path().extension();
            if (extension == ".yaml" || extension == ".yml" || extension == ".json") paths.push_back(entry.path());
        }
        std::sort(paths.begin(), paths.end());
        if (paths.empty()) return failure("there is no *.yaml, *.yml or *.json in " + source);
    }
    std::vector<NamedText> texts;
    for (const std::string& path : paths) {
        auto text = read_file(path);
        if (!text) return tl::unexpected(text.error());
        texts.push_back({path, std::move(*text)});
    }
    return texts;
}

Result<std::string> request_body(const std::vector<std::string>& sources) {
    Json files = Json::array();
    for (const std::string& source : sources) {
        const auto texts = read_source(source);
        if (!texts) return tl::unexpected(texts.error());
        for (const NamedText& text : *texts) files.push_back({{"name", text.name}, {"text", text.text}});
    }
    return Json{{"files", files}}.dump(-1, ' ', false, Json::error_handler_t::ignore);
}

void print_changes(const Json& outcome, bool is_dry_run) {
    const struct {
        const char* action;
        const char* done;
        const char* would;
    } words[] = {{"create", "created", "+"}, {"update", "updated", "~"}, {"remove", "removed", "-"}};
    for (const Json& change : outcome["changes"])
        for (const auto& [action, done, would] : words) {
            if (change["action"] != action) continue;
            const std::string detail = change["detail"].get<std::string>();
            fmt::print("{} {} {}{}\n", is_dry_run ? would : done, change["kind"].get<std::string>(),
                       change["name"].get<std::string>(), detail.empty() ? "" : " (" + detail + ")");
        }
    if (outcome["changes"].empty()) fmt::print("nothing changes\n");
    for (const Json& warning : outcome["warnings"]) fmt::print(stderr, "warning: {}\n", warning.get<std::string>());
}

struct ChangeOptions {
    std::vector<std::string> sources;
    std::string output;
    std::string kind, name;
    bool is_dry_run = false;
};

Result<Exit> send_change(const Context& context, const std::string& method, const std::string& target, const std::string& body,
                         const ChangeOptions& options) {
    const auto outcome = ask_agent_for_json(context, method, target + (options.is_dry_run ? "?dryRun=true" : ""), body);
    if (!outcome) return tl::unexpected(outcome.error());
    if (options.output == "json")
        std::cout << to_text(*outcome);
    else
        print_changes(*outcome, options.is_dry_run);
    return Exit::done;
}

Result<Exit> send_sources(const Context& context, const std::string& target, const ChangeOptions& options) {
    const auto body = request_body(options.sources);
    if (!body) return tl::unexpected(body.error());
    return send_change(context, "POST", target, *body, options);
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
    CLI::App* diff = app.add_subcommand("diff", "show what apply would change; changes nothing");
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
    for (CLI::App* command : {apply, diff, remove}) add_output_option(*command, options->output, {"json"});
    add_output_option(*get, options->output, {"json", "yaml", "wide"});
    return {{apply, [=, &context] { return send_sources(context, "/v1/apply", *options); }},
            {diff,
             [=, &context] {
                 options->is_dry_run = true;
                 return send_sources(context, "/v1/apply", *options);
             }},
            {remove, [=, &context] { return delete_documents(context, *options); }},
            {get, [=, &context] { return get_documents(context, *options); }}};
}

}  // namespace biplane
