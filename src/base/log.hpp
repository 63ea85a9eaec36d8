// The log of a program: lines on stderr, "2026-01-31 12:00:00.000 biplaned info: text". Call once, at the start of main; log
// with spdlog::info(...) and its like.
#pragma once
#include <string>

#include "base/result.hpp"

namespace biplane {

// `level`: debug, info, warn or error.
Status start_log(const std::string& program, const std::string& level);

}  // namespace biplane
