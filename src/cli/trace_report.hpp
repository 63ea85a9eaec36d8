// What a trace says, step by step, for people and as JSON (docs/api.md).
#pragma once
#include "api/message.hpp"
#include "cli/live_tables.hpp"
#include "cli/trace_packet.hpp"
#include "cli/trace_run.hpp"

namespace biplane {

Json report_trace(const LiveTables& live, const TraceRun& run, const TracePacket& packet, const std::string& hook);
std::string to_lines(const Json& report);

}  // namespace biplane
