// A request of HTTP/1.1 that arrives in pieces: Boost.Beast's parser with the limits of this server. Pure: no system call.
//
//     HttpRequestReader reader(limits);
//     const size_t used = reader.take(bytes);     // what follows a whole request belongs to the next one
//     if (reader.state() == HttpRequestReader::State::complete) handle(reader.take_request());
//
// A body with a content coding is refused: its size says nothing about what it becomes.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "api/message.hpp"

namespace biplane {

struct HttpLimits {
    size_t head_bytes = 32 << 10;  // request line and fields
    size_t target_bytes = 8 << 10;
    size_t body_bytes = 64 << 20;
};

// What the server sends before its answer.
inline constexpr char http_continue[] = "HTTP/1.1 100 Continue\r\n\r\n";      // send the body
inline constexpr char http_processing[] = "HTTP/1.1 102 Processing\r\n\r\n";  // still at it
// A request with this field is told so every second.
inline constexpr char progress_field[] = "Biplane-Progress";

class HttpRequestReader {
   public:
    enum class State { empty, reading, complete, refused };  // empty: nothing of a request has come yet

    explicit HttpRequestReader(const HttpLimits& limits);
    HttpRequestReader(HttpRequestReader&&) noexcept;
    HttpRequestReader& operator=(HttpRequestReader&&) noexcept;
    ~HttpRequestReader();

    // How many of `bytes` were taken; less than all of them only in the states complete and refused.
    size_t take(std::string_view bytes);

    State state() const { return state_; }
    size_t bytes_held() const;
    // The sender waits for http_continue. True once.
    bool take_expectation() { return std::exchange(is_expecting_, false); }

    // State complete.
    ApiRequest take_request();
    bool is_kept_alive() const { return is_kept_alive_; }
    bool wants_progress() const { return wants_progress_; }
    // State refused; what follows on the connection cannot be read.
    const ApiReply& refusal() const { return refusal_; }

   private:
    struct Parser;

    size_t parse(std::string_view bytes);
    void note_error(std::string_view what_came);
    void check_head();
    void refuse(ApiReply reply);

    HttpLimits limits_;
    std::unique_ptr<Parser> parser_;
    State state_ = State::empty;
    std::string pending_;  // what the parser cannot go on with until more has come
    ApiRequest request_;   // but for the body
    bool has_head_ = false, is_expecting_ = false, is_kept_alive_ = true, wants_progress_ = false;
    ApiReply refusal_;
};

}  // namespace biplane
