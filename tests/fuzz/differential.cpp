#include "fuzz/differential.hpp"

#include <fmt/format.h>
#include <time.h>

#include <cstdlib>

#include "cases/case.hpp"
#include "engines/flows.hpp"
#include "packets/dissect.hpp"

namespace biplane::fuzz {

using engines::Disposal;
using engines::Observation;

namespace {

// Real time must not matter: a run takes minutes, and the clocks of the engines are read at different moments. So flows live
// for this long, and time passes in steps twice as long.
constexpr uint64_t lifetime_s = 3000;

uint64_t number_from_environment(const char* name, uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text != nullptr && *text != 0 ? std::strtoull(text, nullptr, 0) : otherwise;
}

std::string print(const Observation& seen) {
    const char* names[] = {"dropped", "passed to the stack", "sent"};
    return fmt::format("{}\n{}", names[static_cast<int>(seen.disposal)], packets::print(seen.frame));
}

}  // namespace

Plan plan_from_environment(uint64_t packets) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    Plan plan{};
    plan.seed = number_from_environment("BIPLANE_FUZZ_SEED",
                                        static_cast<uint64_t>(now.tv_sec) * 1000003 + static_cast<uint64_t>(now.tv_nsec));
    plan.packets = number_from_environment("BIPLANE_FUZZ_PACKETS", packets);
    plan.compare_tables_every =
        static_cast<uint32_t>(number_from_environment("BIPLANE_FUZZ_COMPARE_EVERY", plan.compare_tables_every));
    fmt::print("{} packets, BIPLANE_FUZZ_SEED={}\n", plan.packets, plan.seed);
    std::fflush(stdout);
    return plan;
}

Differential::Differential(std::vector<std::unique_ptr<engines::Engine>> engines, const Plan& plan)
    : plan_(plan), source_(plan.seed) {
    for (auto& engine : engines) {
        prepare(*engine);
        contestants_.push_back({std::move(engine), {}, {}});
    }
}

void Differential::prepare(engines::Engine& engine) const {
    reset(engine);
    SharedTables& tables = engine.tables();
    const uint32_t lifetime = ticks_from_ms(lifetime_s * 1000);
    tables.config()->timeouts = {lifetime, lifetime, lifetime, lifetime, lifetime, lifetime, lifetime, lifetime};
    tables.config()->fragment_lifetime = lifetime;
    cases::user_plane_is(true)(tables);
    tables.config()->user_plane_timeout = lifetime;
    if (!plan_.all_networks_in_the_kernel) return;
    for (uint32_t bank = 0; bank < banks; ++bank)
        for (uint32_t zone = 0; zone < zones_max; ++zone) tables.zone(bank, zone)->plane = Plane::kernel;
}

// What happens around the packets, to all engines alike.
void Differential::change_the_world() {
    const uint32_t event = source_.random().below(20000);
    for (Contestant& c : contestants_) {
        SharedTables& tables = c.engine->tables();
        if (event < 4) cases::time_passes(2 * lifetime_s)(tables);
        if (event >= 4 && event < 12) cases::a_new_epoch()(tables);
        if (event == 12) tables.user_plane()->heartbeat = 0;
        if (event == 13) cases::user_plane_is(true)(tables), tables.config()->user_plane_timeout = ticks_from_ms(lifetime_s * 1000);
        forgive_icmp_errors(tables);
        put_off_tidying(tables);
    }
}

// What is not sent on is as it came (design: decide first, write last); but a dropped packet may come back as an ICMP error.
std::string Differential::check_untouched(const Arrival& arrival) const {
    const Observation& seen = contestants_[0].seen;
    if (seen.disposal == Disposal::sent || seen.frame == arrival.frame) return "";
    return "a packet that was not sent was changed\n" + packets::explain_difference(arrival.frame, seen.frame);
}

std::string Differential::compare_with_first(const Contestant& other, const Arrival& arrival) const {
    const Contestant& first = contestants_[0];
    std::string text = compare_counters(first.counters, other.counters);
    Bytes wanted = first.seen.frame;
    const bool is_punt = !text.empty() ? false : first.seen.disposal == Disposal::sent && wanted == arrival.frame;
    if (is_punt && first.engine->writes_punt_tags() != other.engine->writes_punt_tags() && wanted.size() >= sizeof(PuntTag) &&
        other.seen.frame.size() >= sizeof(PuntTag))
        std::copy(other.seen.frame.begin(), other.seen.frame.begin() + sizeof(PuntTag), wanted.begin());
    // The kernel makes room in a socket buffer before a flow is recorded, and does not give all of it back: what it drops then has other
    // bytes, and is gone. check_untouched() holds the pipeline to leaving it alone where it can.
    const bool is_gone = first.seen.disposal == Disposal::dropped && other.seen.disposal == Disposal::dropped;
    if (first.seen.disposal != other.seen.disposal || (wanted != other.seen.frame && !is_gone))
        text += fmt::format("{}: {}{}: {}", first.engine->name(), print(first.seen), other.engine->name(), print(other.seen));
    return text.empty() ? "" : fmt::format("{} and {} disagree\n{}", first.engine->name(), other.engine->name(), text);
}

