// One request to the agent over its unix socket.
#pragma once
#include <chrono>
#include <string>

#include "api/message.hpp"
#include "base/result.hpp"

namespace biplane {

// Code of the Error when the agent cannot be reached.
constexpr int agent_unreachable = 111;  // ECONNREFUSED

class ApiClient {
   public:
    // How long an agent may give no sign of life: one that works on a request gives one every second.
    static constexpr std::chrono::milliseconds silence_max{5000};

    explicit ApiClient(std::string socket_path, std::chrono::milliseconds patience = silence_max)
        : socket_path_(std::move(socket_path)), patience_(patience) {}

    // `target`: path and query, percent-encoded (see encode). Any status is an answer; an Error means there was none.
    Result<ApiReply> send(const std::string& method, const std::string& target, const std::string& body = {}) const;

    static std::string encode(const std::string& text);  // for a part of a path or query

   private:
    std::string socket_path_;
    std::chrono::milliseconds patience_;
};

}  // namespace biplane
