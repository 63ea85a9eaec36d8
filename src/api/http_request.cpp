#include "api/http_request.hpp"

#include <fmt/format.h>

namespace biplane {
size_t HttpRequestReader::take(std::string_view bytes) {
    size_t used = 0;
    while (used < bytes.size() && state_ != State::complete && state_ != State::refused)
        used += body_ ? take_body(bytes.substr(used)) : take_head(bytes.substr(used));
    return used;
}

size_t HttpRequestReader::take_head(std::string_view bytes) {
    if (state_ == State::empty) {  // empty lines may stand before a request (RFC 9112, section 2.2)
        const size_t begin = bytes.find_first_not_of("\r\n");
        if (begin == std::string_view::npos) return bytes.size();
        if (begin > 0) return begin;
        state_ = State::reading;
    }
    const size_t searched = head_text_.size() < http_end_of_head.size() ? 0 : head_text_.size() - http_end_of_head.size();
    const size_t before = head_text_.size();
    head_text_.append(bytes.substr(0, limits_.head_bytes + 1 - std::min(before, limits_.head_bytes)));
    const size_t end = head_text_.find(http_end_of_head, searched);
    if (end != std::string::npos) {
        const size_t used = end + http_end_of_head.size() - before;
        head_text_.resize(end + http_end_of_head.size() / 2);  // each line keeps its end
        read_head();
        return used;
    }
    if (head_text_.size() > limits_.head_bytes)
        refuse(error_reply(431, fmt::format("the request's head is larger than {} KiB", limits_.head_bytes >> 10)));
    return head_text_.size() - before;
}

void HttpRequestReader::read_head() {
    auto head = parse_request_head(head_text_, limits_.target_bytes);
    if (!head) return refuse(head.error());
    head_ = *std::move(head);
    is_kept_alive_ =
        head_.is_version_1_0 ? has_word(head_.fields, "connection", "keep-alive") : !has_word(head_.fields, "connection", "close");
    wants_progress_ = find_field(head_.fields, "biplane-progress") != nullptr;
    if (const std::string* coding = find_field(head_.fields, "content-encoding"); coding != nullptr && *coding != "identity")
        return refuse(error_reply(415, "a body with a content coding (" + *coding + ") is not read"));
    if (find_field(head_.fields, "expect") != nullptr && !has_word(head_.fields, "expect", "100-continue"))
        return refuse(error_reply(417, "this expectation is not met"));
    body_.emplace(head_.fields, limits_.body_bytes);
    is_expecting_ = body_->state() == HttpBodyReader::State::reading && find_field(head_.fields, "expect") != nullptr;
    note_body_state();
}

size_t HttpRequestReader::take_body(std::string_view bytes) {
    const size_t used = body_->take(bytes);
    note_body_state();
    return used;
}

void HttpRequestReader::note_body_state() {
    switch (body_->state()) {
        case HttpBodyReader::State::reading:
            return;
        case HttpBodyReader::State::complete:
            state_ = State::complete;
            return;
        case HttpBodyReader::State::invalid:
            return refuse(error_reply(400, "the length of the request's body is not given as HTTP/1.1 has it"));
        case HttpBodyReader::State::too_large:
            return refuse(error_reply(413, fmt::format("the body is larger than {} MiB", limits_.body_bytes >> 20)));
    }
}

void HttpRequestReader::refuse(ApiReply reply) {
    refusal_ = std::move(reply);
    state_ = State::refused;
}

ApiRequest HttpRequestReader::take_request() {
    return {.method = std::move(head_.method),
            .path = std::move(head_.path),
            .query = std::move(head_.query),
            .body = std::move(body_->body()),
            .sender = {}};
}

}  // namespace biplane
