// flows: the flow table, with filters, once or again and again.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>

#include "cli/flow_rows.hpp"
#include "cli/live_tables.hpp"
#include "cli/names.hpp"
#include "views/flow_audit.hpp"
#include "views/flow_list.hpp"

namespace biplane {
namespace {

struct FlowOptions {
    std::string network, plane, protocol, source, destination, output;
    uint16_t port = 0;
    bool watches = false;
    bool audits = false;
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

// A pipe as large as an unprivileged process may make it: whoever reads from it is woken less often. No pipe, or not allowed: as
// it is.
void enlarge_pipe() {
    constexpr int pipe_size = 1 << 20;
    (void)::fcntl(STDOUT_FILENO, F_SETPIPE_SZ, pipe_size);
}

Status write_out(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return failed_call("write the list of flows", errno);
        text.remove_prefix(static_cast<size_t>(written));
    }
    return {};
}

// Printed as they are found: a million flows need no room. The widths are those of the first rows.
Status write_flow_table(const FlowSelection& selection, bool wide) {
    constexpr size_t rows_measured = 1000;
    FlowRows rows(selection.names, selection.now, wide);
    std::vector<FlowPair> first;
    FlowRange range = selection.everything();
    range.begin = selection.walk(range, [&](const FlowPair& pair) {
        first.push_back(pair);
        return first.size() < rows_measured;
    });
    for (const FlowPair& pair : first) rows.make_room_for(pair);
    TextBuffer head;
    rows.add_titles(head);
    for (const FlowPair& pair : first) rows.add(pair, head);
    if (auto written = write_out(head.text()); !written) return written;
    const auto make_writer = [&]() -> WriteFlow {
        const auto own = std::make_shared<FlowRows>(selection.names, selection.now, wide);
        own->set_widths(rows.widths());
        return [own](const FlowPair& pair, TextBuffer& buffer) { own->add(pair, buffer); };
    };
    return write_flows(selection, range, make_writer, write_out);
}

// As JSON. Clean at one look is clean; what looks wrong is looked at again for longer than a program may be kept from its processor.
Result<Exit> audit_table(const Context& context) {
    constexpr int looks = 6;
    constexpr useconds_t pause_us = 300'000;
    const auto live = open_live_tables(context);
    if (!live) return tl::unexpected(live.error());
    FlowAuditor auditor(live->tables);
    auditor.look(current_tick());
    for (int look = 1; look < looks && auditor.needs_look(); ++look) {
        ::usleep(pause_us);
        auditor.look(current_tick());
    }
    const FlowAudit audit = auditor.audit();
    std::cout << to_json(audit, live->names).dump(2) << "\n";
    return audit.is_clean() ? Exit::done : Exit::failed;
}

Result<Exit> show_flows(const Context& context, const FlowOptions& options) {
    if (options.audits) return audit_table(context);
    const auto filter = filter_of(options);
    if (!filter) return tl::unexpected(filter.error());
    enlarge_pipe();
    const bool clears_screen = options.watches && options.output != "json" && isatty(STDOUT_FILENO);
    for (uint64_t round = 1;; ++round) {
        const auto live = open_live_tables(context);  // each round: names may have changed
        if (!live) return tl::unexpected(live.error());
        if (auto checked = check_network(live->names, options.network); !checked) return tl::unexpected(checked.error());
        if (clears_screen) std::cout << "\033[H\033[2J" << std::flush;
        const FlowSelection selection{live->tables, live->names, *filter, current_tick()};
        const Status written = options.output == "json" ? write_flows_json(selection, write_out)
                                                        : write_flow_table(selection, options.output == "wide");
        if (!written) return tl::unexpected(written.error());
        if (!options.watches || round == options.count) return Exit::done;
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
    flows->add_flag("--audit", options->audits,
                    "look for what must not be: half pairs, claims left behind, wrong counts; exit code 1 if so");
    flows->add_flag("--watch", options->watches, "again and again");
    flows->add_option("--interval", options->interval_s, "seconds between rounds of --watch")
        ->check(CLI::Range(0.01, 1000.0))
        ->capture_default_str();
    flows->add_option("--count", options->count, "rounds of --watch; 0: until interrupted")->capture_default_str();
    add_output_option(*flows, options->output, {"json", "wide"});
    return {{flows, [=, &context] { return show_flows(context, *options); }}};
}

}  // namespace biplane
