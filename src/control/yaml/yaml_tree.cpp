#include "control/yaml/yaml_tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/in_quotes.hpp"
#include "control/yaml/tree_builder.hpp"
#include "control/yaml/utf8.hpp"

namespace biplane {
namespace {

Status check_text(std::string_view text, const std::string& file) {
    if (text.size() > yaml_bytes_max)
        return failure(fmt::format("{}found {} bytes, expected at most {}", prefix_of(file, {1, 1}), text.size(), yaml_bytes_max));
    return check_utf8(text, file);
}

size_t offset_of(std::string_view text, Place place) {
    size_t line_start = 0;
    for (int line = 1; line < place.line; ++line) line_start = text.find('\n', line_start) + 1;
    return line_start + place.column - 1;
}

// Does the scalar whose opening quote stands at `offset`, behind its tag and anchor if it has some, have a closing one?
bool is_closed(std::string_view text, size_t offset) {
    while (offset < text.size() && (text[offset] == '&' || text[offset] == '!')) {
        offset = std::min(text.find_first_of(" \t\r\n", offset), text.size());
        offset = std::min(text.find_first_not_of(" \t\r\n", offset), text.size());
    }
    if (offset >= text.size() || (text[offset] != '"' && text[offset] != '\'')) return true;  // not in quotes after all
    const char quote = text[offset];
    for (size_t i = offset + 1; i < text.size(); ++i) {
        const bool is_escape = quote == '"' ? text[i] == '\\' : text.substr(i, 2) == "''";
        if (is_escape)
            ++i;
        else if (text[i] == quote)
            return true;
    }
    return false;
}

// yaml-cpp 0.7 takes some texts for YAML that are none. Each of these makes an error of it:
// - a token that starts no document, like a lone ',', is given out as an empty document for ever;
// - a quoted scalar may be cut off by the end of the text after a line break.
class Strictness {
   public:
    Status check_progress(const TreeBuilder& document, const std::string& file) {
        const bool has_moved = previous_start_ < document.start();
        previous_start_ = document.start();
        if (document.last_quoted()) last_quoted_ = document.last_quoted();
        if (has_moved) return {};
        return failure(prefix_of(file, document.start()) + "malformed YAML: no document can start here");
    }
    Status check_end(std::string_view text, const std::string& file) const {
        if (!last_quoted_ || is_closed(text, offset_of(text, *last_quoted_))) return {};
        return failure(prefix_of(file, *last_quoted_) + "malformed YAML: the quotation mark is never closed");
    }

   private:
    Place previous_start_;
    std::optional<Place> last_quoted_;
};

// False at the end of the stream.
Result<bool> handle_next_document(YAML::Parser& parser, TreeBuilder& builder, const std::string& file) {
    try {
        return parser.HandleNextDocument(builder);
    } catch (const RefusedYaml& refused) {
        return failure(prefix_of(file, refused.place) + refused.why);
    } catch (const YAML::Exception& e) {
        return failure(prefix_of(file, {std::max(e.mark.line, 0) + 1, std::max(e.mark.column, 0) + 1}) +
                       "malformed YAML: " + e.msg);
    } catch (const std::exception& e) {
        return failure(prefix_of(file, builder.start()) + "malformed YAML: " + e.what());
    }
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
    const YamlKey* found = find_key(key);
    return found ? &items[found - keys.data()] : nullptr;
}

const YamlKey* YamlNode::find_key(std::string_view key) const {
    const auto found = std::find_if(keys.begin(), keys.end(), [&](const YamlKey& k) { return k.text == key; });
    return found == keys.end() ? nullptr : &*found;
}

Status read_yaml(std::string_view text, const std::string& file, const VisitYaml& visit, const YamlBounds& bounds) {
    if (auto checked = check_text(text, file); !checked) return checked;
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text.substr(0, byte_order_mark.size()) == byte_order_mark) text.remove_prefix(byte_order_mark.size());
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    YamlSpent spent{bounds};
    Strictness strictness;
    std::optional<YamlNode> last;  // visited when it is known that the text does not end inside of it
    const auto visit_last = [&] { return last ? visit(*std::exchange(last, std::nullopt)) : Status{}; };
    while (true) {
        TreeBuilder builder(spent);
        const auto is_there = handle_next_document(parser, builder, file);
        if (is_there && !*is_there) break;
        if (auto visited = visit_last(); !visited) return visited;
        if (!is_there) return tl::unexpected(is_there.error());
        if (auto moved = strictness.check_progress(builder, file); !moved) return moved;
        if (YamlNode root = builder.take_root(); root.kind != YamlNode::Kind::null) last = std::move(root);
    }
    if (auto ended = strictness.check_end(text, file); !ended) return ended;
    return visit_last();
}

Result<std::vector<YamlNode>> parse_yaml(std::string_view text, const std::string& file, const YamlBounds& bounds) {
    std::vector<YamlNode> trees;
    const auto keep = [&](YamlNode tree) -> Status {
        trees.push_back(std::move(tree));
        return {};
    };
    if (auto read = read_yaml(text, file, keep, bounds); !read) return tl::unexpected(read.error());
    return trees;
}

std::string describe(const YamlNode& node) {
    switch (node.kind) {
        case YamlNode::Kind::null:
            return "nothing";
        case YamlNode::Kind::text:
            return in_quotes(node.text);
        case YamlNode::Kind::boolean:
            return "the boolean " + node.text;
        case YamlNode::Kind::number:
            return "the number " + node.text;
        case YamlNode::Kind::list:
            return "a list";
        case YamlNode::Kind::map:
            return "a map";
    }
    return "";
}

}  // namespace biplane
