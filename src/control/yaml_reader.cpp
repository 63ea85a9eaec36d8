#include "control/yaml_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/in_quotes.hpp"

namespace biplane {
namespace {

Result<std::string> any_text(std::string_view text) { return std::string(text); }

std::string one_of(const std::vector<std::string>& names) {
    if (names.size() == 1) return names[0];
    return fmt::format("{} or {}", fmt::join(names.begin(), names.end() - 1, ", "), names.back());
}

// A plain decimal number: no sign, no leading zeros, no quotes.
std::optional<uint64_t> number_in(const YamlNode& node) {
    const std::string& text = node.text;
    uint64_t value = 0;
    if (node.kind != YamlNode::Kind::scalar || node.is_quoted || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

void Findings::add(Place place, const std::string& path, const std::string& message) {
    if (error_ && place_ <= place) return;
    place_ = place;
    error_ = Error{prefix_of(file_, place) + (path.empty() ? "" : path + ": ") + message};
}

YamlMap::YamlMap(Findings& findings, YamlValue value, const std::string& expected)
    : findings_(&findings), value_(std::move(value)), is_map_(value_.node->kind == YamlNode::Kind::map) {
    if (!is_map_) findings.add(value_.node->place, value_.path, "found " + describe(*value_.node) + ", expected " + expected);
}

Place YamlMap::place_of_key(const std::string& key) const {
    const YamlKey* found = is_map_ ? value_.node->find_key(key) : nullptr;
    return found ? found->place : value_.key_place;
}

std::optional<YamlValue> YamlMap::find(const std::string& key) {
    known_keys_.push_back(key);
    const YamlNode* node = is_map_ ? value_.node->find(key) : nullptr;
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
    const auto number = number_in(*value->node);
    if (number && *number >= min && *number <= max) return *number;
    const std::string found = describe(*value->node) + (value->node->is_quoted ? " in quotes" : "");
    findings_->add(value->node->place, value->path,
                   fmt::format("found {}, expected {}", number ? value->node->text : found, expected));
    return min;
}

bool YamlMap::boolean(const std::string& key, std::optional<bool> otherwise) {
    return choice(key, {"false", "true"}, otherwise ? std::optional<size_t>(*otherwise) : std::nullopt) == 1;
}

size_t YamlMap::choice(const std::string& key, const std::vector<std::string>& names, std::optional<size_t> otherwise) {
    const auto value = otherwise ? find(key) : require(key, one_of(names));
    if (!value) return otherwise.value_or(0);
    const auto found = std::find(names.begin(), names.end(), value->node->text);
    if (value->node->kind == YamlNode::Kind::scalar && found != names.end()) return found - names.begin();
    findings_->add(value->node->place, value->path, "found " + describe(*value->node) + ", expected " + one_of(names));
    return otherwise.value_or(0);
}

std::vector<YamlValue> YamlMap::items(const std::string& key, const std::string& expected) {
    const auto value = require(key, expected);
    if (!value) return {};
    const YamlNode& list = *value->node;
    if (list.kind != YamlNode::Kind::list || list.items.empty()) {
        const std::string found = list.kind == YamlNode::Kind::list ? "an empty list" : describe(list);
        findings_->add(list.place, value->path, "found " + found + ", expected " + expected);
        return {};
    }
    std::vector<YamlValue> items;
    for (size_t i = 0; i < list.items.size(); ++i)
        items.push_back({&list.items[i], list.items[i].place, fmt::format("{}[{}]", value->path, i)});
    return items;
}

void YamlMap::refuse_other_keys() {
    if (!is_map_) return;
    for (const YamlKey& key : value_.node->keys) {
        if (std::find(known_keys_.begin(), known_keys_.end(), key.text) != known_keys_.end()) continue;
        const std::string owner = value_.path.empty() ? "" : value_.path + ": ";
        findings_->add(key.place, "",
                       fmt::format("{}unknown key {}, expected {}", owner, in_quotes(key.text), one_of(known_keys_)));
    }
}

}  // namespace biplane
