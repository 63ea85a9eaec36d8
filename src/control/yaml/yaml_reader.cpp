#include "control/yaml/yaml_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/in_quotes.hpp"
#include "control/yaml/yaml_scalar.hpp"

namespace biplane {
namespace {

Result<std::string> any_text(std::string_view text) { return std::string(text); }

// Where a number or a boolean is expected: the number itself, and a text that would be one without its quotes.
std::string found_by_value(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::number) return node.text;
    const bool is_in_quotes = node.kind == YamlNode::Kind::text && resolve_plain(node.text).type != PlainScalar::Type::text;
    return describe(node) + (is_in_quotes ? " in quotes" : "");
}

}  // namespace

std::string one_of(const std::vector<std::string>& names) {
    if (names.empty()) return "none";
    if (names.size() == 1) return names[0];
    return fmt::format("{} or {}", fmt::join(names.begin(), names.end() - 1, ", "), names.back());
}

std::string found_instead_of_text(const YamlNode& node, const std::string& expected) {
    const bool needs_quotes = node.kind == YamlNode::Kind::number || node.kind == YamlNode::Kind::boolean;
    const std::string found = "found " + describe(node) + ", expected " + expected;
    return needs_quotes ? fmt::format("{}; as a text it is written {}", found, in_quotes(node.text)) : found;
}

std::optional<size_t> read_choice(Findings& findings, const YamlValue& value, const std::vector<std::string>& names) {
    const auto found = std::find(names.begin(), names.end(), value.node->text);
    if (value.node->kind == YamlNode::Kind::text && found != names.end()) return found - names.begin();
    findings.add(value.node->place, value.path, "found " + describe(*value.node) + ", expected " + one_of(names));
    return std::nullopt;
}

void Findings::add(Place place, const std::string& path, const std::string& message) {
    if (error_ && place_ <= place) return;
    place_ = place;
    error_ = Error{prefix_of(file_, place) + (path.empty() ? "" : path + ": ") + message};
}

YamlMap::YamlMap(Findings& findings, YamlValue value, const std::string& expected, Nulls nulls)
    : findings_(&findings), value_(std::move(value)), is_map_(value_.node->kind == YamlNode::Kind::map), nulls_(nulls) {
    if (!is_map_) findings.add(value_.node->place, value_.path, "found " + describe(*value_.node) + ", expected " + expected);
}

const YamlNode* YamlMap::node_of(const std::string& key) const {
    const YamlNode* node = is_map_ ? value_.node->find(key) : nullptr;
    return node && node->kind == YamlNode::Kind::null && nulls_ == Nulls::are_missing ? nullptr : node;
}

bool YamlMap::is_known(const std::string& key) const {
    return std::find(known_keys_.begin(), known_keys_.end(), key) != known_keys_.end();
}

Place YamlMap::place_of_key(const std::string& key) const {
    const YamlKey* found = is_map_ ? value_.node->find_key(key) : nullptr;
    return found ? found->place : value_.key_place;
}

std::optional<YamlValue> YamlMap::find(const std::string& key) {
    if (!is_known(key)) known_keys_.push_back(key);
    const YamlNode* node = node_of(key);
    return node ? std::optional(YamlValue{node, place_of_key(key), path_of(key)}) : std::nullopt;
}

std::optional<YamlValue> YamlMap::require(const std::string& key, const std::string& expected) {
    auto found = find(key);
    if (!found && is_map_) findings_->add(value_.key_place, path_of(key), "missing, expected " + expected);
    return found;
}

std::string YamlMap::text(const std::string& key, const std::string& expected, std::optional<std::string> otherwise) {
    return parsed<std::string>(key, any_text, expected, std::move(otherwise));
}

uint64_t YamlMap::number(const std::string& key, uint64_t min, uint64_t max, std::optional<uint64_t> otherwise) {
    const std::string expected = fmt::format("a number from {} to {}", min, max);
    const auto value = otherwise ? find(key) : require(key, expected);
    if (!value) return otherwise.value_or(min);
    const YamlNode& node = *value->node;
    if (node.natural && *node.natural >= min && *node.natural <= max) return *node.natural;
    findings_->add(node.place, value->path, fmt::format("found {}, expected {}", found_by_value(node), expected));
    return min;
}

bool YamlMap::boolean(const std::string& key, std::optional<bool> otherwise) {
    const std::string expected = "true or false";
    const auto value = otherwise ? find(key) : require(key, expected);
    if (!value) return otherwise.value_or(false);
    const YamlNode& node = *value->node;
    if (node.kind == YamlNode::Kind::boolean) return node.is_true;
    findings_->add(node.place, value->path, fmt::format("found {}, expected {}", found_by_value(node), expected));
    return otherwise.value_or(false);
}

size_t YamlMap::choice(const std::string& key, const std::vector<std::string>& names, std::optional<size_t> otherwise) {
    const auto value = otherwise ? find(key) : require(key, one_of(names));
    if (!value) return otherwise.value_or(0);
    return read_choice(*findings_, *value, names).value_or(otherwise.value_or(0));
}

std::vector<YamlValue> YamlMap::items(const std::string& key, const std::string& expected) {
    const auto value = require(key, expected);
    if (!value) return {};
    if (value->node->kind == YamlNode::Kind::list && value->node->items.empty())
        findings_->add(value->node->place, value->path, "found an empty list, expected " + expected);
    return items_of(*value, expected);
}

std::vector<YamlValue> YamlMap::items_if_any(const std::string& key, const std::string& expected) {
    const auto value = find(key);
    return value ? items_of(*value, expected) : std::vector<YamlValue>{};
}

std::vector<YamlValue> YamlMap::items_of(const YamlValue& list, const std::string& expected) {
    const std::vector<YamlNode>& nodes = list.node->items;
    std::vector<YamlValue> items;
    if (list.node->kind != YamlNode::Kind::list) {
        findings_->add(list.node->place, list.path, "found " + describe(*list.node) + ", expected " + expected);
        return items;
    }
    items.reserve(nodes.size());
    for (size_t i = 0; i < nodes.size(); ++i) items.push_back({&nodes[i], nodes[i].place, fmt::format("{}[{}]", list.path, i)});
    return items;
}

bool YamlMap::has_other_keys() const {
    if (!is_map_) return false;
    return std::any_of(value_.node->keys.begin(), value_.node->keys.end(), [&](const YamlKey& key) {
        return !is_known(key.text) && std::find(ignored_keys_.begin(), ignored_keys_.end(), key.text) == ignored_keys_.end();
    });
}

void YamlMap::refuse_other_keys() {
    if (!has_other_keys()) return;
    for (const YamlKey& key : value_.node->keys) {
        if (is_known(key.text) || std::find(ignored_keys_.begin(), ignored_keys_.end(), key.text) != ignored_keys_.end()) continue;
        const std::string owner = value_.path.empty() ? "" : value_.path + ": ";
        findings_->add(key.place, "",
                       fmt::format("{}unknown key {}, expected {}", owner, in_quotes(key.text), one_of(known_keys_)));
    }
}

}  // namespace biplane
