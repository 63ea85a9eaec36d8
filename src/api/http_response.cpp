#include "api/http_response.hpp"

namespace biplane {
namespace {

constexpr size_t head_bytes_max = 64 << 10;
constexpr size_t body_bytes_max = size_t{4} << 30;

}  // namespace

void HttpResponseReader::take(std::string_view bytes) {
    if (state_ != State::reading) return;
    if (!body_) {
        text_ += bytes;
        while (!body_ && state_ == State::reading && text_.find(http_end_of_head) != std::string::npos) read_head();
        if (!body_) {
            if (text_.size() > head_bytes_max) state_ = State::invalid;
            return;
        }
        bytes = text_;
    }
    body_->take(bytes);
    text_.clear();
    if (body_->state() == HttpBodyReader::State::complete) state_ = State::complete;
    if (body_->state() == HttpBodyReader::State::invalid || body_->state() == HttpBodyReader::State::too_large)
        state_ = State::invalid;
}

void HttpResponseReader::read_head() {
    const size_t end = text_.find(http_end_of_head);
    auto head = parse_response_head(std::string_view(text_).substr(0, end + http_end_of_head.size() / 2));
    text_.erase(0, end + http_end_of_head.size());
    if (!head) {
        state_ = State::invalid;
    } else if (head->status >= 200) {
        head_ = *std::move(head);
        body_.emplace(head_.fields, body_bytes_max);
    }
}

ApiReply HttpResponseReader::take_reply() {
    const std::string* type = find_field(head_.fields, "content-type");
    return {head_.status, std::move(body_->body()), type == nullptr ? "" : *type};
}

}  // namespace biplane
