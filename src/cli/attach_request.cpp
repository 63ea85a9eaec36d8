#include "cli/attach_request.hpp"

#include <fmt/format.h>

#include <regex>

#include "api/message.hpp"
#include "base/in_quotes.hpp"
#include "cli/command.hpp"

namespace biplane {
namespace {

// Without a NAME the workload is called as its namespace is, if that has a name.
Result<std::string> name_of(const AttachOptions& options) {
    if (!options.name.empty()) return options.name;
    const bool is_path = options.netns.find('/') != std::string::npos;
    const bool is_process_id = options.netns.find_first_not_of("0123456789") == std::string::npos;
    if (is_path || is_process_id) return failure("a NAME is needed when --netns is a path or a process id", usage_error);
    return options.netns;
}

Result<Json> labels_of(const AttachOptions& options) {
    Json labels = Json::object();
    for (const std::string& label : options.labels) {
        const size_t equals = label.find('=');
        if (equals == std::string::npos)
            return failure(fmt::format("--label {}: expected KEY=VALUE", in_quotes(label)), usage_error);
        if (labels.contains(label.substr(0, equals)))
            return failure(fmt::format("--label: {} is given twice", in_quotes(label.substr(0, equals))), usage_error);
        labels[label.substr(0, equals)] = label.substr(equals + 1);
    }
    return labels;
}

struct KeyAndOption {
    const char* key;
    const char* option;
};
constexpr KeyAndOption options_of_keys[] = {
    {"metadata.name", "NAME"},         {"metadata.namespace", "NAME"},  {"metadata.labels", "--label"},
    {"spec.network", "--network"},     {"spec.addresses", "--address"}, {"spec.netns", "--netns"},
    {"spec.interface", "--interface"}, {"spec.hook", "--hook"},         {"spec.mac", "--mac"}};

}  // namespace

Result<std::string> document_of(const AttachOptions& options, const std::string& node) {
    const auto name = name_of(options);
    if (!name) return tl::unexpected(name.error());
    const auto labels = labels_of(options);
    if (!labels) return tl::unexpected(labels.error());
    const size_t slash = name->find('/');
    Json metadata = {{"name", slash == std::string::npos ? *name : name->substr(slash + 1)}};
    if (slash != std::string::npos) metadata["namespace"] = name->substr(0, slash);
    if (!labels->empty()) metadata["labels"] = *labels;
    Json spec = {{"network", options.network},
                 {"node", node},
                 {"addresses", options.addresses},
                 {"netns", options.netns},
                 {"interface", options.interface}};
    if (!options.hook.empty()) spec["hook"] = options.hook;
    if (!options.mac.empty()) spec["mac"] = options.mac;
    const Json document = {{"apiVersion", "biplane.dev/v1alpha1"}, {"kind", "Workload"}, {"metadata", metadata}, {"spec", spec}};
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);  // bytes that are no UTF-8 are in no name
}

std::string said_of_options(const std::string& message) {
    // A key, what of a list or map it is, and the colon behind it: at the start, or behind the document's title.
    static const std::regex path(R"(^(Workload \S+: )?((?:metadata|spec)\.[a-z]+)[^ :]*: )");
    std::smatch found;
    if (!std::regex_search(message, found, path)) return message;
    for (const auto& [key, option] : options_of_keys)
        if (found[2] == key) return fmt::format("{}{}: {}", found[1].str(), option, found.suffix().str());
    return message;
}

}  // namespace biplane
