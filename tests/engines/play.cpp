#include "engines/play.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "engines/counters.hpp"
#include "engines/flows.hpp"
#include "packets/dissect.hpp"
#include "packets/packet.hpp"

namespace biplane::engines {

namespace {

using cases::Case;
using cases::Step;
using cases::Wanted;
using world::ports_end;

constexpr size_t outer_source_port_offset(const Bytes& frame) { return frame[12] == 0x86 ? 14 + 40 : 14 + 20; }

const char* print_disposal(Disposal disposal) {
    switch (disposal) {
        case Disposal::dropped:
            return "dropped";
        case Disposal::passed:
            return "passed to the stack";
        case Disposal::sent:
            return "sent";
    }
    return "?";
}

std::vector<PortCounts> read_counts(Engine& engine) {
    std::vector<PortCounts> counts;
    for (uint16_t port = 0; port < ports_end; ++port) counts.push_back(engine.counts(port));
    return counts;
}

// One packet on its way through one engine.
class Play {
   public:
    Play(Engine& engine, const Step& step, size_t number, std::vector<std::string>& complaints)
        : engine_(engine), step_(step), number_(number), complaints_(complaints), sent_(step.packet.bytes()) {}

    bool run() {
        if (step_.before) step_.before(engine_.tables());
        const auto before = read_counts(engine_);
        seen_ = engine_.run(step_.port, sent_);
        if (!seen_.is_possible) return false;
        check_frame();
        check_egress();
        check_counts(before, read_counts(engine_));
        if (step_.state) check_state(*step_.state);
        return true;
    }

    const char* why_impossible() const { return seen_.why_impossible; }

   private:
    void complain(const std::string& what) { complaints_.push_back(fmt::format("packet {}: {}", number_, what)); }

    bool is_error_reply() const { return step_.wanted.fate.verdict == Verdict::drop && step_.wanted.output.has_value(); }

    void check_frame() {
        Bytes wanted = step_.wanted.output ? step_.wanted.output->bytes() : sent_;
        if (step_.wanted.is_tunnelled && seen_.frame.size() >= 50) take_over_source_port(wanted);
        if (step_.wanted.fate.verdict == Verdict::punt && engine_.writes_punt_tags()) write_tag(wanted);
        const std::string text = packets::explain_difference(wanted, seen_.frame);
        if (!text.empty()) complain(text);
    }

    // The outer source port is the router's to choose, within the dynamic ports.
    void take_over_source_port(Bytes& wanted) {
        const size_t offset = outer_source_port_offset(wanted);
        const uint16_t port = packets::get16(seen_.frame, offset);
        if (port < 49152) complain(fmt::format("the outer source port {} is no dynamic one", port));
        packets::put16(wanted, offset, port);
    }

    void write_tag(Bytes& wanted) {
        PuntTag tag{};
        std::memcpy(&tag, seen_.frame.data(), sizeof tag);
        if (tag.magic != punt_magic || tag.port != step_.port || tag.reason != step_.wanted.fate.detail)
            complain(fmt::format("the punt tag says port {}, reason {}, magic {:#x}", uint16_t{tag.port}, tag.reason, tag.magic));
        if ((tag.flow != no_flow) != (tag.reason == static_cast<uint8_t>(PuntReason::flow_placed)))
            complain("the punt tag names the wrong flow");
        std::memcpy(wanted.data(), seen_.frame.data(), sizeof tag);
    }

    void check_egress() {
        const Verdict verdict = step_.wanted.fate.verdict;
        const bool is_sent = step_.wanted.egress != no_port || verdict == Verdict::punt;
        const Disposal disposal = is_sent ? Disposal::sent : verdict == Verdict::deliver ? Disposal::passed : Disposal::dropped;
        if (seen_.disposal != disposal)
            complain(fmt::format("wanted {}, was {}", print_disposal(disposal), print_disposal(seen_.disposal)));
        if (!seen_.knows_egress) return;
        const uint32_t wanted = step_.wanted.egress == no_port ? 0 : world::ifindex_of(step_.wanted.egress);
        if (seen_.egress_ifindex != wanted)
            complain(fmt::format("leaves through interface {}, wanted {}", seen_.egress_ifindex, wanted));
    }

    void check_counts(const std::vector<PortCounts>& before, const std::vector<PortCounts>& after) {
        const uint16_t ingress = step_.port < ports_end ? step_.port : no_port;
        for (uint16_t port = 0; port < ports_end; ++port) {
            PortCounts wanted;
            if (port == ingress) wanted = wanted_counts(step_.wanted.fate, seen_bytes(), is_error_reply());
            if (port == step_.wanted.egress && port != no_port) {
                wanted["transmitted"] = 1;
                wanted["transmitted bytes"] = seen_.frame.size();
            }
            PortCounts got = difference(before[port], after[port]);
            if (leaves_with_a_flow() && port == ingress && got["flows created"] <= 1) got.erase("flows created");
            if (got["flows created"] == 0) got.erase("flows created");
            if (got != wanted)
                complain(fmt::format("{} is wanted; counted at {}: {}; wanted: {}", print(step_.wanted.fate), world::name_of(port),
                                     print(got), print(wanted)));
        }
    }

    void check_state(FlowState wanted) {
        const std::vector<Pair> pairs = read_pairs(engine_.tables(), complaints_);
        if (pairs.size() != (wanted == FlowState::none ? 0 : 1)) return complain(fmt::format("leaves {} flows", pairs.size()));
        if (pairs.empty() || state_of(pairs[0].forward.mode) == wanted) return;
        complain(
            fmt::format("leaves state {}, wanted {}", static_cast<int>(state_of(pairs[0].forward.mode)), static_cast<int>(wanted)));
    }

    uint64_t seen_bytes() const {
        const bool is_hidden = engine_.hides_vlan_tags(step_.port) && sent_.size() > 16 && packets::get16(sent_, 12) == 0x8100;
        return sent_.size() - (is_hidden ? 4 : 0);
    }

    bool leaves_with_a_flow() const {
        const Verdict verdict = step_.wanted.fate.verdict;
        return verdict == Verdict::forward || verdict == Verdict::deliver;
    }

    Engine& engine_;
    const Step& step_;
    size_t number_;
    std::vector<std::string>& complaints_;
    Bytes sent_;
    Observation seen_;
};

void check_flows(const Case& c, Engine& engine, std::vector<std::string>& complaints) {
    std::vector<Pair> pairs = read_pairs(engine.tables(), complaints);
    for (const cases::WantedFlow& wanted : c.flows) {
        const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const Pair& pair) { return is_about(wanted, pair); });
        if (found == pairs.end()) {
            complaints.push_back("a flow is missing: " + print(wanted));
            continue;
        }
        const std::string text = compare(wanted, *found, engine.plane());
        if (!text.empty()) complaints.push_back("a flow is not as wanted: " + print(*found) + "\n" + text);
        pairs.erase(found);
    }
    for (const Pair& pair : pairs) complaints.push_back("nobody wanted this flow: " + print(pair));
}

}  // namespace

Played play(const Case& c, Engine& engine) {
    reset(engine);
    Played played;
    for (size_t i = 0; i < c.steps.size(); ++i) {
        Play one(engine, c.steps[i], i + 1, played.complaints);
        if (one.run()) continue;
        played.was_possible = false;
        played.why_impossible = fmt::format("packet {}: {}", i + 1, one.why_impossible());
        return played;
    }
    check_flows(c, engine, played.complaints);
    return played;
}

}  // namespace biplane::engines
