#include "cli/command.hpp"

namespace biplane {

void add_output_option(CLI::App& app, std::string& format, const std::vector<std::string>& choices) {
    app.add_option("-o,--output", format, "output format")->check(CLI::IsMember(choices))->type_name("FORMAT");
}

Result<std::string> ask_agent(const Context& context, const std::string& method, const std::string& target,
                              const std::string& body) {
    const auto config = context.config();
    if (!config) return tl::unexpected(config.error());
    const auto reply = ApiClient(config->socket_path()).send(method, target, body);
    if (!reply) return tl::unexpected(reply.error());
    if (reply->status >= 400) return failure(error_of(*reply), reply->status);
    return reply->body;
}

Result<Json> ask_agent_for_json(const Context& context, const std::string& method, const std::string& target,
                                const std::string& body) {
    const auto text = ask_agent(context, method, target, body);
    if (!text) return tl::unexpected(text.error());
    Json json = Json::parse(*text, nullptr, false);
    if (json.is_discarded()) return failure("the agent's answer is not JSON");
    return json;
}

}  // namespace biplane
