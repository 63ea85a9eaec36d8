// The body of an HTTP/1.1 message that arrives in pieces (RFC 9112, sections 6 and 7): of a known length, or chunked. Pure.
#pragma once
#include <string>
#include <string_view>

#include "api/http_head.hpp"

namespace biplane {

class HttpBodyReader {
   public:
    enum class State { reading, complete, invalid, too_large };

    // As the head says. Invalid if it says two different things, or a coding that is not read here.
    HttpBodyReader(const HttpFields& fields, size_t bytes_max);

    // How many of `bytes` belong to the body; less than all of them only if it is not `reading` any more.
    size_t take(std::string_view bytes);

    State state() const { return state_; }
    std::string& body() { return body_; }
    size_t bytes_held() const { return body_.capacity(); }

   private:
    enum class Part { sized, chunk_size, chunk, chunk_end, trailer };

    void begin(uint64_t bytes, Part part);
    size_t take_line(std::string_view bytes);
    void end_line();

    size_t bytes_max_;
    State state_ = State::reading;
    Part part_ = Part::sized;
    uint64_t left_ = 0;  // of the body or of the chunk
    std::string line_;
    size_t trailer_bytes_ = 0;
    std::string body_;
};

}  // namespace biplane
