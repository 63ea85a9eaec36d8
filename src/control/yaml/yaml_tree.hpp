// YAML text to trees in which every key and value knows its place. A small and safe subset: UTF-8, no anchors, no aliases, no
// tags, no key twice in a map, nothing larger than 64 MiB. Values have no types yet: who reads them knows what to expect.
#pragma once
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
    enum class Kind { null, scalar, list, map } kind = Kind::null;
    Place place;                  // null in a map: of its key
    std::string text;             // scalar
    bool is_quoted = false;       // scalar
    std::vector<YamlKey> keys;    // map: keys[i] names items[i]
    std::vector<YamlNode> items;  // list, map

    const YamlNode* find(std::string_view key) const;
    const YamlKey* find_key(std::string_view key) const;
};

constexpr size_t yaml_bytes_max = 64u << 20;

// One tree per document of the stream; empty documents are left out. `file` is for messages.
Result<std::vector<YamlNode>> parse_yaml(std::string_view text, const std::string& file);

// What a node is, for a message: "nothing", "a list", "a map" or the quoted text.
std::string describe(const YamlNode& node);

}  // namespace biplane
