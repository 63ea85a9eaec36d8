#include "api/http_request.hpp"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include "api/http_body.hpp"
#include "api/http_target.hpp"

namespace biplane {
namespace {

namespace http = boost::beast::http;
using boost::beast::iequals;

constexpr size_t chunk_head_bytes_max = 1024;  // size and extensions of a chunk, and a trailer

}  // namespace

struct HttpRequestReader::Parser {
    http::request_parser<HttpBody> http;
    boost::beast::error_code error;
};

HttpRequestReader::HttpRequestReader(const HttpLimits& limits) : limits_(limits), parser_(std::make_unique<Parser>()) {
    parser_->http.header_limit(static_cast<uint32_t>(limits.head_bytes));
    parser_->http.body_limit(limits.body_bytes);
}
HttpRequestReader::HttpRequestReader(HttpRequestReader&&) noexcept = default;
HttpRequestReader& HttpRequestReader::operator=(HttpRequestReader&&) noexcept = default;
HttpRequestReader::~HttpRequestReader() = default;

size_t HttpRequestReader::bytes_held() const { return pending_.capacity() + parser_->http.get().body().capacity(); }

size_t HttpRequestReader::take(std::string_view bytes) {
    size_t used = 0;
    if (state_ == State::empty) {  // empty lines may stand before a request (RFC 9112, section 2.2)
        used = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
        if (used == bytes.size()) return used;
        state_ = State::reading;
    }
    while (used < bytes.size() && state_ == State::reading) used += parse(bytes.substr(used));
    return used;
}

// At most one part of the message: the head, then the body.
size_t HttpRequestReader::parse(std::string_view bytes) {
    const size_t before = pending_.size();
    if (before != 0) pending_ += bytes;
    const std::string_view all = before != 0 ? std::string_view(pending_) : bytes;
    const size_t parsed = parser_->http.put(boost::asio::buffer(all.data(), all.size()), parser_->error);
    if (parser_->error && parser_->error != http::error::need_more) {
        note_error(all);
        return bytes.size();
    }
    if (parser_->http.is_header_done() && !has_head_) check_head();
    if (state_ == State::reading && parser_->http.is_done()) state_ = State::complete;
    if (parser_->error == http::error::need_more && state_ == State::reading) {
        pending_ = std::string(all.substr(parsed));
        if (has_head_ && pending_.size() > chunk_head_bytes_max)
            refuse(error_reply(400, "the length of a chunk of the body is not given as HTTP/1.1 has it"));
        return bytes.size();
    }
    pending_.clear();
    return parsed - before;  // nothing that was pending is left: the parser could not go on without what came now
}

void HttpRequestReader::note_error(std::string_view what_came) {
    const auto& error = parser_->error;
    if (error == http::error::header_limit)
        return refuse(error_reply(431, fmt::format("the request's head is larger than {} KiB", limits_.head_bytes >> 10)));
    if (error == http::error::body_limit)
        return refuse(error_reply(413, fmt::format("the body is larger than {} MiB", limits_.body_bytes >> 20)));
    if (error == http::error::bad_version && what_came.find(" HTTP/") != std::string_view::npos)
        return refuse(error_reply(505, "this is a server of HTTP/1.1"));
    refuse(error_reply(400, "the request is not valid HTTP: " + error.message()));
}

void HttpRequestReader::check_head() {
    has_head_ = true;
    parser_->http.eager(true);
    const auto& head = parser_->http.get();
    is_kept_alive_ = head.keep_alive();
    wants_progress_ = head.find(progress_field) != head.end();
    const auto target = head.target();
    if (target.size() > limits_.target_bytes) return refuse(error_reply(414, "the path is too long"));
    auto parsed = parse_target({target.data(), target.size()});
    if (!parsed) return refuse(error_reply(400, "the request's target is no path"));
    if (head.version() == 11 && head.find(http::field::host) == head.end())
        return refuse(error_reply(400, "the request names no host"));
    const auto transfer = head[http::field::transfer_encoding], content = head[http::field::content_encoding];
    if (!transfer.empty() && !iequals(transfer, "chunked"))
        return refuse(error_reply(400, "the only transfer coding that is read is chunked"));
    if (!content.empty() && !iequals(content, "identity"))
        return refuse(error_reply(415, fmt::format("a body with a content coding ({}) is not read", std::string(content))));
    const auto expected = head[http::field::expect];
    if (!expected.empty() && !iequals(expected, "100-continue")) return refuse(error_reply(417, "this expectation is not met"));
    is_expecting_ = !expected.empty() && !parser_->http.is_done();
    request_.method = std::string(head.method_string());
    request_.path = std::move(parsed->path);
    request_.query = std::move(parsed->query);
}

void HttpRequestReader::refuse(ApiReply reply) {
    refusal_ = std::move(reply);
    state_ = State::refused;
}

ApiRequest HttpRequestReader::take_request() {
    request_.body = std::move(parser_->http.get().body());
    return std::move(request_);
}

}  // namespace biplane
