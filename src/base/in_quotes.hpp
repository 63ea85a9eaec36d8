// Foreign text in a message: in quotes, shortened to 60 bytes, and with nothing in it that could upset a terminal.
#pragma once
#include <string>
#include <string_view>

namespace biplane {

std::string in_quotes(std::string_view text);

}  // namespace biplane
