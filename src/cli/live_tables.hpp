// The pinned tables of this node, read without the agent, and what the numbers in them stand for.
#pragma once
#include "cli/command.hpp"
#include "planes/shared_tables.hpp"
#include "store/node_stores.hpp"
#include "views/port_view.hpp"
#include "views/table_names.hpp"

namespace biplane {

struct LiveTables {
    NodeConfig config;
    SharedTables tables;
    Numbering numbering;
    TableNames names;
};
Result<LiveTables> open_live_tables(const Context& context, SharedTables::Access access = SharedTables::Access::read);

}  // namespace biplane
