// What stands before the body of an HTTP/1.1 message (RFC 9112, sections 3 to 5), as text. Pure: no system call.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "api/message.hpp"
#include "base/result.hpp"

namespace biplane {

using HttpFields = std::map<std::string, std::string>;  // names in small letters; values of a name given twice are joined by ", "

struct HttpRequestHead {
    std::string method;
    std::string path;
    std::map<std::string, std::string> query;
    HttpFields fields;
    bool is_version_1_0 = false;
};

struct HttpResponseHead {
    int status = 0;
    HttpFields fields;
};

inline constexpr std::string_view http_end_of_head = "\r\n\r\n";

// `text`: all lines up to the empty one, each with its CR LF, without the empty one. What is wrong is an answer for the sender.
tl::expected<HttpRequestHead, ApiReply> parse_request_head(std::string_view text, size_t target_bytes_max);
Result<HttpResponseHead> parse_response_head(std::string_view text);

// The value; nullptr if there is no such field.
const std::string* find_field(const HttpFields& fields, const std::string& name);
// Whether one of the values, separated by commas, is `word` (in small letters).
bool has_word(const HttpFields& fields, const std::string& name, std::string_view word);

// Percent-encoding undone (RFC 3986, section 2.1); nothing if it is wrong. In a query, "+" is a space.
std::optional<std::string> percent_decoded(std::string_view text, bool is_query);

// An answer as it goes onto the wire; its length is told also if the body is left out.
std::string http_text(const ApiReply& reply, bool is_kept_alive, bool has_body);

}  // namespace biplane
