// An answer of HTTP/1.1 that arrives in pieces: Boost.Beast's parser. Pure: no system call.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "api/message.hpp"

namespace biplane {

class HttpResponseReader {
   public:
    enum class State { reading, complete, invalid };

    HttpResponseReader();
    ~HttpResponseReader();

    // What comes before the answer (1xx, RFC 9110, section 15.2) is passed over. Bytes behind it are ignored.
    void take(std::string_view bytes);

    State state() const { return state_; }
    // State complete.
    ApiReply take_reply();

   private:
    struct Parser;

    void start();

    State state_ = State::reading;
    std::unique_ptr<Parser> parser_;
    std::string pending_;  // what is still to be read
};

}  // namespace biplane
