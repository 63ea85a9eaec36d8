// Where something stands in a text: what a message starts with.
#pragma once
#include <string>

namespace biplane {

// Counted from 1; 0: unknown. A column is a byte of its line.
struct Place {
    int line = 0;
    int column = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
};

// "file:line:column"; nothing for what stands in no file.
inline std::string position_of(const std::string& file, Place place) {
    return file.empty() ? "" : file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

// The same with what separates it from the message.
inline std::string prefix_of(const std::string& file, Place place) { return file.empty() ? "" : position_of(file, place) + ": "; }

}  // namespace biplane
