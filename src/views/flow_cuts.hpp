// Which live flows planned tables would cut, found before they are in force. Reads only; the planes go on meanwhile.
#pragma once
#include <string>
#include <vector>

#include "api/message.hpp"
#include "control/plan/image_tables.hpp"
#include "views/flow_walk.hpp"
#include "views/table_names.hpp"

namespace biplane {

struct CutFlow {
    FlowPair pair;
    DropReason reason;
    uint32_t decision;  // PolicyRange::decision by the planned tables; 0: no policy cuts it
};

struct CutReason {
    DropReason reason;
    uint16_t rule;  // by the planned numbering; no_rule: no policy cuts it
    uint64_t flows;
};

// TCP connections that have ended are not counted anywhere: there is nothing left to cut.
struct FlowCuts {
    uint64_t judged = 0;             // flows that the tables in force carry
    uint64_t cut = 0;                // of them
    uint64_t cut_already = 0;        // that the tables in force do not carry either, and whose entries have not expired yet
    std::vector<CutReason> reasons;  // the most flows first
    std::vector<CutFlow> examples;   // in no order; at most `examples_max`
};

// A flow is cut if the pipeline's own judgement (datapath/steps/judge.hpp) refuses the next packet of one of its directions. Neither table
// says what kind of ICMP message opened a flow; it is judged as an echo. Several threads work at once. `now`: tick.
FlowCuts find_flow_cuts(const SharedTables& tables, const ImageTables& planned, uint32_t now, size_t examples_max);

// "NetworkPolicy/shop/db/ingress/0", or the drop reason where no policy is the cause.
std::string name_of(const CutReason& reason, const TableNames& names);

// {judged, cut, alreadyCut, reasons: [{flows, reason, rule}], examples: [{network, protocol, source, ...}]}. The names in force are
// those of the flows, the planned ones those of the rules.
Json to_json(const FlowCuts& cuts, const TableNames& names_in_force, const TableNames& planned_names);

}  // namespace biplane
