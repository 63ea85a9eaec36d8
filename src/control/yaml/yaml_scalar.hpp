// What an unquoted scalar is. The rules are those by which kubectl and Kubernetes' API server read YAML (YAML 1.1 as go-yaml 2 resolves
// it), so that a document means the same to both: `yes` is a boolean, `0x17` the number 23, `12:30:45` a text. docs/yaml.md lists them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace biplane {

struct PlainScalar {
    enum class Type : uint8_t { null, boolean, number, text } type = Type::text;
    bool is_true = false;  // boolean
    std::optional<uint64_t>
        natural;  // number: its value if that is whole and from 0 to 2^64 - 1, also where it is written as a float
};
PlainScalar resolve_plain(std::string_view text);

// What the scalar is as a key of a map: keys are texts, so `1.50` becomes "1.5" and `yes` becomes "true". Nothing: it cannot be a key.
std::optional<std::string> key_of_plain(std::string_view text);

}  // namespace biplane
