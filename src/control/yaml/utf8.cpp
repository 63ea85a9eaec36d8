#include "control/yaml/utf8.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "control/yaml/place.hpp"

namespace biplane {
namespace {

// How many bytes the valid character at `position` has; 0: there is none. Ranges: RFC 3629, section 4.
size_t character_length(std::string_view text, size_t position) {
    const auto byte = [&](size_t n) -> uint8_t {
        return position + n < text.size() ? static_cast<uint8_t>(text[position + n]) : 0;
    };
    const auto is_tail = [&](size_t n) { return (byte(n) & 0xc0) == 0x80; };
    const uint8_t first = byte(0), second = byte(1);
    if (first == 0) return 0;
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return is_tail(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        const bool is_overlong = first == 0xe0 && second < 0xa0;
        const bool is_surrogate = first == 0xed && second > 0x9f;
        return is_tail(1) && is_tail(2) && !is_overlong && !is_surrogate ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool is_overlong = first == 0xf0 && second < 0x90;
        const bool is_too_large = first == 0xf4 && second > 0x8f;
        return is_tail(1) && is_tail(2) && is_tail(3) && !is_overlong && !is_too_large ? 4 : 0;
    }
    return 0;
}

}  // namespace

size_t find_invalid_utf8(std::string_view text) {
    for (size_t position = 0; position < text.size();) {
        const size_t length = character_length(text, position);
        if (length == 0) return position;
        position += length;
    }
    return text.npos;
}

Status check_utf8(std::string_view text, const std::string& file) {
    const size_t bad = find_invalid_utf8(text);
    if (bad == text.npos) return {};
    const auto line_start = bad == 0 ? text.npos : text.rfind('\n', bad - 1);
    const Place place{static_cast<int>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(bad), '\n')) + 1,
                      static_cast<int>(line_start == text.npos ? bad + 1 : bad - line_start)};
    return failure(fmt::format("{}found the byte 0x{:02x}, expected UTF-8 text", prefix_of(file, place),
                               static_cast<unsigned char>(text[bad])));
}

}  // namespace biplane
