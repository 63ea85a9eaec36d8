// attach, detach: a workload without a document file.
#include <fmt/format.h>

#include <iostream>

#include "cli/command.hpp"

namespace biplane {
namespace {

struct AttachOptions {
    std::string name, space = "default", network, netns, interface = "eth0", hook, mac;
    std::vector<std::string> addresses, labels;
};

// The document that says the same. Values are quoted as JSON, which YAML reads too; the agent checks them.
Result<std::string> document_of(const AttachOptions& options, const std::string& node) {
    std::string name = options.name;
    if (name.empty()) {
        const bool is_plain =
            options.netns.find('/') == std::string::npos && options.netns.find_first_not_of("0123456789") != std::string::npos;
        if (!is_plain) return failure("a NAME is needed when --netns is a path or a process id", usage_error);
        name = options.netns;
    }
    Json labels = Json::object();
    for (const std::string& label : options.labels) {
        const size_t equals = label.find('=');
        if (equals == std::string::npos) return failure(fmt::format("--label {}: expected KEY=VALUE", label), usage_error);
        labels[label.substr(0, equals)] = label.substr(equals + 1);
    }
    Json metadata = {{"name", name}, {"namespace", options.space}};
    if (!labels.empty()) metadata["labels"] = labels;
    Json spec = {{"network", options.network},
                 {"node", node},
                 {"addresses", options.addresses},
                 {"netns", options.netns},
                 {"interface", options.interface}};
    if (!options.hook.empty()) spec["hook"] = options.hook;
    if (!options.mac.empty()) spec["mac"] = options.mac;
    return Json{{"apiVersion", "biplane.dev/v1alpha1"}, {"kind", "Workload"}, {"metadata", metadata}, {"spec", spec}}.dump();
}

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
    const auto outcome = ask_agent_for_json(context, "POST", "/v1/apply?file=attach", *document);
    if (!outcome) return tl::unexpected(outcome.error());
    print_outcome(*outcome, "attached");
    return Exit::done;
}

Result<Exit> detach(const Context& context, const AttachOptions& options) {
    const std::string key = options.name.find('/') == std::string::npos ? options.space + "/" + options.name : options.name;
    const auto outcome = ask_agent_for_json(context, "DELETE", "/v1/documents/Workload/" + ApiClient::encode(key));
    if (!outcome) return tl::unexpected(outcome.error());
    print_outcome(*outcome, "detached");
    return Exit::done;
}

}  // namespace

std::vector<Command> add_workload_commands(CLI::App& app, const Context& context) {
    const auto options = std::make_shared<AttachOptions>();
    CLI::App* attaching = app.add_subcommand("attach", "attach a network namespace of this node to a virtual network");
    attaching->add_option("--network", options->network, "virtual network")->required();
    attaching->add_option("--address", options->addresses, "address of the workload; may be given more than once")->required();
    attaching->add_option("--netns", options->netns, "network namespace: name, path or process id")->required();
    attaching->add_option("--interface", options->interface, "name of the interface in the namespace")->capture_default_str();
    attaching->add_option("--hook", options->hook, "auto, tcx or xdp (many small packets, no offloads)");
    attaching->add_option("--mac", options->mac, "address of the interface (default: made from the names)");
    attaching->add_option("--label", options->labels, "KEY=VALUE; may be given more than once")->allow_extra_args(false);
    CLI::App* detaching = app.add_subcommand("detach", "take a workload out of its virtual network");
    for (CLI::App* command : {attaching, detaching})
        command->add_option("--namespace", options->space, "namespace of the workload's name")->capture_default_str();
    attaching->add_option("NAME", options->name, "of the workload (default: the network namespace's)");
    detaching->add_option("NAME", options->name, "of the workload, [NAMESPACE/]NAME")->required();
    return {{attaching, [=, &context] { return attach(context, *options); }},
            {detaching, [=, &context] { return detach(context, *options); }}};
}

}  // namespace biplane
