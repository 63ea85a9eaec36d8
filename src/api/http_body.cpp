#include "api/http_body.hpp"

#include <algorithm>
#include <charconv>

namespace biplane {
namespace {

constexpr size_t line_bytes_max = 1024;  // the size of a chunk with its extensions
constexpr size_t trailer_bytes_max = 8192;

bool read_number(std::string_view text, int base, uint64_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

}  // namespace

HttpBodyReader::HttpBodyReader(const HttpFields& fields, size_t bytes_max) : bytes_max_(bytes_max) {
    const std::string* length = find_field(fields, "content-length");
    const std::string* coding = find_field(fields, "transfer-encoding");
    const bool is_chunked = has_word(fields, "transfer-encoding", "chunked") && coding->find(',') == std::string::npos;
    uint64_t bytes = 0;
    if (coding != nullptr && (length != nullptr || !is_chunked))
        state_ = State::invalid;
    else if (coding != nullptr)
        part_ = Part::chunk_size;
    else if (length != nullptr && !read_number(*length, 10, bytes))
        state_ = State::invalid;
    else
        begin(bytes, Part::sized);
}

void HttpBodyReader::begin(uint64_t bytes, Part part) {
    left_ = bytes;
    part_ = part;
    if (bytes > bytes_max_ - body_.size())
        state_ = State::too_large;
    else if (bytes == 0 && part == Part::sized)
        state_ = State::complete;
    else if (part == Part::sized)
        body_.reserve(std::min<uint64_t>(bytes, 65536));  // more when it comes: a length is quickly said
}

size_t HttpBodyReader::take(std::string_view bytes) {
    size_t used = 0;
    while (state_ == State::reading && used < bytes.size()) {
        const std::string_view rest = bytes.substr(used);
        if (part_ != Part::sized && part_ != Part::chunk) {
            used += take_line(rest);
            continue;
        }
        const size_t now = std::min<uint64_t>(left_, rest.size());
        body_.append(rest.substr(0, now));
        used += now;
        left_ -= now;
        if (left_ > 0) continue;
        if (part_ == Part::sized) state_ = State::complete;
        part_ = Part::chunk_end;
    }
    return used;
}

size_t HttpBodyReader::take_line(std::string_view bytes) {
    const size_t end = bytes.find('\n');
    const size_t now = end == std::string_view::npos ? bytes.size() : end + 1;
    line_.append(bytes.substr(0, now));
    if (line_.size() > line_bytes_max)
        state_ = State::invalid;
    else if (end != std::string_view::npos)
        end_line();
    return now;
}

void HttpBodyReader::end_line() {
    std::string_view line = line_;
    if (!line.ends_with("\r\n")) {
        state_ = State::invalid;
        return;
    }
    line.remove_suffix(2);
    if (part_ == Part::trailer) {
        trailer_bytes_ += line_.size();
        if (line.empty()) state_ = State::complete;
        if (trailer_bytes_ > trailer_bytes_max) state_ = State::invalid;
    } else if (part_ == Part::chunk_end) {
        if (!line.empty()) state_ = State::invalid;
        part_ = Part::chunk_size;
    } else {
        uint64_t bytes = 0;
        std::string_view size = line.substr(0, line.find(';'));
        size.remove_suffix(size.size() - (size.find_last_not_of(" \t") + 1));
        if (!read_number(size, 16, bytes))
            state_ = State::invalid;
        else
            begin(bytes, bytes == 0 ? Part::trailer : Part::chunk);
    }
    line_.clear();
}

}  // namespace biplane
