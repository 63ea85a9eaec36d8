// Lists of flows as text, made by several threads while the planes go on. The order is that of the table.
#pragma once
#include "base/result.hpp"
#include "views/flow_view.hpp"
#include "views/text_buffer.hpp"

namespace biplane {

// What is listed. References: it lives no longer than a call.
struct FlowSelection {
    const SharedTables& tables;
    const TableNames& names;
    const FlowFilter& filter;
    uint32_t now;

    // Visits what is listed; see walk_flows().
    uint32_t walk(FlowRange range, const std::function<bool(const FlowPair&)>& visit) const;
    FlowRange everything() const { return {0, tables.flow_entries()}; }
};

// Appends a pair to the text of its thread.
using WriteFlow = std::function<void(const FlowPair& pair, TextBuffer& buffer)>;
// Takes the next piece of the whole text; one thread at a time. A failure ends the list.
using TakeText = std::function<Status(std::string_view text)>;

// Every thread asks for a WriteFlow of its own.
Status write_flows(const FlowSelection& selection, FlowRange range, const std::function<WriteFlow()>& make_writer,
                   const TakeText& take);

// All of them as a JSON array, one pair a line.
Status write_flows_json(const FlowSelection& selection, const TakeText& take);
// The first `limit` of them, on the caller's thread alone.
std::string flows_json(const FlowSelection& selection, uint64_t limit);

}  // namespace biplane
