#include "api/message.hpp"

namespace biplane {

std::string to_text(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

ApiReply json_reply(const Json& json, int status) { return {status, to_text(json)}; }

ApiReply error_reply(int status, const std::string& message) { return json_reply({{"error", message}}, status); }

std::string error_of(const ApiReply& reply) {
    const Json json = Json::parse(reply.body, nullptr, false);
    if (json.is_object() && json.contains("error") && json["error"].is_string()) return json["error"].get<std::string>();
    return reply.body.empty() ? "the agent answered with status " + std::to_string(reply.status) : reply.body;
}

}  // namespace biplane
