// Is the flow table whole? Walks over all of it that find what must not be there, while both planes work on it.
#pragma once
#include <cstdint>
#include <map>
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
    uint64_t pairs = 0;         // expired ones that were not taken back yet included
    uint64_t half_pairs = 0;    // entries without their other direction
    uint64_t stale_claims = 0;  // ways that were claimed and left so
    std::vector<Owner> wrong_owners;
    bool is_settled = false;  // the owners were compared exactly, once at least

    bool is_clean() const { return half_pairs == 0 && stale_claims == 0 && wrong_owners.empty(); }
};

// Looks several times. What is being made or taken back at a look may seem wrong, so only what is wrong at every look, and is the same
// each time, is reported. Between two looks should be more time than a program may be kept from its processor.
//
// While pairs come and go an owner's count must lie within what they can explain. It is compared exactly when nothing has moved for
// a second: whoever had paid for a pair that was not there yet has made it by then, or is dead.
class FlowAuditor {
   public:
    explicit FlowAuditor(const SharedTables& tables) : tables_(tables) {}

    void look(uint32_t now);
    // Something was not as it should be: only another look tells whether it stays so.
    bool needs_look() const { return !suspects_.empty() || !last_differences_.empty(); }
    // As of the looks so far.
    FlowAudit audit() const;

   private:
    // An entry or claim, by its way: what tells it from another one in the same way later.
    struct Suspect {
        uint32_t signature;
        uint32_t created;
        bool is_claim;
        friend bool operator==(const Suspect&, const Suspect&) = default;
    };
    // What the shares say at one moment, and how many pairs were made until then.
    struct Tally {
        std::vector<int64_t> said;  // by owner; the pool's is what all networks have borrowed
        int64_t pool = 0;
        uint64_t created = 0;
        int64_t in_zones = 0;
        friend bool operator==(const Tally&, const Tally&) = default;
    };
    using Suspects = std::map<uint32_t, Suspect>;
    using Owners = std::map<uint32_t, FlowAudit::Owner>;
    struct Comparison {
        Owners differences;  // from what is said
        Owners unexplained;  // those of them that pairs which come and go do not explain
    };

    Tally read_tally(bool is_before) const;
    Suspects walk(uint32_t now, std::vector<int64_t>& counted);
    Comparison compare(const Tally& before, const Tally& after, const std::vector<int64_t>& counted) const;

    const SharedTables& tables_;
    bool has_looked_ = false;
    bool is_settled_ = false;
    uint64_t pairs_ = 0;
    Tally last_;
    Owners last_differences_;
    Suspects suspects_;           // at every look
    Owners unexplained_;          // at every look
    uint32_t at_rest_since_ = 0;  // tick of the last look at which something had moved
    Owners differences_at_rest_;  // of the last look, if that was long ago
};

// "network/NAME", "pool", or the port's name: "workload/NS/NAME", "host/NETWORK", "fabric/INTERFACE".
std::string owner_name(uint32_t owner, const TableNames& names);

Json to_json(const FlowAudit& audit, const TableNames& names);

}  // namespace biplane
