#include "cli/document_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "control/yaml/utf8.hpp"

namespace biplane {
namespace {

struct NamedText {
    std::string name;
    std::string text;
};

Result<std::string> read_stream(std::istream& stream, const std::string& name) {
    std::string text(std::istreambuf_iterator<char>(stream), {});
    if (stream.bad()) return failure("cannot read " + name);
    if (auto checked = check_utf8(text, name); !checked) return tl::unexpected(checked.error());
    return text;
}

Result<std::string> read_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) return failed_call("open " + path, errno);
    return read_stream(file, path);
}

// A file, "-" for standard input, or the files *.yaml, *.yml and *.json of a directory in the order of their names.
Result<std::vector<NamedText>> read_source(const std::string& source) {
    std::vector<std::string> paths;
    std::error_code error;
    if (source == "-") {
        auto text = read_stream(std::cin, "stdin");
        if (!text) return tl::unexpected(text.error());
        return std::vector<NamedText>{{"stdin", *text}};
    }
    if (!std::filesystem::is_directory(source, error)) {
        paths.push_back(source);
    } else {
        for (const auto& entry : std::filesystem::directory_iterator(source, error)) {
            const std::string extension = entry.path().extension();
            if (extension == ".yaml" || extension == ".yml" || extension == ".json") paths.push_back(entry.path());
        }
        std::sort(paths.begin(), paths.end());
        if (paths.empty()) return failure("there is no *.yaml, *.yml or *.json in " + source);
    }
    std::vector<NamedText> texts;
    for (const std::string& path : paths) {
        auto text = read_file(path);
        if (!text) return tl::unexpected(text.error());
        texts.push_back({path, std::move(*text)});
    }
    return texts;
}

}  // namespace

Result<std::string> request_body(const std::vector<std::string>& sources) {
    Json files = Json::array();
    for (const std::string& source : sources) {
        const auto texts = read_source(source);
        if (!texts) return tl::unexpected(texts.error());
        for (const NamedText& text : *texts) files.push_back({{"name", text.name}, {"text", text.text}});
    }
    return Json{{"files", files}}.dump(-1, ' ', false, Json::error_handler_t::replace);  // names of files are any bytes
}

void print_changes(const Json& outcome, bool is_dry_run) {
    const struct {
        const char* action;
        const char* done;
        const char* would;
    } words[] = {{"create", "created", "+"}, {"update", "updated", "~"}, {"remove", "removed", "-"}};
    for (const Json& change : outcome["changes"])
        for (const auto& [action, done, would] : words) {
            if (change["action"] != action) continue;
            const std::string detail = change["detail"].get<std::string>();
            fmt::print("{} {} {}{}\n", is_dry_run ? would : done, change["kind"].get<std::string>(),
                       change["name"].get<std::string>(), detail.empty() ? "" : " (" + detail + ")");
        }
    if (outcome["changes"].empty()) fmt::print("nothing changes\n");
    for (const Json& warning : outcome.value("warnings", Json::array()))
        fmt::print(stderr, "warning: {}\n", warning.get<std::string>());
}

}  // namespace biplane
