// Builds the tree of one YAML document from the parser's events.
#pragma once
#include <yaml-cpp/eventhandler.h>

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/yaml/yaml_tree.hpp"

namespace biplane {

// Thrown out of the parser, which cannot be stopped in another way; it does not leave yaml_tree.cpp.
struct RefusedYaml {
    Place place;
    std::string why;
};

// What was made of all documents of a text.
struct YamlSpent {
    const YamlBounds bounds;
    size_t values = 0;
    size_t copies = 0;
};

class TreeBuilder : public YAML::EventHandler {
   public:
    explicit TreeBuilder(YamlSpent& spent) : spent_(spent) {}

    YamlNode take_root() { return std::move(root_); }
    Place start() const { return start_; }
    // Of the last scalar that may stand in quotes.
    const std::optional<Place>& last_quoted() const { return last_quoted_; }

    void OnDocumentStart(const YAML::Mark& mark) override;
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override;
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override;
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override;
    void OnSequenceEnd() override { close(); }
    void OnMapEnd() override { close(); }

   private:
    struct SeenKey {
        int line;
        size_t index;
        bool is_merged;  // brought by a merge key: one that is written out replaces it
    };
    // A list or map around the current place.
    struct Open {
        YamlNode node;
        YAML::anchor_t anchor;
        std::optional<Place> merging = {};     // what comes next is the value of this merge key
        std::optional<size_t> replacing = {};  // what comes next goes to this place
        std::unordered_map<std::string, SeenKey> seen_keys = {};
    };

    void spend_value(Place place);
    void spend_copies(size_t count, Place place);
    void open(YamlNode node, YAML::anchor_t anchor);
    void close();
    bool is_key_expected() const;
    void add(YamlNode node, YAML::anchor_t anchor, const std::string* plain = nullptr);
    void add_key(const YamlNode& node, const std::string* plain);
    void add_value(YamlNode node);
    void merge(Open& map, YamlNode value);
    void merge_map(Open& map, YamlNode value, Place place);
    void remember(YAML::anchor_t anchor, const YamlNode& node);

    YamlSpent& spent_;
    Place start_;
    std::optional<Place> last_quoted_;
    YamlNode root_;
    std::vector<Open> open_;                                 // outermost first
    std::unordered_map<YAML::anchor_t, YamlNode> anchored_;  // complete ones
};

}  // namespace biplane
