// Is the flow table whole? A walk over all of it that finds what must not be there, while both planes work on it.
#pragma once
#include <cstdint>
#include <vector>

#include "api/message.hpp"
#include "planes/shared_tables.hpp"
#include "views/table_names.hpp"

namespace biplane {

struct FlowAudit {
    struct Owner {
        uint32_t number;  // layout/flow_shares.hpp; flow_owner_node: the pool
        int64_t counted;  // pairs found; of the pool: what all networks say they have borrowed
        int64_t said;     // by its FlowShare
    };
    uint64_t pairs = 0;         // expired ones that nobody has taken back yet included
    uint64_t half_pairs = 0;    // entries without their other direction
    uint64_t stale_claims = 0;  // ways that somebody claimed and left
    std::vector<Owner> wrong_owners;

    bool is_clean() const { return half_pairs == 0 && stale_claims == 0 && wrong_owners.empty(); }
};

// Flows that are made and taken back meanwhile may make an owner look wrong: it is one only if it still is when nothing moves.
FlowAudit audit_flows(const SharedTables& tables, uint32_t now);

// "network/NAME", "pool", or the port's name: "workload/NS/NAME", "host/NETWORK", "fabric/INTERFACE".
std::string owner_name(uint32_t owner, const TableNames& names);

Json to_json(const FlowAudit& audit, const TableNames& names);

}  // namespace biplane
