// An answer of HTTP/1.1 that arrives in pieces. Pure: no system call.
#pragma once
#include <optional>
#include <string_view>

#include "api/http_body.hpp"
#include "api/http_head.hpp"

namespace biplane {

class HttpResponseReader {
   public:
    enum class State { reading, complete, invalid };

    // What comes before the answer (1xx, RFC 9110, section 15.2) is passed over. Bytes behind it are ignored.
    void take(std::string_view bytes);

    State state() const { return state_; }
    // State complete.
    ApiReply take_reply();

   private:
    void read_head();

    State state_ = State::reading;
    std::string text_;  // of the head; then what is still to be read
    HttpResponseHead head_;
    std::optional<HttpBodyReader> body_;  // from the end of the head on
};

}  // namespace biplane
