// Running a frame through the live programs without carrying it: BPF_PROG_TEST_RUN on the pinned program, with a nonce that
// tells the pipeline to write down what it decides and to change nothing.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "planes/shared_tables.hpp"

namespace biplane {

struct TraceRun {
    std::string program;              // name of the pinned program
    TraceRecord kernel;               // what the kernel plane decided
    std::optional<TraceRecord> user;  // if that was to punt: what the user plane would do with the frame
};

// `hook`: that of the port ("tcx", "xdp", "clsact", ...). `tables` mapped for writing. One trace at a time per node: the caller
// holds the lock.
Result<TraceRun> run_trace(const SharedTables& tables, const std::string& pin_directory, uint16_t port, const std::string& hook,
                           const std::vector<uint8_t>& frame);

}  // namespace biplane
