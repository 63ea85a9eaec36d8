// Text that is put together from many small pieces: room is asked for once per line, the pieces are then put at a pointer that
// moves on. Each put_...() returns where the next piece goes.
//
//     char* at = buffer.room_for(64 + name.size());
//     at = put(at, "name=");
//     at = put(at, name);
//     buffer.end_at(at);
#pragma once
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace biplane {

class TextBuffer {
   public:
    // So many bytes behind the text that is there; valid until the next call.
    char* room_for(size_t bytes) {
        if (size_ + bytes > capacity_) grow(size_ + bytes);
        return bytes_.get() + size_;
    }
    void end_at(const char* end) { size_ = static_cast<size_t>(end - bytes_.get()); }
    void clear() { size_ = 0; }
    std::string_view text() const { return {bytes_.get(), size_}; }

   private:
    void grow(size_t bytes) {
        capacity_ = std::max(bytes, 2 * capacity_);
        std::unique_ptr<char[]> larger(new char[capacity_]);  // not zeroed
        if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
        bytes_ = std::move(larger);
    }
    std::unique_ptr<char[]> bytes_;
    size_t size_ = 0;
    size_t capacity_ = 0;
};

template <size_t size>
char* put(char* at, const char (&literal)[size]) {
    std::memcpy(at, literal, size - 1);
    return at + size - 1;
}

inline char* put(char* at, std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
}

constexpr size_t number_size_max = 20;
inline char* put_number(char* at, uint64_t number) { return std::to_chars(at, at + number_size_max, number).ptr; }

}  // namespace biplane
