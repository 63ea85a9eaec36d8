// Events that rules with `log` have left in the tables (layout/events.hpp).
#pragma once
#include <cstdint>
#include <vector>

#include "api/message.hpp"
#include "planes/shared_tables.hpp"
#include "views/table_names.hpp"

namespace biplane {

// Reads each ring from where it stopped the last time; at first from the oldest event that is still there. Several readers do not know
// of each other.
class EventReader {
   public:
    explicit EventReader(const SharedTables& tables) : tables_(tables), read_(tables.sizes().counter_slots) {}

    // What has come since the last call, oldest first.
    std::vector<PolicyEvent> read();
    // Events that were overwritten before they were read here.
    uint64_t lost() const { return lost_; }

   private:
    const SharedTables& tables_;
    std::vector<uint64_t> read_;  // per ring: events read so far
    uint64_t lost_ = 0;
    bool is_first_ = true;
};

struct EventTotals {
    uint64_t written = 0;
    uint64_t suppressed = 0;  // beyond the rate limit: counted, not written
};
EventTotals event_totals(const SharedTables& tables);

// `now`: current_tick(); `now_s`: seconds since 1970 at that moment.
Json event_to_json(const PolicyEvent& event, const TableNames& names, uint32_t now, double now_s);

}  // namespace biplane
