// One client of the API: bytes in, a request out, its answer in, bytes out. Never waits. The server's loop calls it, on one thread.
//
//     reading -> handling -> answering -> reading ...          a request, and perhaps another one
//     reading -> answering -> draining                         one that is refused: what is still coming is read and forgotten
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "api/http_request.hpp"
#include "base/fd.hpp"

namespace biplane {

class Connection {
   public:
    enum class Phase { reading, handling, answering, draining, closed };
    using Clock = std::chrono::steady_clock;

    Connection(Fd fd, const ApiSender& sender, const HttpLimits& limits)
        : fd_(std::move(fd)), sender_(sender), limits_(limits), reader_(limits) {}

    int fd() const { return fd_.get(); }
    short events() const;  // to poll(2) for
    Phase phase() const { return phase_; }
    // Since when it is in its phase; while reading, since the first byte came, or since the last request was done.
    Clock::time_point since() const { return since_; }
    bool is_idle() const { return phase_ == Phase::reading && reader_.state() == HttpRequestReader::State::empty; }
    size_t bytes_held() const;
    // Phase `handling`, as far as is known: it may still wait for a thread.
    bool has_begun() const { return has_begun_; }
    void note_begun() { has_begun_ = true; }

    // After poll(2) found it ready.
    void receive();
    void send();

    // A whole request, if there is one: the phase is `handling` from then on.
    std::optional<ApiRequest> take_request();
    // The request's method; it is needed after the request was taken.
    bool is_reading_only() const { return is_reading_only_; }
    // Phase `handling`.
    void answer(const ApiReply& reply);
    // Every second, if the client has asked for it.
    void tell_progress();
    // Phase `reading`: nothing more is read.
    void refuse(const ApiReply& reply);
    void close();
    // Of the last request or answer, so large that memory should be given back after it. True once.
    bool take_largeness() { return std::exchange(was_large_, false); }

   private:
    void enter(Phase phase);
    void feed(std::string_view bytes);
    void put(std::string_view text);
    void drain();

    Fd fd_;
    ApiSender sender_;
    HttpLimits limits_;
    HttpRequestReader reader_;
    std::string ahead_;  // of the next request
    std::string output_;
    size_t sent_ = 0;
    Phase phase_ = Phase::reading;
    Clock::time_point since_ = Clock::now();
    Clock::time_point next_progress_{};
    bool has_begun_ = false, is_reading_only_ = true, is_head_ = false, is_refused_ = false, was_large_ = false;
    size_t request_bytes_ = 0;  // of what is being handled
};

}  // namespace biplane
