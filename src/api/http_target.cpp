#include "api/http_target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <charconv>

namespace biplane {
namespace {

// The next piece up to `separator`, which goes with it.
std::string_view take_piece(std::string_view& text, std::string_view separator) {
    const size_t end = text.find(separator);
    const std::string_view piece = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + separator.size());
    return piece;
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

}  // namespace

std::optional<HttpTarget> parse_target(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    if (text.starts_with(scheme)) {
        text.remove_prefix(std::min(text.find('/', scheme.size()), text.size()));
        if (text.empty()) text = "/";
    }
    HttpTarget target;
    std::string_view query = text.substr(0, text.find('#'));
    const auto path = percent_decoded(take_piece(query, "?"), false);
    if (!path || !path->starts_with('/')) return std::nullopt;
    target.path = *path;
    if (!read_query(query, target.query)) return std::nullopt;
    return target;
}

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

std::string http_text(const ApiReply& reply, bool is_kept_alive, bool has_body) {
    const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(reply.status));
    std::string text = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n\r\n",
                                   reply.status, std::string_view(reason.data(), reason.size()), reply.content_type,
                                   reply.body.size(), is_kept_alive ? "keep-alive" : "close");
    return has_body ? text += reply.body : text;
}

}  // namespace biplane
