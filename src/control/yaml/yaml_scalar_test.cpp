// The tables of docs/yaml.md, row by row: what is written there is what is read. The rows themselves come from go-yaml, asked through
// sigs.k8s.io/yaml, which is what kubectl and the API server use.
#include "control/yaml/yaml_scalar.hpp"

#include <gtest/gtest.h>

#include <regex>

#include "base/read_file.hpp"
#include "control/yaml/yaml_tree.hpp"

namespace biplane {
namespace {

struct Row {
    std::vector<std::string> written;
    std::string is;
};

// The rows of the table below the heading `title`; what is written stands in code spans.
std::vector<Row> table_below(const std::string& title) {
    const auto page = read_file(BIPLANE_SOURCE_DIR "/docs/yaml.md").value();
    const size_t begin = page.find("## " + title + "\n"), end = page.find("\n## ", begin);
    std::istringstream lines(page.substr(begin, end - begin));
    std::vector<Row> rows;
    const std::regex row("\\| (.+) \\| (.+) \\|"), code("`([^`]+)`");
    std::smatch cells;
    for (std::string line; std::getline(lines, line);) {
        if (!std::regex_match(line, cells, row) || cells[1] == "written") continue;
        const std::string written = cells[1];
        rows.push_back({{}, cells[2]});
        for (std::sregex_iterator span(written.begin(), written.end(), code), none; span != none; ++span)
            rows.back().written.push_back((*span)[1]);
        EXPECT_FALSE(rows.back().written.empty()) << line;
    }
    return rows;
}

std::string without_reason(const std::string& cell) { return cell.substr(0, cell.find(':')); }

std::string kind_of(const YamlNode& node) {
    switch (node.kind) {
        case YamlNode::Kind::null:
            return "nothing";
        case YamlNode::Kind::text:
            return "a text";
        case YamlNode::Kind::boolean:
            return node.is_true ? "true" : "false";
        case YamlNode::Kind::number:
            return node.natural ? "the number " + std::to_string(*node.natural) : "a number that no key takes";
        default:
            return describe(node);
    }
}

TEST(YamlPage, EveryScalarIsWhatItsRowSays) {
    const auto rows = table_below("Scalars");
    EXPECT_GE(rows.size(), 17u);
    for (const auto& [written, is] : rows)
        for (const std::string& scalar : written) {
            const auto trees = parse_yaml("k: " + scalar + "\n", "f");
            EXPECT_EQ(trees ? kind_of(trees->at(0).items.at(0)) : "refused",
                      is.starts_with("a text") ? "a text" : without_reason(is))
                << scalar << (trees ? "" : ": " + trees.error().message);
        }
}

TEST(YamlPage, EveryKeyIsWhatItsRowSays) {
    const auto rows = table_below("Keys");
    EXPECT_GE(rows.size(), 9u);
    for (const auto& [written, is] : rows)
        for (const std::string& key : written) {
            const bool is_in_quotes = key[0] == '"' || key[0] == '\'';
            const std::string same = is_in_quotes ? key.substr(1, key.size() - 2) : key;
            const std::string wanted = is == "the same text" ? same : is == "refused" ? is : is.substr(1, is.size() - 2);
            const auto trees = parse_yaml("? " + key + "\n: v\n", "f");
            EXPECT_EQ(trees ? trees->at(0).keys.at(0).text : "refused", wanted) << key;
        }
}

TEST(YamlPage, TheBoundsAreThoseOfTheReader) {
    const auto page = read_file(BIPLANE_SOURCE_DIR "/docs/yaml.md").value();
    for (const auto& [what, bound] :
         std::vector<std::pair<std::string, size_t>>{{"values (maps, lists, scalars that are no keys)", YamlBounds{}.values},
                                                     {"values that anchors and aliases copy", YamlBounds{}.copies},
                                                     {"levels of maps and lists in each other", yaml_depth_max}})
        EXPECT_NE(page.find("| " + what + " | " + std::to_string(bound) + " |"), std::string::npos) << what;
    EXPECT_NE(page.find("| size | " + std::to_string(yaml_bytes_max >> 20) + " MiB |"), std::string::npos);
}

TEST(YamlScalars, AValueIsPreciseUpToTheLargestNumber) {
    EXPECT_EQ(resolve_plain("0xffffffffffffffff").natural, UINT64_MAX);
    EXPECT_EQ(resolve_plain("9007199254740993").natural, 9007199254740993u);
    EXPECT_EQ(resolve_plain("-9223372036854775809").type, PlainScalar::Type::number);
}

}  // namespace
}  // namespace biplane
