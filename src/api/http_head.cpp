#include "api/http_head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace biplane {
namespace {

constexpr std::string_view line_end = "\r\n";

auto refused(int status, const std::string& message) { return tl::unexpected(error_reply(status, message)); }

// RFC 9110, section 5.6.2.
bool is_token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
        return std::isalnum(c) != 0 || others.find(static_cast<char>(c)) != std::string_view::npos;
    });
}

bool is_value(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; });
}

std::string in_small_letters(std::string_view text) {
    std::string small(text);
    std::transform(small.begin(), small.end(), small.begin(), [](unsigned char c) { return std::tolower(c); });
    return small;
}

std::string_view without_blanks(std::string_view text) {
    const size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// The next piece up to `separator`, which goes with it.
std::string_view take_piece(std::string_view& text, std::string_view separator) {
    const size_t end = text.find(separator);
    const std::string_view piece = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + separator.size());
    return piece;
}

bool read_fields(std::string_view text, HttpFields& fields) {
    while (!text.empty()) {
        std::string_view line = take_piece(text, line_end);
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
            return false;  // so none is continued on a next line
        const std::string_view value = without_blanks(line.substr(colon + 1));
        if (!is_value(value)) return false;
        const auto [place, is_new] = fields.emplace(in_small_letters(line.substr(0, colon)), value);
        if (!is_new) place->second.append(", ").append(value);
    }
    return true;
}

bool read_query(std::string_view text, std::map<std::string, std::string>& query) {
    while (!text.empty()) {
        std::string_view value = take_piece(text, "&");
        const std::string_view name = take_piece(value, "=");
        const auto decoded_name = percent_decoded(name, true), decoded_value = percent_decoded(value, true);
        if (!decoded_name || !decoded_value) return false;
        if (!decoded_name->empty()) query[*decoded_name] = *decoded_value;
    }
    return true;
}

// "/path?query", also behind "http://name" (RFC 9112, section 3.2.2).
bool read_target(std::string_view target, HttpRequestHead& head) {
    constexpr std::string_view scheme = "http://";
    if (target.starts_with(scheme)) {
        target.remove_prefix(std::min(target.find('/', scheme.size()), target.size()));
        if (target.empty()) target = "/";
    }
    std::string_view query = target.substr(0, target.find('#'));
    const auto path = percent_decoded(take_piece(query, "?"), false);
    if (!path || !path->starts_with('/')) return false;
    head.path = *path;
    return read_query(query, head.query);
}

const char* reason_of(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 413:
            return "Content Too Large";
        case 500:
            return "Internal Server Error";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        default:
            return "Refused";
    }
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text, bool is_query) {
    std::string decoded;
    decoded.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += is_query && text[i] == '+' ? ' ' : text[i];
            continue;
        }
        unsigned value = 0;
        const char* digits = text.data() + i + 1;
        if (text.size() - i < 3 || std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) return std::nullopt;
        decoded += static_cast<char>(value);
        i += 2;
    }
    return decoded;
}

tl::expected<HttpRequestHead, ApiReply> parse_request_head(std::string_view text, size_t target_bytes_max) {
    const std::string invalid = "the request is not valid HTTP";
    std::string_view line = take_piece(text, line_end);
    const std::string_view method = take_piece(line, " ");
    const std::string_view target = take_piece(line, " ");
    if (!is_token(method) || target.empty() || !line.starts_with("HTTP/")) return refused(400, invalid);
    if (line != "HTTP/1.1" && line != "HTTP/1.0") return refused(505, "this is a server of HTTP/1.1");
    if (target.size() > target_bytes_max) return refused(414, "the path is too long");
    HttpRequestHead head{
        .method = std::string(method), .path = {}, .query = {}, .fields = {}, .is_version_1_0 = line == "HTTP/1.0"};
    if (!read_target(target, head) || !read_fields(text, head.fields)) return refused(400, invalid);
    if (!head.is_version_1_0 && find_field(head.fields, "host") == nullptr) return refused(400, "the request names no host");
    return head;
}

Result<HttpResponseHead> parse_response_head(std::string_view text) {
    HttpResponseHead head;
    std::string_view line = take_piece(text, line_end);
    const std::string_view version = take_piece(line, " ");
    const std::string_view status = take_piece(line, " ");
    const auto [end, error] = std::from_chars(status.data(), status.data() + status.size(), head.status);
    const bool is_number = error == std::errc() && end == status.data() + status.size() && status.size() == 3;
    if (!version.starts_with("HTTP/1.") || !is_number || !read_fields(text, head.fields)) return failure("the answer is not HTTP");
    return head;
}

const std::string* find_field(const HttpFields& fields, const std::string& name) {
    const auto found = fields.find(name);
    return found == fields.end() ? nullptr : &found->second;
}

bool has_word(const HttpFields& fields, const std::string& name, std::string_view word) {
    const std::string* value = find_field(fields, name);
    if (value == nullptr) return false;
    std::string_view rest = *value;
    while (!rest.empty())
        if (in_small_letters(without_blanks(take_piece(rest, ","))) == word) return true;
    return false;
}

std::string http_text(const ApiReply& reply, bool is_kept_alive, bool has_body) {
    std::string text =
        fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n\r\n", reply.status,
                    reason_of(reply.status), reply.content_type, reply.body.size(), is_kept_alive ? "keep-alive" : "close");
    return has_body ? text += reply.body : text;
}

}  // namespace biplane
