#include "base/in_quotes.hpp"

#include <fmt/format.h>

namespace biplane {

std::string in_quotes(std::string_view text) {
    constexpr size_t shown_max = 60;
    std::string shown = "\"";
    for (const char c : text.substr(0, shown_max))
        shown += c >= ' ' && c != '\x7f' ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    return shown + (text.size() > shown_max ? "...\"" : "\"");
}

}  // namespace biplane
