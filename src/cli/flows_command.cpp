// flows: the flow table, with filters, once or again and again.
#include <fmt/format.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <iostream>

#include "api/flow_view.hpp"
#include "cli/live_tables.hpp"
#include "cli/table.hpp"

namespace biplane {
namespace {

const std::vector<Column>& flow_columns() {
    static const std::vector<Column> columns = {{"NETWORK", "network"},
                                                {"ZONE", "zone", false, true},
                                                {"PLANE", "plane"},
                                                {"PROTO", "protocol"},
                                                {"SOURCE", "from"},
                                                {"DESTINATION", "to"},
                                                {"STATE", "state"},
                                                {"PACKETS", "packets", false, true},
                                                {"BYTES", "bytes", false, true},
                                                {"REPLIES", "replyPackets", false, true},
                                                {"REPLY-BYTES", "replyBytes", false, true},
                                                {"NEXT-HOP", "nextHop"},
                                                {"REPLY-NEXT-HOP", "replyNextHop"},
                                                {"IDLE-S", "idleSeconds", false, true},
                                                {"AGE-S", "ageSeconds", true, true},
                                                {"VNI", "vni", true, true},
                                                {"INGRESS", "ingressPort", true},
                                                {"EPOCH", "epoch", true, true}};
    return columns;
}

struct FlowOptions {
    std::string network, plane, protocol, source, destination, output;
    uint16_t port = 0;
    bool watches = false;
    double interval_s = 1;
    uint64_t count = 0;  // of rounds with --watch; 0: until interrupted
};

template <typename T, typename Parse>
Status read_filter(const std::string& text, const char* option, Parse parse, std::optional<T>& value) {
    if (text.empty()) return {};
    const auto parsed = parse(text);
    if (!parsed) return failure(fmt::format("{}: {}", option, parsed.error().message), usage_error);
    value = *parsed;
    return {};
}

Result<FlowFilter> filter_of(const FlowOptions& options) {
    FlowFilter filter;
    if (!options.network.empty()) filter.network = options.network;
    if (options.port != 0) filter.port = options.port;
    Status read = read_filter(options.plane, "--plane", parse_plane, filter.plane);
    if (read) read = read_filter(options.protocol, "--proto", parse_protocol, filter.protocol);
    if (read) read = read_filter(options.source, "--source", parse_prefix, filter.source);
    if (read) read = read_filter(options.destination, "--destination", parse_prefix, filter.destination);
    if (!read) return tl::unexpected(read.error());
    return filter;
}

// Address and port as one cell; IPv6 in brackets (RFC 5952, section 6).
std::string end_text(const Json& flow, const char* address, const char* port) {
    const std::string text = flow[address].get<std::string>();
    if (flow["protocol"] == "icmp" || flow["protocol"] == "icmpv6") return text;
    if (text.find(':') != std::string::npos) return fmt::format("[{}]:{}", text, flow[port].get<int>());
    return fmt::format("{}:{}", text, flow[port].get<int>());
}

// Printed as they are found: a million flows need no room.
void print_json(const LiveTables& live, const FlowFilter& filter) {
    bool is_first = true;
    std::cout << "[";
    const uint32_t now = current_tick();
    walk_flows(live.tables, now, [&](const FlowPair& pair) {
        if (!matches(filter, pair, live.names)) return;
        std::cout << (is_first ? "\n  " : ",\n  ") << to_json(pair, live.names, now).dump();
        is_first = false;
    });
    std::cout << (is_first ? "]\n" : "\n]\n");
}

void print_flow_table(const LiveTables& live, const FlowFilter& filter, bool wide) {
    TablePrinter printer(std::cout, flow_columns(), wide);
    const uint32_t now = current_tick();
    walk_flows(live.tables, now, [&](const FlowPair& pair) {
        if (!matches(filter, pair, live.names)) return;
        Json row = to_json(pair, live.names, now);
        row["from"] = end_text(row, "source", "sourcePort");
        row["to"] = end_text(row, "destination", "destinationPort");
        printer.add(row);
    });
}

Result<Exit> show_flows(const Context& context, const FlowOptions& options) {
    const auto filter = filter_of(options);
    if (!filter) return tl::unexpected(filter.error());
    const bool clears_screen = options.watches && options.output != "json" && isatty(STDOUT_FILENO);
    for (uint64_t round = 1;; ++round) {
        const auto live = open_live_tables(context);  // each round: names may have changed
        if (!live) return tl::unexpected(live.error());
        if (clears_screen) std::cout << "\033[H\033[2J";
        if (options.output == "json")
            print_json(*live, *filter);
        else
            print_flow_table(*live, *filter, options.output == "wide");
        std::cout << std::flush;
        if (!options.watches || round == options.count || !std::cout) return Exit::done;
        ::usleep(static_cast<useconds_t>(options.interval_s * 1e6));
    }
}

}  // namespace

std::vector<Command> add_flows_command(CLI::App& app, const Context& context) {
    const auto options = std::make_shared<FlowOptions>();
    CLI::App* flows = app.add_subcommand("flows", "flows: one line per pair of directions");
    flows->add_option("--network", options->network, "virtual network");
    flows->add_option("--plane", options->plane, "kernel or user");
    flows->add_option("--proto", options->protocol, "tcp, udp, icmp, icmpv6 or a number");
    flows->add_option("--source", options->source, "address or prefix of the side that began");
    flows->add_option("--destination", options->destination, "address or prefix of the other side");
    flows->add_option("--port", options->port, "either port")->check(CLI::Range(1, 65535));
    flows->add_flag("--watch", options->watches, "again and again");
    flows->add_option("--interval", options->interval_s, "seconds between rounds of --watch")
        ->check(CLI::Range(0.01, 1000.0))
        ->capture_default_str();
    flows->add_option("--count", options->count, "rounds of --watch; 0: until interrupted")->capture_default_str();
    add_output_option(*flows, options->output, {"json", "wide"});
    return {{flows, [=, &context] { return show_flows(context, *options); }}};
}

}  // namespace biplane