std::string Differential::compare_tables() const {
    for (const Contestant& c : contestants_) {
        std::vector<std::string> complaints;
        engines::read_pairs(c.engine->tables(), complaints);
        if (!complaints.empty()) return c.engine->name() + ": " + complaints[0];
        const bool same_role = c.engine->plane() == contestants_[0].engine->plane();
        const std::string text =
            compare_flow_tables(contestants_[0].engine->tables(), c.engine->tables(), same_role ? 0 : flow_mode_user_plane);
        if (const std::string fragments = compare_fragment_tables(contestants_[0].engine->tables(), c.engine->tables());
            !fragments.empty())
            return fmt::format("the fragment tables of {} and {} differ\n{}", contestants_[0].engine->name(), c.engine->name(),
                               fragments);
        if (!text.empty())
            return fmt::format("the flow tables of {} and {} differ\n{}", contestants_[0].engine->name(), c.engine->name(), text);
    }
    return check_law();
}

// D12: received = forwarded + delivered + punted + sum of the drops, for every port.
std::string Differential::check_law() const {
    for (const Contestant& c : contestants_)
        for (uint16_t port = 0; port < world::ports_end; ++port) {
            PortCounters sums;
            std::memcpy(static_cast<void*>(&sums), c.counters[port].data(), sizeof sums);
            uint64_t accounted = sums.forwarded + sums.delivered + sums.punted;
            for (const uint64_t drops : sums.drops) accounted += drops;
            if (sums.received != accounted || sums.upcalls != 0)
                return fmt::format("{} breaks the law of counting at {}", c.engine->name(), world::name_of(port));
        }
    return "";
}

std::string Differential::run_packet(const Arrival& arrival) {
    // The kernel's run may refuse a frame; whoever can refuse is asked first.
    for (size_t i = contestants_.size(); i-- > 0;) {
        Contestant& c = contestants_[i];
        c.seen = c.engine->run(arrival.port, arrival.frame);
        if (!c.seen.is_possible && i + 1 == contestants_.size()) {
            ++refused_;
            --number_;  // does not count
            return "";
        }
        if (!c.seen.is_possible) return c.engine->name() + " refuses a frame that others take";
        sum_counters(c.engine->tables(), c.counters);
    }
    passed_ += contestants_[0].seen.disposal == Disposal::passed;
    sent_ += contestants_[0].seen.disposal == Disposal::sent;
    for (size_t i = 1; i < contestants_.size(); ++i)
        if (const std::string text = compare_with_first(contestants_[i], arrival); !text.empty()) return text;
    return check_untouched(arrival);
}

std::string Differential::run() {
    for (number_ = 1; number_ <= plan_.packets; ++number_) {
        change_the_world();
        const Arrival& arrival = source_.next();
        std::string text = run_packet(arrival);
        if (text.empty() && (number_ % plan_.compare_tables_every == 0 || number_ == plan_.packets)) text = compare_tables();
        if (!text.empty())
            return fmt::format(
                "BIPLANE_FUZZ_SEED={} BIPLANE_FUZZ_PACKETS={} BIPLANE_FUZZ_COMPARE_EVERY=1 shows it again\npacket {} at {}: {}\n{}",
                plan_.seed, number_, number_, world::name_of(arrival.port), packets::print(arrival.frame), text);
    }
    return "";
}

std::string Differential::statistics() const {
    uint64_t flows = 0;
    std::string never;
    const CounterSums& sums = contestants_[0].counters;
    std::vector<bool> seen(drop_reasons);
    for (const auto& row : sums) {
        flows += row[offsetof(PortCounters, flows_created) / sizeof(uint64_t)];
        for (uint32_t r = 0; r < drop_reasons; ++r)
            seen[r] = seen[r] || row[offsetof(PortCounters, drops) / sizeof(uint64_t) + r] != 0;
    }
    for (uint32_t r = 1; r < drop_reasons; ++r)
        if (!seen[r]) never += fmt::format(" {}", drop_reason_table[r].name);
    return fmt::format(
        "{} packets: {} sent, {} passed to the stack; {} more that the test run does not take; {} flows\nnever dropped with:{}",
        number_ - 1, sent_, passed_, refused_, flows, never);
}

}  // namespace biplane::fuzz
