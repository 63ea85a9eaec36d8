#include "api/http_response.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include "api/http_body.hpp"

namespace biplane {
namespace {

namespace http = boost::beast::http;

constexpr uint32_t head_bytes_max = 64 << 10;
constexpr uint64_t body_bytes_max = uint64_t{4} << 30;

}  // namespace

struct HttpResponseReader::Parser {
    http::response_parser<HttpBody> http;
};

HttpResponseReader::HttpResponseReader() { start(); }
HttpResponseReader::~HttpResponseReader() = default;

void HttpResponseReader::start() {
    parser_ = std::make_unique<Parser>();
    parser_->http.header_limit(head_bytes_max);
    parser_->http.body_limit(body_bytes_max);
    parser_->http.eager(true);
}

void HttpResponseReader::take(std::string_view bytes) {
    pending_ += bytes;
    while (state_ == State::reading && !pending_.empty()) {
        boost::beast::error_code error;
        const size_t parsed = parser_->http.put(boost::asio::buffer(pending_), error);
        pending_.erase(0, parsed);
        if (error && error != http::error::need_more) {
            state_ = State::invalid;
        } else if (parser_->http.is_done()) {
            const bool is_answer = parser_->http.get().result_int() >= 200;
            if (is_answer)
                state_ = State::complete;
            else
                start();
        } else if (error) {
            return;
        }
    }
}

ApiReply HttpResponseReader::take_reply() {
    auto& answer = parser_->http.get();
    return {static_cast<int>(answer.result_int()), std::move(answer.body()), std::string(answer[http::field::content_type])};
}

}  // namespace biplane
