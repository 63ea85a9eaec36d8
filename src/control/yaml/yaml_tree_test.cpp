#include "control/yaml/yaml_tree.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace biplane {
namespace {

std::string refusal(std::string_view text) {
    const auto trees = parse_yaml(text, "f.yaml");
    return trees ? "accepted" : trees.error().message;
}

TEST(YamlTree, EveryKeyAndValueKnowsItsPlace) {
    const auto trees = parse_yaml("a: 1\nb:\n  - x\n  - { c: \"y\" }\n", "f.yaml");
    ASSERT_TRUE(trees);
    const YamlNode& root = trees->at(0);
    EXPECT_EQ(root.kind, YamlNode::Kind::map);
    EXPECT_EQ(root.place, (Place{1, 1}));
    EXPECT_EQ(root.find("a")->place, (Place{1, 4}));
    EXPECT_EQ(root.find_key("b")->place, (Place{2, 1}));
    const YamlNode& list = *root.find("b");
    EXPECT_EQ(list.items.at(0).place, (Place{3, 5}));
    EXPECT_EQ(list.items.at(1).find_key("c")->place, (Place{4, 7}));
    EXPECT_EQ(list.items.at(1).find("c")->place, (Place{4, 10}));
}

TEST(YamlTree, DocumentsOfAStreamAreSeparateAndEmptyOnesAreLeftOut) {
    const auto trees = parse_yaml("---\n# nothing\n---\na: 1\n---\n---\nb: 2\n", "f.yaml");
    ASSERT_TRUE(trees);
    ASSERT_EQ(trees->size(), 2u);
    EXPECT_EQ(trees->at(1).find_key("b")->place, (Place{7, 1}));
    EXPECT_TRUE(parse_yaml("", "f.yaml")->empty());
}

TEST(YamlTree, AMissingValueStandsAtItsKey) {
    const auto trees = parse_yaml("a: 1\nb:\n", "f.yaml");
    ASSERT_TRUE(trees);
    EXPECT_EQ(trees->at(0).find("b")->kind, YamlNode::Kind::null);
    EXPECT_EQ(trees->at(0).find("b")->place, (Place{2, 1}));
}

TEST(YamlTree, ADuplicateKeyIsRefusedAtTheSecond) {
    EXPECT_EQ(refusal("a: 1\nb: 2\na: 3\n"), "f.yaml:3:1: duplicate key \"a\" (first in line 1)");
    EXPECT_EQ(refusal("a: {b: 1, b: 2}\n"), "f.yaml:1:11: duplicate key \"b\" (first in line 1)");
    EXPECT_EQ(refusal("a: {b: 1}\nc: {b: 2}\n"), "accepted");
}

// The document as JSON with sorted keys, everything that it says included.
std::string said_by(const YamlNode& node) {
    switch (node.kind) {
        case YamlNode::Kind::null:
            return "null";
        case YamlNode::Kind::text:
            return "\"" + node.text + "\"";
        case YamlNode::Kind::boolean:
            return node.is_true ? "true" : "false";
        case YamlNode::Kind::number:
            return node.natural ? std::to_string(*node.natural) : node.text;
        case YamlNode::Kind::list: {
            std::string text;
            for (const YamlNode& item : node.items) text += (text.empty() ? "" : ",") + said_by(item);
            return "[" + text + "]";
        }
        case YamlNode::Kind::map: {
            std::map<std::string, std::string> sorted;
            for (size_t i = 0; i < node.keys.size(); ++i) sorted[node.keys[i].text] = said_by(node.items[i]);
            std::string text;
            for (const auto& [key, value] : sorted) text += (text.empty() ? "" : ",") + key + ":" + value;
            return "{" + text + "}";
        }
    }
    return "";
}
std::string meaning(std::string_view text) {
    const auto trees = parse_yaml(text, "f.yaml");
    if (!trees) return trees.error().message;
    return trees->empty() ? "" : said_by(trees->at(0));
}

TEST(YamlTree, AnAliasIsACopyOfWhatItsAnchorNames) {
    EXPECT_EQ(meaning("a: &x [1, {b: c}]\nd: *x\n"), "{a:[1,{b:\"c\"}],d:[1,{b:\"c\"}]}");
    EXPECT_EQ(meaning("a: &x 1\nb: &x 2\nc: *x\n"), "{a:1,b:2,c:2}");
    EXPECT_EQ(meaning("a: &x \"1\"\n*x : &y\nb: *y\n"), "{1:null,a:\"1\",b:null}");
    EXPECT_EQ(meaning("a: &x {b: &y 5}\nc: [*y, *x]\n"), "{a:{b:5},c:[5,{b:5}]}");
    EXPECT_EQ(meaning("a: *x\n"), "f.yaml:1:4: malformed YAML: the referenced anchor is not defined");
    EXPECT_EQ(meaning("a: &x 1\n---\nb: *x\n"), "f.yaml:3:4: malformed YAML: the referenced anchor is not defined");
    EXPECT_EQ(meaning("a: &x [1, *x]\n"), "f.yaml:1:11: an alias inside of what it stands for");
}

TEST(YamlTree, MergeKeysTakeOverWhatIsNotWrittenOut) {
    EXPECT_EQ(meaning("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3, e: 4}\n"), "{a:{b:1,c:2},d:{b:1,c:3,e:4}}");
    EXPECT_EQ(meaning("<<: {a: 1}\nb: 2\n"), "{a:1,b:2}");
    EXPECT_EQ(meaning("<<: [{a: 1}, {a: 2, c: 3}]\nc: [4]\na:\n"), "{a:null,c:[4]}");
    EXPECT_EQ(meaning("<<: [{a: 1}, {a: 2, c: 3}]\n"), "{a:1,c:3}");
    EXPECT_EQ(meaning("b: {}\n<<: {a: {c: 1}}\n"), "{a:{c:1},b:{}}");
    EXPECT_EQ(meaning("\"<<\": 5\n"), "{<<:5}");  // in quotes it is a key like any other
    EXPECT_EQ(meaning("<<: 5\n"), "f.yaml:1:5: found the number 5, expected a map to merge, or a list of maps");
    EXPECT_EQ(meaning("<<: [5]\n"), "f.yaml:1:6: found the number 5, expected a map to merge, or a list of maps");
    EXPECT_EQ(meaning("<<: {}\n<<: {}\n"), "f.yaml:2:1: duplicate key \"<<\" (first in line 1)");
    EXPECT_EQ(meaning("<<: {a: 1}\na: 2\na: 3\n"), "f.yaml:3:1: duplicate key \"a\" (first in line 2)");
    EXPECT_EQ(meaning("a: &x {b: 1}\nc:\n  b: 2\n  <<: *x\n"),
              "f.yaml:4:3: \"b\" is merged into a map that has it already (line 3): write << first");
}

TEST(YamlTree, WhatIsMergedAndReplacedKnowsItsPlace) {
    const auto trees = parse_yaml("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 3\n", "f.yaml");
    ASSERT_TRUE(trees);
    const YamlNode& merged = *trees->at(0).find("d");
    EXPECT_EQ(merged.find("b")->place, (Place{4, 6}));
    EXPECT_EQ(merged.find("c")->place, (Place{1, 17}));
}

TEST(YamlTree, ABombOfAliasesIsRefused) {
    std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
    for (char c = 'b'; c <= 'z'; ++c)
        bomb += std::string(1, c) + ": &" + c + " [*" + char(c - 1) + ", *" + char(c - 1) + ", *" + char(c - 1) + "]\n";
    EXPECT_NE(refusal(bomb).find(": anchors and aliases stand for more than 100000 values"), std::string::npos) << refusal(bomb);
    std::string nested;  // each anchor holds all of those inside
    for (int i = 0; i < 99; ++i) nested += "&a" + std::to_string(i) + " [";
    for (int i = 0; i < 2000; ++i) nested += "x,";
    EXPECT_EQ(refusal(nested + std::string(99, ']')), "f.yaml:1:285: anchors and aliases stand for more than 100000 values");
    std::string deep = "a0: &a0 [1]\n";
    for (int i = 1; i < 200; ++i) deep += fmt::format("a{}: &a{} [*a{}]\n", i, i, i - 1);
    EXPECT_EQ(refusal(deep), "f.yaml:100:12: nested deeper than 100 levels");
}

TEST(YamlTree, ATextOfTooManyValuesIsRefused) {
    const auto with_three = [](std::string_view text) {
        const auto trees = parse_yaml(text, "f.yaml", {.values = 3});
        return trees ? "accepted" : trees.error().message;
    };
    EXPECT_EQ(with_three("[a, b]\n"), "accepted");
    EXPECT_EQ(with_three("[a, b, c]\n"), "f.yaml:1:8: more than 3 values in one text");
    EXPECT_EQ(with_three("[a, []]\n---\nb\n"), "f.yaml:3:1: more than 3 values in one text");
    EXPECT_EQ(with_three("{a: b, c: }\n"), "accepted");
    EXPECT_EQ(with_three("{a: b, c: , d: }\n"), "f.yaml:1:16: more than 3 values in one text");
}

TEST(YamlTree, MalformedYamlIsRefusedWhereItBreaks) {
    EXPECT_EQ(refusal("a: [1, 2\n"), "f.yaml:2:1: malformed YAML: end of sequence flow not found");
    EXPECT_EQ(refusal("a: 1\n  b: 2\n"), "f.yaml:2:4: malformed YAML: illegal map value");
    EXPECT_EQ(refusal("a: \"x"), "f.yaml:1:6: malformed YAML: illegal EOF in scalar");
    EXPECT_EQ(refusal("a: \"x\n"), "f.yaml:1:4: malformed YAML: the quotation mark is never closed");
    EXPECT_EQ(refusal("b: 1\n---\na: 'it''s\n"), "f.yaml:3:4: malformed YAML: the quotation mark is never closed");
    EXPECT_EQ(refusal("a: \"\\\"\n"), "f.yaml:1:4: malformed YAML: the quotation mark is never closed");
    EXPECT_EQ(refusal("\xef\xbb\xbf"
                      "a: 'x'\n"),
              "accepted");
    EXPECT_EQ(refusal(",]\n"), "f.yaml:1:1: malformed YAML: no document can start here");  // yaml-cpp 0.7 never came back
    EXPECT_EQ(refusal("? [a]\n: 1\n"), "f.yaml:1:3: found a list where a key must stand");
    EXPECT_EQ(refusal("~: 1\n"), "f.yaml:1:1: found nothing where a key must stand");
}

TEST(YamlTree, WhatIsNotUtf8IsRefusedAtItsByte) {
    EXPECT_EQ(refusal(std::string_view("a: 1\nb: \0\n", 10)), "f.yaml:2:4: found the byte 0x00, expected UTF-8 text");
    EXPECT_EQ(refusal("\xff\xfe"), "f.yaml:1:1: found the byte 0xff, expected UTF-8 text");
    EXPECT_EQ(refusal("a: \xc0\xaf\n"), "f.yaml:1:4: found the byte 0xc0, expected UTF-8 text");        // overlong
    EXPECT_EQ(refusal("a: \xed\xa0\x80\n"), "f.yaml:1:4: found the byte 0xed, expected UTF-8 text");    // surrogate
    EXPECT_EQ(refusal("a: \xf4\x90\x80\x80"), "f.yaml:1:4: found the byte 0xf4, expected UTF-8 text");  // above U+10FFFF
    EXPECT_EQ(refusal("a: \xe2\x82"), "f.yaml:1:4: found the byte 0xe2, expected UTF-8 text");          // cut off
    EXPECT_EQ(refusal("\n\n\xff"), "f.yaml:3:1: found the byte 0xff, expected UTF-8 text");
    EXPECT_EQ(refusal("a: \"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"\n"), "accepted");
}

TEST(YamlTree, AGiantTextIsRefusedBeforeItIsRead) {
    EXPECT_EQ(refusal(std::string(yaml_bytes_max + 1, ' ')), "f.yaml:1:1: found 67108865 bytes, expected at most 67108864");
}

TEST(YamlTree, DeepNestingIsRefused) {
    EXPECT_EQ(refusal(std::string(100, '[') + std::string(100, ']')), "accepted");
    EXPECT_EQ(refusal(std::string(101, '[') + std::string(101, ']')), "f.yaml:1:101: nested deeper than 100 levels");
    EXPECT_NE(refusal(std::string(100000, '[')), "accepted");
    std::string blocks;
    for (int depth = 0; depth < 5000; ++depth) blocks += std::string(depth, ' ') + "a:\n";
    EXPECT_EQ(refusal(blocks), "f.yaml:101:101: nested deeper than 100 levels");
}

TEST(YamlTree, AQuotationMarkBehindATagOrAnAnchorMustBeClosedToo) {
    for (const char* start : {"a: &x \"b\n", "a: !!str \"b\n", "a: !!str &x 'b\n", "a: &x !!str \n  'b\n"})
        EXPECT_EQ(refusal(start), "f.yaml:1:4: malformed YAML: the quotation mark is never closed") << start;
}

TEST(YamlTree, DocumentsAreVisitedOneByOneUntilOneIsRefused) {
    std::vector<std::string> visited;
    const auto visit = [&](const YamlNode& tree) -> Status {
        visited.push_back(said_by(tree));
        if (tree.kind == YamlNode::Kind::list) return failure("enough");
        return {};
    };
    EXPECT_EQ(read_yaml("a: 1\n---\n---\n[]\n---\nb: [\n", "f.yaml", visit).error().message, "enough");
    EXPECT_EQ(visited, (std::vector<std::string>{"{a:1}", "[]"}));
    EXPECT_EQ(read_yaml("a: \"b\n", "f.yaml", visit).error().message,
              "f.yaml:1:4: malformed YAML: the quotation mark is never closed");
    EXPECT_EQ(visited.size(), 2u);
}

// Whatever stands in the text: a list of trees or an error with a place, and no crash.
RC_GTEST_PROP(YamlTreeProperties, AnyTextIsReadOrRefusedWithAPlace, ()) {
    const auto words = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
        "a", ":", " ", "\n", "- ", "[", "]", "{", "}", "\"", "'", ",", "---\n", "...", "&x", "*x", "!t", "!!str ", "&x ", "*x",
        "<<: *x", "|", ">", "#", "?", "\t", "%YAML 1.2\n", "~", "@", "\xc3\xa9", "  ", "a: ", "<<: "));
    std::string text;
    for (const auto& word : words) text += word;
    const auto trees = parse_yaml(text, "f");
    if (!trees) RC_ASSERT(trees.error().message.substr(0, 2) == "f:");
}

}  // namespace
}  // namespace biplane
