// What passes between the server and its handler, and between the client and its caller. JSON keeps the order of its fields.
#pragma once
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace biplane {

using Json = nlohmann::ordered_json;

// The process that sent a request, as the kernel says (SO_PEERCRED, unix(7)): when it connected.
struct ApiSender {
    int pid = 0;
    unsigned user = 0;
};

struct ApiRequest {
    std::string method;  // GET, POST, DELETE
    std::string path;    // "/v1/..."
    std::map<std::string, std::string> query;
    std::string body;
    ApiSender sender{};
};

struct ApiReply {
    int status = 200;
    std::string body;
    std::string content_type = "application/json";
};

// Called on several threads at once.
using ApiHandler = std::function<ApiReply(const ApiRequest&)>;

ApiReply json_reply(const Json& json, int status = 200);
// {"error": message}
ApiReply error_reply(int status, const std::string& message);
// What `reply` says went wrong: its "error" field, else its body.
std::string error_of(const ApiReply& reply);

// As JSON text, indented; bytes that are no UTF-8 are replaced, not refused.
std::string to_text(const Json& json);

}  // namespace biplane
