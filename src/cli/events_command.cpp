// events: what rules with `log` have left in the tables. Needs no agent.
#include <sys/time.h>
#include <unistd.h>

#include <functional>
#include <iostream>

#include "cli/live_tables.hpp"
#include "cli/table.hpp"
#include "views/event_view.hpp"

namespace biplane {
namespace {

struct EventOptions {
    std::string output;
    bool watches = false;
    uint64_t count = 0;
};

const std::vector<Column> event_columns = {{"TIME", "time"},
                                           {"VERDICT", "verdict"},
                                           {"RULE", "rule"},
                                           {"NETWORK", "network"},
                                           {"PORT", "port"},
                                           {"PROTOCOL", "protocol"},
                                           {"SOURCE", "source"},
                                           {"SPORT", "sourcePort", false, true},
                                           {"DESTINATION", "destination"},
                                           {"DPORT", "destinationPort", false, true}};

constexpr useconds_t watch_interval_us = 200'000;

double seconds_now() {
    timeval now{};
    gettimeofday(&now, nullptr);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_usec) / 1e6;
}

using ShowEvent = std::function<void(const Json&)>;

// As they come; false once `count` of them were shown.
bool show_new(const TableNames& names, EventReader& reader, uint64_t& left, const ShowEvent& show) {
    const uint32_t now = current_tick();
    const double now_s = seconds_now();
    for (const PolicyEvent& event : reader.read()) {
        show(event_to_json(event, names, now, now_s));
        if (--left == 0) return false;
    }
    return true;
}

Status watch_events(const LiveTables& live, const EventOptions& options, EventReader& reader, const ShowEvent& show,
                    const std::function<void()>& end_round) {
    uint64_t left = options.count == 0 ? UINT64_MAX : options.count;
    for (;;) {
        const auto numbering = read_numbering(live.config.store_directory);  // rules may have got their numbers since
        if (!numbering) return tl::unexpected(numbering.error());
        const bool goes_on = show_new(TableNames(*numbering), reader, left, show);
        end_round();
        if (!goes_on || !options.watches) return {};
        ::usleep(watch_interval_us);
    }
}

// JSON: one object per line, so that a watcher needs no end of the list.
Result<Exit> show_events(const Context& context, const EventOptions& options) {
    const auto live = open_live_tables(context);
    if (!live) return tl::unexpected(live.error());
    EventReader reader(live->tables);
    Status done;
    if (options.output == "json") {
        done = watch_events(
            *live, options, reader, [](const Json& event) { std::cout << event.dump() << "\n"; }, [] { std::cout << std::flush; });
    } else {
        TablePrinter printer(std::cout, event_columns, false);
        bool has_shown = false;
        done = watch_events(
            *live, options, reader,
            [&](const Json& event) {
                printer.add(event);
                has_shown = true;
            },
            [&] {
                if (has_shown) printer.finish();
                std::cout << std::flush;
            });
    }
    if (!done) return tl::unexpected(done.error());
    const EventTotals totals = event_totals(live->tables);
    if (totals.suppressed + reader.lost() != 0)
        std::cerr << "biplane: " << totals.suppressed << " more were counted but not written (at most " << events_per_window
                  << " a second and processor), " << reader.lost() << " were overwritten before they were read\n";
    return Exit::done;
}

}  // namespace

std::vector<Command> add_events_command(CLI::App& app, const Context& context) {
    const auto options = std::make_shared<EventOptions>();
    CLI::App* events = app.add_subcommand("events", "first packets, and denied ones, that rules with `log` decided about");
    events->add_flag("--watch", options->watches, "go on with what comes");
    events->add_option("--count", options->count, "end after so many; 0: no limit")->capture_default_str();
    add_output_option(*events, options->output, {"json"});
    return {{events, [=, &context] { return show_events(context, *options); }}};
}

}  // namespace biplane
