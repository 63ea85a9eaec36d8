// Is a text UTF-8 (RFC 3629)?
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace biplane {

// Position of the first byte that starts no valid character; npos if there is none. NUL counts as invalid: no text of ours has it.
size_t find_invalid_utf8(std::string_view text);

// The same as an error with its place in `file`.
Status check_utf8(std::string_view text, const std::string& file);

}  // namespace biplane
