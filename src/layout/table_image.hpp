// The planned tables of one bank as values: made by control/plan, written by planes/publish. Hosted code only.
#pragma once
#include <vector>

#include "layout/flow_shares.hpp"
#include "layout/policy.hpp"
#include "layout/tables.hpp"

namespace biplane {

// The planned tables of one bank, whole: a vector for each, named like the table. A vector may be shorter than its table; what is
// behind its end is left as it is.
struct TableImage {
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) std::vector<Entry> table;
#include "layout/table_list.def"

    // A table that is reached by number from other tables has entry 0 in any case.
    TableImage() : address_classes(1), policy_subjects{{0, 1}}, policy_buckets(1), flow_limits(flow_owners_max) {}
};

}  // namespace biplane
