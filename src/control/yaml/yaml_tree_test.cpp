#include "control/yaml/yaml_tree.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

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
    EXPECT_TRUE(list.items.at(1).find("c")->is_quoted);
    EXPECT_FALSE(list.items.at(0).is_quoted);
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

TEST(YamlTree, AnchorsAliasesAndTagsAreRefused) {
    EXPECT_EQ(refusal("a: &x [1]\n"), "f.yaml:1:4: anchors are not accepted");
    EXPECT_EQ(refusal("a: &x 1\nb: *x\n"), "f.yaml:1:4: anchors are not accepted");
    EXPECT_EQ(refusal("a: !!str 5\n"), "f.yaml:1:4: tags are not accepted (found \"tag:yaml.org,2002:str\")");
    EXPECT_EQ(refusal("a: !mine {b: 1}\n"), "f.yaml:1:4: tags are not accepted (found \"!mine\")");
    EXPECT_EQ(refusal("a: *x\n"), "f.yaml:1:4: malformed YAML: the referenced anchor is not defined");
}

TEST(YamlTree, ABombOfAliasesIsRefusedAtItsFirstAnchor) {
    std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
    for (char c = 'b'; c <= 'z'; ++c)
        bomb += std::string(1, c) + ": &" + c + " [*" + char(c - 1) + ", *" + char(c - 1) + ", *" + char(c - 1) + "]\n";
    EXPECT_EQ(refusal(bomb), "f.yaml:1:4: anchors are not accepted");
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
    EXPECT_NE(refusal(std::string(100000, '[')).find("malformed YAML"), std::string::npos);
    std::string blocks;
    for (int depth = 0; depth < 5000; ++depth) blocks += std::string(depth, ' ') + "a:\n";
    EXPECT_NE(refusal(blocks).find("malformed YAML"), std::string::npos);
}

// Whatever stands in the text: a list of trees or an error with a place, and no crash.
RC_GTEST_PROP(YamlTreeProperties, AnyTextIsReadOrRefusedWithAPlace, ()) {
    const auto words = *rc::gen::container<std::vector<std::string>>(
        rc::gen::element<std::string>("a", ":", " ", "\n", "- ", "[", "]", "{", "}", "\"", "'", ",", "---\n", "...", "&x", "*x",
                                      "!t", "|", ">", "#", "?", "\t", "%YAML 1.2\n", "~", "@", "\xc3\xa9", "  ", "a: ", "<<: "));
    std::string text;
    for (const auto& word : words) text += word;
    const auto trees = parse_yaml(text, "f");
    if (!trees) RC_ASSERT(trees.error().message.substr(0, 2) == "f:");
}

}  // namespace
}  // namespace biplane
