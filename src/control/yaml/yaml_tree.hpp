// YAML text to trees in which every key and value knows its place. Scalars have the types that Kubernetes gives them (yaml_scalar.hpp);
// anchors, aliases and merge keys are resolved. What is larger than the bounds below, tags of one's own, and a key twice in a map are
// refused. docs/yaml.md is the user's form of this contract.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "control/yaml/place.hpp"

namespace biplane {

struct YamlKey {
    std::string text;
    Place place;
};

struct YamlNode {
    enum class Kind : uint8_t { null, text, boolean, number, list, map } kind = Kind::null;
    bool is_true = false;             // boolean
    Place place;                      // null in a map: of its key
    std::string text;                 // text: its value; boolean, number: as it is written
    std::optional<uint64_t> natural;  // number: its value, if it is whole and not negative
    std::vector<YamlKey> keys;        // map: keys[i] names items[i]
    std::vector<YamlNode> items;      // list, map

    bool is_scalar() const { return kind == Kind::text || kind == Kind::boolean || kind == Kind::number; }
    const YamlNode* find(std::string_view key) const;
    const YamlKey* find_key(std::string_view key) const;
};

// Of one text. 64 MiB of "- a" would be 16 million values and fill gigabytes.
constexpr size_t yaml_bytes_max = 64u << 20;
constexpr size_t yaml_depth_max = 100;
struct YamlBounds {
    size_t values = 2'000'000;  // maps, lists and scalars that are no keys
    size_t copies = 100'000;    // of them: that anchors and aliases copy: ten lines of aliases can stand for a billion
};

// Calls `visit` with the tree of each document of the stream in turn, so that few are in memory at once; empty documents are left out.
// Stops at the first error, of the text or of `visit`. `file` is for messages.
using VisitYaml = std::function<Status(YamlNode)>;
Status read_yaml(std::string_view text, const std::string& file, const VisitYaml& visit, const YamlBounds& bounds = {});
// All trees of the stream.
Result<std::vector<YamlNode>> parse_yaml(std::string_view text, const std::string& file, const YamlBounds& bounds = {});

// What a node is, for a message: "nothing", "the number 5", "the boolean yes", "a list", "a map" or the text in quotes.
std::string describe(const YamlNode& node);

}  // namespace biplane
