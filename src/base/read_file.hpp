// A whole file as text.
#pragma once
#include <string>

#include "base/result.hpp"

namespace biplane {

// The error names the path; its code is ENOENT if there is no such file.
Result<std::string> read_file(const std::string& path);

}  // namespace biplane
