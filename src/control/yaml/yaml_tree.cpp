#include "control/yaml/yaml_tree.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_map>

#include "base/in_quotes.hpp"
#include "control/yaml/utf8.hpp"

namespace biplane {
namespace {

Place place_of(const YAML::Mark& mark) { return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1}; }

// Builds the tree of one document from the parser's events. After the first error it ignores the rest.
class TreeBuilder : public YAML::EventHandler {
   public:
    explicit TreeBuilder(const std::string& file) : file_(file) {}

    YamlNode take_root() { return std::move(root_); }
    const std::optional<Error>& error() const { return error_; }
    Place start() const { return start_; }
    const std::optional<Place>& last_quoted() const { return last_quoted_; }

    void OnDocumentStart(const YAML::Mark& mark) override { start_ = place_of(mark); }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add_leaf({.place = place_of(mark)}, "?", anchor); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(place_of(mark), "aliases are not accepted"); }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
        if (tag == "!") last_quoted_ = place_of(mark);
        add_leaf({.kind = YamlNode::Kind::scalar, .place = place_of(mark), .text = text, .is_quoted = tag == "!"}, tag, anchor);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open({.kind = YamlNode::Kind::list, .place = place_of(mark)}, tag, anchor);
    }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
        open({.kind = YamlNode::Kind::map, .place = place_of(mark)}, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapEnd() override { close(); }

   private:
    void refuse(Place place, const std::string& why) {
        if (!error_) error_ = Error{prefix_of(file_, place) + why};
    }

    bool accepts(const YamlNode& node, const std::string& tag, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) refuse(node.place, "anchors are not accepted");
        if (!tag.empty() && tag != "?" && tag != "!") refuse(node.place, "tags are not accepted (found " + in_quotes(tag) + ")");
        return !error_;
    }

    bool is_key_expected() const {
        return !open_.empty() && open_.back().kind == YamlNode::Kind::map && open_.back().keys.size() == open_.back().items.size();
    }

    void add_leaf(YamlNode node, const std::string& tag, YAML::anchor_t anchor) {
        if (!accepts(node, tag, anchor)) return;
        if (is_key_expected())
            add_key(node);
        else
            add_value(std::move(node));
    }

    void add_key(const YamlNode& node) {
        YamlNode& map = open_.back();
        if (node.kind != YamlNode::Kind::scalar) return refuse(node.place, "found nothing where a key must stand");
        if (const auto [seen, is_new] = seen_keys_.back().try_emplace(node.text, node.place.line); !is_new)
            return refuse(node.place, fmt::format("duplicate key {} (first in line {})", in_quotes(node.text), seen->second));
        map.keys.push_back({node.text, node.place});
    }

    void add_value(YamlNode node) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        YamlNode& parent = open_.back();
        if (parent.kind == YamlNode::Kind::map && node.kind == YamlNode::Kind::null) node.place = parent.keys.back().place;
        parent.items.push_back(std::move(node));
    }

    void open(YamlNode node, const std::string& tag, YAML::anchor_t anchor) {
        if (!accepts(node, tag, anchor)) return;
        if (is_key_expected()) return refuse(node.place, "found " + describe(node) + " where a key must stand");
        open_.push_back(std::move(node));
        seen_keys_.emplace_back();
    }

    void close() {
        if (error_) return;
        YamlNode node = std::move(open_.back());
        open_.pop_back();
        seen_keys_.pop_back();
        add_value(std::move(node));
    }

    const std::string& file_;
    std::optional<Error> error_;
    Place start_;                       // of the document
    std::optional<Place> last_quoted_;  // the last scalar in quotes
    YamlNode root_;
    std::vector<YamlNode> open_;                                   // the lists and maps around the current place, outermost first
    std::vector<std::unordered_map<std::string, int>> seen_keys_;  // of each of them: key -> line
};

Status check_text(std::string_view text, const std::string& file) {
    if (text.size() > yaml_bytes_max)
        return failure(fmt::format("{}found {} bytes, expected at most {}", prefix_of(file, {1, 1}), text.size(), yaml_bytes_max));
    const size_t bad = find_invalid_utf8(text);
    if (bad == text.npos) return {};
    const auto line_start = text.rfind('\n', bad);
    const Place place{static_cast<int>(std::count(text.begin(), text.begin() + bad, '\n')) + 1,
                      static_cast<int>(line_start == text.npos || bad == 0 ? bad + 1 : bad - line_start)};
    return failure(fmt::format("{}found the byte 0x{:02x}, expected UTF-8 text", prefix_of(file, place),
                               static_cast<unsigned char>(text[bad])));
}

size_t offset_of(std::string_view text, Place place) {
    size_t line_start = 0;
    for (int line = 1; line < place.line; ++line) line_start = text.find('\n', line_start) + 1;
    return line_start + place.column - 1;
}

// Does the scalar whose opening quote stands at `offset` have a closing one?
bool is_closed(std::string_view text, size_t offset) {
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

Result<std::vector<YamlNode>> parse_stream(std::string_view text, const std::string& file) {
    std::vector<YamlNode> trees;
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Strictness strictness;
    while (true) {
        TreeBuilder builder(file);
        if (!parser.HandleNextDocument(builder)) break;
        if (builder.error()) return tl::unexpected(*builder.error());
        if (auto moved = strictness.check_progress(builder, file); !moved) return tl::unexpected(moved.error());
        if (YamlNode root = builder.take_root(); root.kind != YamlNode::Kind::null) trees.push_back(std::move(root));
    }
    if (auto ended = strictness.check_end(text, file); !ended) return tl::unexpected(ended.error());
    return trees;
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

Result<std::vector<YamlNode>> parse_yaml(std::string_view text, const std::string& file) {
    if (const auto checked = check_text(text, file); !checked) return tl::unexpected(checked.error());
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text.substr(0, byte_order_mark.size()) == byte_order_mark) text.remove_prefix(byte_order_mark.size());
    try {
        return parse_stream(text, file);
    } catch (const YAML::Exception& e) {
        return failure(prefix_of(file, place_of(e.mark)) + "malformed YAML: " + e.msg);
    } catch (const std::exception& e) {
        return failure(prefix_of(file, {1, 1}) + "malformed YAML: " + e.what());
    }
}

std::string describe(const YamlNode& node) {
    switch (node.kind) {
        case YamlNode::Kind::null:
            return "nothing";
        case YamlNode::Kind::scalar:
            return in_quotes(node.text);
        case YamlNode::Kind::list:
            return "a list";
        case YamlNode::Kind::map:
            return "a map";
    }
    return "";
}

}  // namespace biplane
