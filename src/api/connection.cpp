#include "api/connection.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "api/http_target.hpp"

namespace biplane {
namespace {

constexpr size_t bytes_at_once = 64 << 10;
constexpr std::chrono::seconds progress_interval{1};
constexpr size_t large_bytes = 1 << 20;

bool is_only_for_now(int code) { return code == EAGAIN || code == EWOULDBLOCK || code == EINTR; }

}  // namespace

short Connection::events() const {
    const short output = sent_ < output_.size() ? POLLOUT : 0;
    return static_cast<short>(output | (phase_ == Phase::reading || phase_ == Phase::draining ? POLLIN : 0));
}

size_t Connection::bytes_held() const { return reader_.bytes_held() + request_bytes_ + ahead_.capacity() + output_.capacity(); }

void Connection::enter(Phase phase) {
    phase_ = phase;
    since_ = Clock::now();
}

void Connection::close() {
    fd_ = Fd();
    enter(Phase::closed);
}

void Connection::receive() {
    if (phase_ == Phase::draining) return drain();
    if (phase_ != Phase::reading) return;
    char bytes[bytes_at_once];
    const ssize_t count = ::recv(fd_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (count < 0 && is_only_for_now(errno)) return;
    if (count <= 0) return close();
    feed({bytes, static_cast<size_t>(count)});
}

void Connection::feed(std::string_view bytes) {
    const bool was_idle = is_idle();
    const size_t used = reader_.take(bytes);
    if (was_idle && !is_idle()) since_ = Clock::now();
    ahead_.assign(bytes.substr(used));
    if (reader_.take_expectation()) put(http_continue);
    if (phase_ == Phase::reading && reader_.state() == HttpRequestReader::State::refused) refuse(ApiReply(reader_.refusal()));
}

std::optional<ApiRequest> Connection::take_request() {
    if (phase_ != Phase::reading || reader_.state() != HttpRequestReader::State::complete) return std::nullopt;
    ApiRequest request = reader_.take_request();
    request.sender = sender_;
    request_bytes_ = request.body.size();
    is_head_ = request.method == "HEAD";  // GET without the body of the answer
    if (is_head_) request.method = "GET";
    is_reading_only_ = request.method == "GET";
    has_begun_ = false;
    enter(Phase::handling);
    next_progress_ = since_ + progress_interval;
    return request;
}

void Connection::answer(const ApiReply& reply) {
    was_large_ = was_large_ || request_bytes_ > large_bytes || reply.body.size() > large_bytes;
    request_bytes_ = 0;
    is_refused_ = false;
    enter(Phase::answering);
    put(http_text(reply, reader_.is_kept_alive(), !is_head_));
}

void Connection::refuse(const ApiReply& reply) {
    was_large_ = was_large_ || reader_.bytes_held() > large_bytes;
    is_refused_ = true;
    reader_ = HttpRequestReader(limits_);
    ahead_ = {};
    enter(Phase::answering);
    put(http_text(reply, false, true));
}

void Connection::tell_progress() {
    if (phase_ != Phase::handling || !reader_.wants_progress() || Clock::now() < next_progress_) return;
    next_progress_ = Clock::now() + progress_interval;
    put(http_processing);
}

void Connection::put(std::string_view text) {
    if (phase_ == Phase::closed) return;
    output_ += text;
    send();
}

void Connection::send() {
    while (sent_ < output_.size()) {
        const ssize_t count = ::send(fd_.get(), output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && is_only_for_now(errno)) return;
        if (count < 0) return close();
        sent_ += static_cast<size_t>(count);
    }
    output_ = {};
    sent_ = 0;
    if (phase_ != Phase::answering) return;
    if (is_refused_) {
        ::shutdown(fd_.get(), SHUT_WR);
        return enter(Phase::draining);
    }
    if (!reader_.is_kept_alive()) return close();
    reader_ = HttpRequestReader(limits_);
    enter(Phase::reading);
    feed(std::exchange(ahead_, {}));
}

void Connection::drain() {
    char nowhere[bytes_at_once];
    const ssize_t count = ::recv(fd_.get(), nowhere, sizeof nowhere, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && !is_only_for_now(errno))) close();
}

}  // namespace biplane
