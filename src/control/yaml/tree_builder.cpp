#include "control/yaml/tree_builder.hpp"

#include <fmt/format.h>
#include <yaml-cpp/mark.h>

#include <algorithm>

#include "base/in_quotes.hpp"
#include "control/yaml/yaml_scalar.hpp"

namespace biplane {
namespace {

using Kind = YamlNode::Kind;

constexpr char merge_key[] = "<<";
constexpr char plain_tag[] = "?";   // what the parser calls a scalar without quotes and tag
constexpr char quoted_tag[] = "!";  // and one in quotes or block style
constexpr std::string_view standard_tag = "tag:yaml.org,2002:";

Place place_of(const YAML::Mark& mark) { return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1}; }

Kind kind_of(PlainScalar::Type type) {
    switch (type) {
        case PlainScalar::Type::null:
            return Kind::null;
        case PlainScalar::Type::boolean:
            return Kind::boolean;
        case PlainScalar::Type::number:
            return Kind::number;
        case PlainScalar::Type::text:
            return Kind::text;
    }
    return Kind::text;
}

YamlNode plain_node(const std::string& text, Place place) {
    const PlainScalar scalar = resolve_plain(text);
    return {.kind = kind_of(scalar.type), .is_true = scalar.is_true, .place = place, .text = text, .natural = scalar.natural};
}

[[noreturn]] void refuse_tag(const std::string& tag, Place place) {
    throw RefusedYaml{place, fmt::format("the tag {} is not accepted", in_quotes(tag))};
}

// With one of YAML's own tags the text has that type, whether it stands in quotes or not.
YamlNode tagged_node(const std::string& tag, const std::string& text, Place place) {
    if (!tag.starts_with(standard_tag)) refuse_tag(tag, place);
    const std::string type = tag.substr(standard_tag.size());
    YamlNode node = plain_node(text, place);
    if (type == "str") return {.kind = Kind::text, .place = place, .text = text};
    const bool fits = (type == "null" && node.kind == Kind::null) || (type == "bool" && node.kind == Kind::boolean) ||
                      ((type == "int" || type == "float") && node.kind == Kind::number);
    if (fits) return node;
    const bool is_known = type == "null" || type == "bool" || type == "int" || type == "float";
    if (!is_known) refuse_tag(tag, place);
    throw RefusedYaml{place, fmt::format("found {}, which does not fit its tag !!{}", in_quotes(text), type)};
}

void check_collection_tag(const std::string& tag, const char* type, Place place) {
    if (tag != plain_tag && tag != quoted_tag && !tag.empty() && tag != std::string(standard_tag) + type) refuse_tag(tag, place);
}

struct Extent {
    size_t values, depth;
};
Extent extent_of(const YamlNode& node) {
    Extent extent{1, 0};
    for (const YamlNode& item : node.items) {
        const Extent inner = extent_of(item);
        extent = {extent.values + inner.values, std::max(extent.depth, inner.depth)};
    }
    const bool is_collection = node.kind == Kind::list || node.kind == Kind::map;
    return {extent.values, extent.depth + (is_collection ? 1 : 0)};
}

[[noreturn]] void refuse_depth(Place place) {
    throw RefusedYaml{place, fmt::format("nested deeper than {} levels", yaml_depth_max)};
}

}  // namespace

void TreeBuilder::OnDocumentStart(const YAML::Mark& mark) { start_ = place_of(mark); }

void TreeBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
    static const std::string nothing;
    add({.place = place_of(mark)}, anchor, &nothing);
}

void TreeBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) {
    const Place place = place_of(mark);
    if (tag == plain_tag) return add(plain_node(text, place), anchor, &text);
    last_quoted_ = place;
    add(tag == quoted_tag ? YamlNode{.kind = Kind::text, .place = place, .text = text} : tagged_node(tag, text, place), anchor);
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
    const Place place = place_of(mark);
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) throw RefusedYaml{place, "an alias inside of what it stands for"};
    const Extent extent = extent_of(found->second);
    spend_copies(extent.values, place);
    if (open_.size() + extent.depth > yaml_depth_max) refuse_depth(place);
    const bool is_text = found->second.kind == Kind::text;
    add(found->second, YAML::NullAnchor, is_text ? nullptr : &found->second.text);
}

void TreeBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                                  YAML::EmitterStyle::value) {
    check_collection_tag(tag, "seq", place_of(mark));
    open({.kind = Kind::list, .place = place_of(mark)}, anchor);
}

void TreeBuilder::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) {
    check_collection_tag(tag, "map", place_of(mark));
    open({.kind = Kind::map, .place = place_of(mark)}, anchor);
}

void TreeBuilder::spend_value(Place place) {
    if (++spent_.values > spent_.bounds.values)
        throw RefusedYaml{place, fmt::format("more than {} values in one text", spent_.bounds.values)};
}

