// The target of an HTTP request as path and query (RFC 3986; RFC 9112, section 3.2), and an answer as text. Pure: no system call.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "api/message.hpp"

namespace biplane {

struct HttpTarget {
    std::string path;  // begins with "/"
    std::map<std::string, std::string> query;
};

// "/path?query", also behind "http://name". Nothing if it is no target.
std::optional<HttpTarget> parse_target(std::string_view text);

// Percent-encoding undone (RFC 3986, section 2.1); nothing if it is wrong. In a query, "+" is a space.
std::optional<std::string> percent_decoded(std::string_view text, bool is_query);

// An answer as it goes onto the wire; its length is told also if the body is left out.
std::string http_text(const ApiReply& reply, bool is_kept_alive, bool has_body);

}  // namespace biplane
