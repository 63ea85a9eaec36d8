// Putting planned tables into force.
#pragma once
#include "base/result.hpp"
#include "layout/table_image.hpp"
#include "planes/shared_tables.hpp"

namespace biplane {

// Writes the bank that is not in force and makes it the one in force: waits until neither plane reads it any more (an RCU grace
// period by membarrier(2), a lap of the user plane), writes only entries that differ, then stores the new epoch.
// Returns it. One publisher at a time.
Result<uint32_t> publish(SharedTables& tables, const TableImage& image);

}  // namespace biplane
