// ports, routes, drops, rules: what the tables say. They are read where they are pinned: no agent is needed.
#include <iostream>

#include "cli/live_tables.hpp"
#include "cli/names.hpp"
#include "cli/table.hpp"

namespace biplane {
namespace {

const std::vector<Column>& port_columns() {
    static const std::vector<Column> columns = {{"PORT", "port", false, true},
                                                {"NAME", "name"},
                                                {"KIND", "kind"},
                                                {"INTERFACE", "interface"},
                                                {"NETWORK", "network"},
                                                {"HOOK", "hook"},
                                                {"RECEIVED", "received", false, true},
                                                {"FORWARDED", "forwarded", false, true},
                                                {"DELIVERED", "delivered", false, true},
                                                {"PUNTED", "punted", false, true},
                                                {"DROPPED", "dropped", false, true},
                                                {"TRANSMITTED", "transmitted", false, true},
                                                {"FLOWS", "flowsCreated", true, true},
                                                {"ANSWERED", "answered", true, true},
                                                {"UPCALLS", "upcalls", true, true},
                                                {"RECEIVED-BYTES", "receivedBytes", true, true},
                                                {"TRANSMITTED-BYTES", "transmittedBytes", true, true}};
    return columns;
}

const std::vector<Column> route_columns = {
    {"NETWORK", "network"}, {"DESTINATION", "destination"}, {"NEXT-HOP", "nextHop"}, {"ORIGIN", "origin"}};

const std::vector<Column> drop_columns = {
    {"COUNT", "count", false, true}, {"REASON", "reason"},          {"PORT", "port"}, {"PLANE", "plane"},
    {"LAST-RULE", "lastRule"},       {"EXPLANATION", "explanation"}};

const std::vector<Column> rule_columns = {{"PACKETS", "packets", false, true}, {"RULE", "rule"}};

struct TableOptions {
    std::string output;
    std::string network;
    bool with_zeros = false;
};

void print_rows(const Json& rows, const std::vector<Column>& columns, const std::string& output) {
    if (output == "json")
        std::cout << to_text(rows);
    else
        print_table(std::cout, columns, output == "wide", rows);
}

Result<Json> only_network(const LiveTables& live, const Json& rows, const std::string& network) {
    if (auto checked = check_network(live.names, network); !checked) return tl::unexpected(checked.error());
    if (network.empty()) return rows;
    Json kept = Json::array();
    for (const Json& row : rows)
        if (row["network"] == network) kept.push_back(row);
    return kept;
}

Result<Exit> show_ports(const Context& context, const TableOptions& options) {
    const auto live = open_live_tables(context);
    if (!live) return tl::unexpected(live.error());
    const Json all = ports_to_json(read_ports(live->tables), live->names, read_pinned_hooks(live->config.pin_directory));
    const auto rows = only_network(*live, all, options.network);
    if (!rows) return tl::unexpected(rows.error());
    print_rows(*rows, port_columns(), options.output);
    return Exit::done;
}

Result<Exit> show_routes(const Context& context, const TableOptions& options) {
    const auto live = open_live_tables(context);
    if (!live) return tl::unexpected(live.error());
    const auto documents = read_documents(live->config.store_directory);
    const DesiredState* desired = documents && *documents ? &(*documents)->state : nullptr;
    const Json all = routes_to_json(live->tables, live->names, desired);
    const auto rows = only_network(*live, all, options.network);
    if (!rows) return tl::unexpected(rows.error());
    print_rows(*rows, route_columns, options.output);
    return Exit::done;
}

Result<Exit> show_drops(const Context& context, const TableOptions& options) {
    const auto live = open_live_tables(context);
    if (!live) return tl::unexpected(live.error());
    print_rows(drops_to_json(read_ports(live->tables), live->names, options.with_zeros), drop_columns, options.output);
    return Exit::done;
}

Result<Exit> show_rules(const Context& context, const TableOptions& options) {
    const auto live = open_live_tables(context);
    if (!live) return tl::unexpected(live.error());
    print_rows(rules_to_json(live->tables, live->names), rule_columns, options.output);
    return Exit::done;
}

}  // namespace

std::vector<Command> add_table_commands(CLI::App& app, const Context& context) {
    const auto options = std::make_shared<TableOptions>();
    CLI::App* ports = app.add_subcommand("ports", "ports and their counters");
    CLI::App* routes = app.add_subcommand("routes", "routes in force, per virtual network");
    CLI::App* drops = app.add_subcommand("drops", "what was dropped where, and what that means");
    CLI::App* rules =
        app.add_subcommand("rules", "rules of policies: first packets that each decided about, packets that it denied");
    for (CLI::App* command : {ports, routes}) command->add_option("--network", options->network, "only of this virtual network");
    drops->add_flag("--all", options->with_zeros, "also what has not happened");
    for (CLI::App* command : {ports, routes, drops, rules}) add_output_option(*command, options->output, {"json", "wide"});
    return {{ports, [=, &context] { return show_ports(context, *options); }},
            {routes, [=, &context] { return show_routes(context, *options); }},
            {drops, [=, &context] { return show_drops(context, *options); }},
            {rules, [=, &context] { return show_rules(context, *options); }}};
}

}  // namespace biplane
