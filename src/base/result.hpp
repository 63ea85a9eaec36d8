// How failures travel: a Result<T> holds a T or an Error. Nothing throws between rooms.
//
//     Result<Fd> open_socket(const std::string& path) {
//         const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
//         if (fd < 0) return failed_call("open a unix socket", errno);         // what was attempted, and errno
//         ...
//     }
//     auto socket = open_socket(path);
//     if (!socket) return socket.error().within("start the API server");       // context, once per layer
//
// Not for a packet's fate (that is a Verdict) and not for our own mistakes (those are asserts).
#pragma once
#include <cstring>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace biplane {

struct Error {
    std::string message;  // a sentence for the user, without a full stop
    int code = 0;         // errno where there is one

    tl::unexpected<Error> within(const std::string& context) const {
        return tl::unexpected<Error>(Error{context + ": " + message, code});
    }
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> failure(std::string message, int code = 0) {
    return tl::unexpected<Error>(Error{std::move(message), code});
}

inline tl::unexpected<Error> failed_call(const std::string& attempted, int code) {
    return failure("cannot " + attempted + ": " + std::strerror(code), code);
}

}  // namespace biplane
