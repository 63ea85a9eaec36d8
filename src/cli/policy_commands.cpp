// policy explain, policy test: why something is allowed or not, and what a change would do before it is made.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "cli/document_request.hpp"
#include "cli/live_tables.hpp"
#include "cli/policy_report.hpp"

namespace biplane {
namespace {

struct PolicyOptions {
    std::string source, destination, probe, network, output;
    std::vector<std::string> files;
    uint64_t limit = 20;
    bool is_removal = false;
};

// Documents are stored a moment before they are in force, and both are read without the agent: a difference must last.
constexpr int looks_max = 10;
constexpr useconds_t look_again_us = 200'000;

struct Explained {
    Json json;
    bool agrees = true;
};

Result<Explained> explain_once(const Context& context, const NodeConfig& config, const PolicyOptions& options) {
    const auto documents = read_documents(config.store_directory);
    if (!documents) return tl::unexpected(documents.error());
    if (!*documents) return failure("there are no documents in " + config.store_directory + " (was biplaned ever started?)");
    const DesiredState* desired = &(*documents)->state;
    const auto question = read_policy_question(*desired, options.source, options.destination, options.probe, options.network);
    if (!question) return tl::unexpected(question.error());
    const Explanation explanation =
        explain(*desired, config.node, question->source.end, question->destination.end, question->probe.position);
    std::error_code ignored;
    if (!std::filesystem::exists(config.pin_directory, ignored))
        return Explained{explanation_to_json(*question, explanation, {}), true};
    const auto live = open_live_tables(context);
    if (!live) return tl::unexpected(live.error());
    const auto in_force = decide_in_force(live->tables, live->numbering, *question);
    return Explained{explanation_to_json(*question, explanation, in_force), !in_force || agree(explanation, *in_force)};
}

Result<Exit> explain_policies(const Context& context, const PolicyOptions& options) {
    const auto config = context.config();
    if (!config) return tl::unexpected(config.error());
    auto explained = explain_once(context, *config, options);
    for (int look = 1; look < looks_max && explained && !explained->agrees; ++look) {
        ::usleep(look_again_us);
        explained = explain_once(context, *config, options);
    }
    if (!explained) return tl::unexpected(explained.error());
    std::cout << (options.output == "json" ? to_text(explained->json) : explanation_text(explained->json));
    if (explained->agrees) return Exit::done;
    return failure(
        "the tables in force say otherwise than the documents: either the agent could not put the documents into force (see "
        "biplane "
        "status), or this is a bug of Biplane");
}

Result<Exit> test_policies(const Context& context, const PolicyOptions& options) {
    const auto body = request_body(options.files);
    if (!body) return tl::unexpected(body.error());
    const std::string target = fmt::format("/v1/policy/test?limit={}{}", options.limit, options.is_removal ? "&delete=true" : "");
    const auto foreseen = ask_agent_for_json(context, "POST", target, *body);
    if (!foreseen) return tl::unexpected(foreseen.error());
    if (options.output == "json") {
        std::cout << to_text(*foreseen);
        return Exit::done;
    }
    print_changes(*foreseen, true);
    std::fflush(stdout);
    std::cout << foreseen_text(*foreseen);
    return Exit::done;
}

}  // namespace

std::vector<Command> add_policy_commands(CLI::App& app, const Context& context) {
    const auto options = std::make_shared<PolicyOptions>();
    CLI::App* policy = app.add_subcommand("policy", "why something is allowed or denied; what a change would cut, open and close");
    policy->require_subcommand(1);
    policy->fallthrough();
    CLI::App* explain = policy->add_subcommand("explain", "which policies and rules decide, and why the others do not match");
    CLI::App* test =
        policy->add_subcommand("test", "which live flows a change would cut, and who could reach whom afterwards; changes nothing");
    explain->add_option("SRC", options->source, "a workload, [NAMESPACE/]NAME, or an address")->required();
    explain->add_option("DST", options->destination, "likewise")->required();
    explain->add_option("PROTO/PORT", options->probe, "tcp/80, udp/53, sctp/1, icmp, icmp/8.0, icmpv6, or a protocol's number")
        ->required();
    explain->add_option("--network", options->network, "virtual network, if both ends are addresses");
    test->add_option("-f,--file", options->files, "a file, a directory, or - for standard input")->required();
    test->add_flag("--delete", options->is_removal, "test the removal of the documents that stand in it");
    test->add_option("--limit", options->limit, "show at most so many flows, and so many changes of reachability")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    for (CLI::App* command : {explain, test}) add_output_option(*command, options->output, {"json"});
    return {{explain, [=, &context] { return explain_policies(context, *options); }},
            {test, [=, &context] { return test_policies(context, *options); }}};
}

}  // namespace biplane
