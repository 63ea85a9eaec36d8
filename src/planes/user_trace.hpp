// What the user plane would do with a frame: runs its pipeline on the shared tables without changing a flow, a counter or a
// byte. The tables must be mapped for writing: the record goes through the trace table.
#pragma once
#include <cstdint>
#include <vector>

#include "planes/shared_tables.hpp"

namespace biplane {

// `frame` from its Ethernet header on, as it comes in through port number `port`.
TraceRecord trace_in_user_plane(const SharedTables& tables, uint16_t port, std::vector<uint8_t> frame);

}  // namespace biplane
