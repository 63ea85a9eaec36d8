#include "views/flow_cuts.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "datapath/steps/judge.hpp"
#include "views/flow_view.hpp"

namespace biplane {
namespace {

constexpr uint32_t judging_threads_max = 4;
constexpr uint32_t entries_judged_at_once = 16384;

uint16_t query_type_and_code(uint8_t protocol_number) {
    if (protocol_number == protocol::icmp) return icmp_type::echo_request << 8;
    if (protocol_number == protocol::icmpv6) return icmpv6_type::echo_request << 8;
    return 0;
}

// The next packet of one direction, as the pipeline would have it when its flow's epoch is old.
Journey next_packet(FlowEntry& entry, uint32_t epoch, bool comes_encapsulated) {
    Journey j{};
    j.key = key_of(entry);
    j.epoch = epoch;
    j.source_hop = entry.source_hop;
    j.came_encapsulated = comes_encapsulated;
    j.query_type_and_code = query_type_and_code(entry.protocol);
    j.flow = &entry;
    j.flow_mode = entry.mode;
    return j;
}

struct Judged {
    DropReason reason = DropReason::none;
    uint32_t decision = 0;
};

template <typename Tables>
Judged judge_direction(const Tables& tables, Journey j) {
    Fate fate = judge(tables, j);
    const bool is_by_policy = fate.is_decided() && (j.egress_decision | j.ingress_decision) != 0;
    if (is_by_policy) return {fate.drop_reason(), j.ingress_decision ? j.ingress_decision : j.egress_decision};
    if (!fate.is_decided()) fate = choose_next_hop(tables, j);
    return {fate.drop_reason(), 0};
}

class Judge {
   public:
    Judge(const SharedTables& tables, const ImageTables& planned)
        : tables_(tables), planned_(planned), epoch_(load(tables.config()->epoch)) {}

    Judged under_planned(FlowPair& pair) const { return judge_pair(planned_, pair); }
    Judged in_force(FlowPair& pair) const { return judge_pair(tables_, pair); }

   private:
    template <typename Tables>
    Judged judge_pair(const Tables& tables, FlowPair& pair) const {
        const Judged forward = judge_direction(tables, next_packet(pair.forward, epoch_, is_remote(pair.forward)));
        if (forward.reason != DropReason::none) return forward;
        return judge_direction(tables, next_packet(pair.reverse, epoch_, is_remote(pair.reverse)));
    }
    bool is_remote(const FlowEntry& entry) const {
        const NextHop* hop = tables_.next_hop(epoch_, entry.source_hop);
        return hop && hop->kind == NextHopKind::encapsulate;
    }
    const SharedTables& tables_;
    const ImageTables& planned_;
    const uint32_t epoch_;
};

// What one thread has found.
struct Found {
    uint64_t judged = 0, cut_already = 0;
    std::map<std::pair<DropReason, uint16_t>, uint64_t> reasons;
    std::vector<CutFlow> examples;

    void add(const Judge& judge, const FlowPair& seen, size_t examples_max) {
        if (state_of(seen.forward.mode) == FlowState::closed) return;
        FlowPair pair = seen;  // the pipeline's pointers are to what it may change
        const Judged judged_now = judge.under_planned(pair);
        if (judged_now.reason != DropReason::none && judge.in_force(pair).reason != DropReason::none) {
            ++cut_already;
            return;
        }
        ++judged;
        if (judged_now.reason == DropReason::none) return;
        ++reasons[{judged_now.reason, rule_of(judged_now.decision)}];
        if (examples.size() < examples_max) examples.push_back({pair, judged_now.reason, judged_now.decision});
    }
};

void add_up(FlowCuts& cuts, std::map<std::pair<DropReason, uint16_t>, uint64_t>& reasons, Found& found, size_t examples_max) {
    cuts.judged += found.judged;
    cuts.cut_already += found.cut_already;
    for (const auto& [reason, flows] : found.reasons) reasons[reason] += flows;
    for (CutFlow& example : found.examples)
        if (cuts.examples.size() < examples_max) cuts.examples.push_back(example);
}

}  // namespace

FlowCuts find_flow_cuts(const SharedTables& tables, const ImageTables& planned, uint32_t now, size_t examples_max) {
    const Judge judge(tables, planned);
    const uint32_t entries = tables.flow_entries();
    const uint32_t blocks = (entries + entries_judged_at_once - 1) / entries_judged_at_once;
    FlowCuts cuts;
    std::map<std::pair<DropReason, uint16_t>, uint64_t> reasons;
    std::atomic<uint32_t> next_block = 0;
    std::mutex mutex;
    const auto work = [&] {
        Found found;
        for (uint32_t block = next_block++; block < blocks; block = next_block++)
            walk_flows(tables, {block * entries_judged_at_once, (block + 1) * entries_judged_at_once}, now, {},
                       [&](const FlowPair& pair) {
                           found.add(judge, pair, examples_max);
                           return true;
                       });
        std::lock_guard lock(mutex);
        add_up(cuts, reasons, found, examples_max);
    };
    std::vector<std::jthread> others;
    const uint32_t threads = std::min({blocks, judging_threads_max, std::thread::hardware_concurrency()});
    while (others.size() + 1 < threads) others.emplace_back(work);
    work();
    others.clear();
    for (const auto& [reason, flows] : reasons) {
        cuts.reasons.push_back({reason.first, reason.second, flows});
        cuts.cut += flows;
    }
    std::stable_sort(cuts.reasons.begin(), cuts.reasons.end(), [](const auto& a, const auto& b) { return a.flows > b.flows; });
    return cuts;
}

std::string name_of(const CutReason& reason, const TableNames& names) {
    if (reason.rule != no_rule) return names.rule(reason.rule);
    return drop_reason_table[static_cast<uint32_t>(reason.reason)].name;
}

Json to_json(const FlowCuts& cuts, const TableNames& names_in_force, const TableNames& planned_names) {
    const auto rule_json = [&](uint16_t rule) { return rule == no_rule ? Json(nullptr) : Json(planned_names.rule(rule)); };
    const auto reason_name = [](DropReason reason) { return drop_reason_table[static_cast<uint32_t>(reason)].name; };
    Json reasons = Json::array(), examples = Json::array();
    for (const CutReason& reason : cuts.reasons)
        reasons.push_back({{"flows", reason.flows}, {"reason", reason_name(reason.reason)}, {"rule", rule_json(reason.rule)}});
    for (const CutFlow& flow : cuts.examples) {
        const FlowEntry& entry = flow.pair.forward;
        examples.push_back({{"network", names_in_force.network(entry.zone)},
                            {"plane", to_string(plane_of(entry))},
                            {"protocol", protocol_name(entry.protocol)},
                            {"source", to_string(entry.source)},
                            {"sourcePort", entry.source_port.to_host()},
                            {"destination", to_string(entry.destination)},
                            {"destinationPort", entry.destination_port.to_host()},
                            {"state", to_string(state_of(entry.mode))},
                            {"reason", reason_name(flow.reason)},
                            {"rule", rule_json(rule_of(flow.decision))}});
    }
    return {
        {"judged", cuts.judged}, {"cut", cuts.cut}, {"alreadyCut", cuts.cut_already}, {"reasons", reasons}, {"examples", examples}};
}

}  // namespace biplane
