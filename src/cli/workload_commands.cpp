// attach, detach: a workload without a document file.
#include <fmt/format.h>

#include "cli/attach_request.hpp"
#include "cli/command.hpp"
#include "control/documents/documents.hpp"

namespace biplane {
namespace {

constexpr int status_conflict = 409;
constexpr char name_expected[] = "of the workload, [NAMESPACE/]NAME";

void print_outcome(const Json& outcome, const char* verb) {
    for (const Json& change : outcome["changes"]) fmt::print("{} Workload {}\n", verb, change["name"].get<std::string>());
    if (outcome["changes"].empty()) fmt::print("nothing changes\n");
    for (const Json& warning : outcome["warnings"]) fmt::print(stderr, "warning: {}\n", warning.get<std::string>());
}

Result<Exit> attach(const Context& context, const AttachOptions& options) {
    const auto config = context.config();
    if (!config) return tl::unexpected(config.error());
    const auto document = document_of(options, config->node);
    if (!document) return tl::unexpected(document.error());
    if (const auto parsed = parse_documents(*document, ""); !parsed)
        return failure(said_of_options(parsed.error().message), usage_error);
    const std::string moves = options.replaces ? "true" : "false";
    const auto outcome = ask_agent_for_json(context, "POST", "/v1/apply?file=&moves=" + moves, *document);
    if (!outcome) {
        const Error& error = outcome.error();
        return failure(said_of_options(error.message) + (error.code == status_conflict ? "; --replace moves it" : ""), error.code);
    }
    print_outcome(*outcome, "attached");
    return Exit::done;
}

Result<Exit> detach(const Context& context, const std::string& name) {
    const auto outcome = ask_agent_for_json(context, "DELETE", "/v1/documents/Workload/" + ApiClient::encode(name));
    if (!outcome) return tl::unexpected(outcome.error());
    print_outcome(*outcome, "detached");
    return Exit::done;
}

}  // namespace

std::vector<Command> add_workload_commands(CLI::App& app, const Context& context) {
    const auto options = std::make_shared<AttachOptions>();
    CLI::App* attaching = app.add_subcommand("attach", "attach a network namespace of this node to a virtual network");
    attaching->add_option("--network", options->network, "virtual network")->required();
    attaching->add_option("--address", options->addresses, "address of the workload; again, or after a comma, for several")
        ->required()
        ->allow_extra_args(false)  // else it would take the NAME as well
        ->delimiter(',');
    attaching->add_option("--netns", options->netns, "network namespace: name, path or process id")->required();
    attaching->add_option("--interface", options->interface, "name of the interface in the namespace")->capture_default_str();
    attaching->add_option("--hook", options->hook, "auto, tcx or xdp (many small packets, no offloads)");
    attaching->add_option("--mac", options->mac, "address of the interface (default: made from the names)");
    attaching->add_option("--label", options->labels, "KEY=VALUE; again for several")->allow_extra_args(false);
    attaching->add_flag("--replace", options->replaces,
                        "also if a workload of this name lives in another namespace or on another node");
    attaching->add_option("NAME", options->name, std::string(name_expected) + " (default: the network namespace's name)");
    CLI::App* detaching = app.add_subcommand("detach", "take a workload out of its virtual network");
    const auto name = std::make_shared<std::string>();
    detaching->add_option("NAME", *name, name_expected)->required();
    return {{attaching, [=, &context] { return attach(context, *options); }},
            {detaching, [=, &context] { return detach(context, *name); }}};
}

}  // namespace biplane
