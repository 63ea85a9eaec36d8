// Typed reading of a YAML tree. A reader goes through everything it expects and collects what is wrong in Findings; only the
// first finding (by place) is reported, so a reading function needs no branch per key:
//
//     Findings findings(file);
//     YamlMap spec(findings, value_of_spec, "a map");
//     network.vni = spec.number("vni", 1, vni_max);          // required: no default given
//     network.plane = spec.choice("plane", {"kernel", "user"}, 0) ? Plane::user : Plane::kernel;
//     spec.refuse_other_keys();                              // any key that was not asked for
//     if (findings.error()) ...
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/yaml/yaml_tree.hpp"

namespace biplane {

class Findings {
   public:
    explicit Findings(std::string file) : file_(std::move(file)) {}

    // "file:line:column: path: message"
    void add(Place place, const std::string& path, const std::string& message);
    // The first by place.
    const std::optional<Error>& error() const { return error_; }

   private:
    std::string file_;
    std::optional<Error> error_;
    Place place_;
};

// A value, where it stands and what it is called in messages.
struct YamlValue {
    const YamlNode* node;
    Place key_place;
    std::string path;  // "spec.addresses[1]"; empty for the document itself
};

// What to say of a value that is no text where one is wanted.
std::string found_instead_of_text(const YamlNode& node, const std::string& expected);

// One text through `parse`; its message follows the value's place and path. Nothing if it is no text or `parse` refuses.
template <typename T>
std::optional<T> read_scalar(Findings& findings, const YamlValue& value, Result<T> (*parse)(std::string_view),
                             const std::string& expected) {
    if (value.node->kind != YamlNode::Kind::text) {
        findings.add(value.node->place, value.path, found_instead_of_text(*value.node, expected));
        return std::nullopt;
    }
    Result<T> parsed = parse(value.node->text);
    if (!parsed) {
        findings.add(value.node->place, value.path, parsed.error().message);
        return std::nullopt;
    }
    return *std::move(parsed);
}

// Which of `names` it is.
std::optional<size_t> read_choice(Findings& findings, const YamlValue& value, const std::vector<std::string>& names);

// "a, b or c", for a message.
std::string one_of(const std::vector<std::string>& names);

// What a key without a value ("from:", "from: null") is: a mistake, or as good as missing, which is how Kubernetes takes it.
enum class Nulls { are_refused, are_missing };

class YamlMap {
   public:
    // `value` that is no map is a finding; the map then behaves as if it were empty, without further findings.
    YamlMap(Findings& findings, YamlValue value, const std::string& expected, Nulls nulls = Nulls::are_refused);

    bool has(const std::string& key) const { return node_of(key) != nullptr; }
    Place place_of_key(const std::string& key) const;
    std::string path_of(const std::string& key) const { return value_.path.empty() ? key : value_.path + "." + key; }

    // The value of `key`. If it is missing: a finding, unless it is optional.
    std::optional<YamlValue> require(const std::string& key, const std::string& expected);
    std::optional<YamlValue> find(const std::string& key);

    // Values of one kind. Without a default the key is required.
    std::string text(const std::string& key, const std::string& expected, std::optional<std::string> otherwise = std::nullopt);
    uint64_t number(const std::string& key, uint64_t min, uint64_t max, std::optional<uint64_t> otherwise = std::nullopt);
    bool boolean(const std::string& key, std::optional<bool> otherwise = std::nullopt);
    // Which of `names` it is.
    size_t choice(const std::string& key, const std::vector<std::string>& names, std::optional<size_t> otherwise = std::nullopt);
    // `otherwise` if it is missing or refused; required if there is none.
    template <typename T>
    T parsed(const std::string& key, Result<T> (*parse)(std::string_view), const std::string& expected,
             std::optional<T> otherwise = std::nullopt) {
        const auto value = otherwise ? find(key) : require(key, expected);
        const T fallback = otherwise.value_or(T{});
        return value ? read_scalar(*findings_, *value, parse, expected).value_or(fallback) : fallback;
    }
    // The items of a required list with at least one.
    std::vector<YamlValue> items(const std::string& key, const std::string& expected);
    // The items of a list that may be missing or empty.
    std::vector<YamlValue> items_if_any(const std::string& key, const std::string& expected);

    // A key whose value is of no interest, and which no message need offer.
    void ignore(const std::string& key) { ignored_keys_.push_back(key); }
    // Is there a key that none of the functions above asked for?
    bool has_other_keys() const;
    // A finding for each of them.
    void refuse_other_keys();

   private:
    const YamlNode* node_of(const std::string& key) const;
    bool is_known(const std::string& key) const;
    std::vector<YamlValue> items_of(const YamlValue& list, const std::string& expected);

    Findings* findings_;
    YamlValue value_;
    bool is_map_;
    Nulls nulls_;
    std::vector<std::string> known_keys_;  // in the order they were asked for
    std::vector<std::string> ignored_keys_;
};

}  // namespace biplane