void TreeBuilder::spend_copies(size_t count, Place place) {
    spent_.copies += count;
    if (spent_.copies > spent_.bounds.copies)
        throw RefusedYaml{place, fmt::format("anchors and aliases stand for more than {} values", spent_.bounds.copies)};
}

void TreeBuilder::open(YamlNode node, YAML::anchor_t anchor) {
    spend_value(node.place);
    if (is_key_expected()) throw RefusedYaml{node.place, "found " + describe(node) + " where a key must stand"};
    if (open_.size() == yaml_depth_max) refuse_depth(node.place);
    open_.push_back({std::move(node), anchor});
}

void TreeBuilder::close() {
    YamlNode node = std::move(open_.back().node);
    const YAML::anchor_t anchor = open_.back().anchor;
    open_.pop_back();
    remember(anchor, node);
    add_value(std::move(node));
}

void TreeBuilder::remember(YAML::anchor_t anchor, const YamlNode& node) {
    if (anchor == YAML::NullAnchor) return;
    spend_copies(extent_of(node).values, node.place);
    anchored_[anchor] = node;
}

bool TreeBuilder::is_key_expected() const {
    if (open_.empty() || open_.back().node.kind != Kind::map) return false;
    const Open& map = open_.back();
    return !map.merging && !map.replacing && map.node.keys.size() == map.node.items.size();
}

// `plain`: how it is written, if without quotes.
void TreeBuilder::add(YamlNode node, YAML::anchor_t anchor, const std::string* plain) {
    remember(anchor, node);
    if (is_key_expected()) return add_key(node, plain);
    spend_value(node.place);
    add_value(std::move(node));
}

void TreeBuilder::add_key(const YamlNode& node, const std::string* plain) {
    Open& map = open_.back();
    const bool can_be_key = node.is_scalar();
    const auto key = !can_be_key || !plain || node.kind == Kind::text ? std::optional(node.text) : key_of_plain(*plain);
    if (!can_be_key || !key) throw RefusedYaml{node.place, "found " + describe(node) + " where a key must stand"};
    const auto [seen, is_new] = map.seen_keys.try_emplace(*key, SeenKey{node.place.line, map.node.keys.size(), false});
    if (!is_new && !seen->second.is_merged)
        throw RefusedYaml{node.place, fmt::format("duplicate key {} (first in line {})", in_quotes(*key), seen->second.line)};
    if (plain && *plain == merge_key) {
        map.merging = node.place;
    } else if (is_new) {
        map.node.keys.push_back({*key, node.place});
    } else {
        map.replacing = seen->second.index;
        map.node.keys[seen->second.index] = {*key, node.place};
        seen->second = {node.place.line, seen->second.index, false};
    }
}

void TreeBuilder::add_value(YamlNode node) {
    if (open_.empty()) {
        root_ = std::move(node);
        return;
    }
    Open& parent = open_.back();
    if (parent.merging) return merge(parent, std::move(node));
    const size_t index = parent.replacing.value_or(parent.node.items.size());
    if (parent.node.kind == Kind::map && node.kind == Kind::null) node.place = parent.node.keys[index].place;
    if (parent.replacing)
        parent.node.items[index] = std::move(node);
    else
        parent.node.items.push_back(std::move(node));
    parent.replacing.reset();
}

// The value of a merge key: a map, or a list of maps of which an earlier one goes before a later one.
void TreeBuilder::merge(Open& map, YamlNode value) {
    const Place place = *map.merging;
    map.merging.reset();
    const auto refuse_unless_map = [](const YamlNode& node) {
        if (node.kind != Kind::map)
            throw RefusedYaml{node.place, "found " + describe(node) + ", expected a map to merge, or a list of maps"};
    };
    if (value.kind == Kind::list) {
        for (YamlNode& item : value.items) {
            refuse_unless_map(item);
            merge_map(map, std::move(item), place);
        }
        return;
    }
    refuse_unless_map(value);
    merge_map(map, std::move(value), place);
}

void TreeBuilder::merge_map(Open& map, YamlNode value, Place place) {
    for (size_t i = 0; i < value.keys.size(); ++i) {
        const YamlKey& key = value.keys[i];
        const auto [seen, is_new] = map.seen_keys.try_emplace(key.text, SeenKey{key.place.line, map.node.keys.size(), true});
        // go-yaml lets the merged value win then, YAML's definition the other one.
        if (!is_new && !seen->second.is_merged)
            throw RefusedYaml{place, fmt::format("{} is merged into a map that has it already (line {}): write << first",
                                                 in_quotes(key.text), seen->second.line)};
        if (!is_new) continue;
        map.node.keys.push_back(key);
        map.node.items.push_back(std::move(value.items[i]));
    }
}

}  // namespace biplane
