#include "store/store.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "control/documents/documents.hpp"

namespace biplane {
namespace {

class StoreTest : public ::testing::Test {
   protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "biplane-store-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        parent_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(parent_); }

    std::string directory() const { return parent_ + "/deep/store"; }
    std::string file() const { return directory() + "/state.yaml"; }
    void write(const std::string& text) { std::ofstream(file(), std::ios::binary) << text; }

    std::string parent_;
};

DesiredState some_state() {
    const char text[] = R"(
apiVersion: biplane.dev/v1alpha1
kind: VirtualNetwork
metadata: { name: red }
spec: { vni: 100, subnets: [10.0.0.0/24, "fd00:a::/64"] }
---
apiVersion: biplane.dev/v1alpha1
kind: Node
metadata: { name: node-a }
spec: { address: 192.0.2.1 }
---
apiVersion: biplane.dev/v1alpha1
kind: Workload
metadata: { name: web, labels: { app: web } }
spec: { network: red, node: node-a, addresses: [10.0.0.10], netns: web }
)";
    return put_documents({}, parse_documents(text, "f").value()).value();
}

unsigned mode_of(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(stat(path.c_str(), &status), 0);
    return status.st_mode & 0777;
}

TEST_F(StoreTest, ANewStoreIsEmptyAndItsDirectoryPrivate) {
    const auto store = Store::open(directory());
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ(store->state(), DesiredState{});
    EXPECT_EQ(mode_of(directory()), 0700u);
}

TEST_F(StoreTest, WhatWasSavedIsThereAfterReopening) {
    auto store = Store::open(directory()).value();
    ASSERT_TRUE(store.save(some_state()));
    EXPECT_EQ(store.state(), some_state());
    EXPECT_EQ(Store::open(directory())->state(), some_state());
    EXPECT_EQ(mode_of(file()), 0600u);

    ASSERT_TRUE(store.save(DesiredState{}));
    EXPECT_EQ(Store::open(directory())->state(), DesiredState{});
}

// Texts of what has not changed are kept: none may outlive its document or its value.
TEST_F(StoreTest, EveryChangeIsThereAfterReopening) {
    auto store = Store::open(directory()).value();
    DesiredState state = some_state();
    const auto saved = [&] { return store.save(state) && Store::open(directory())->state() == state; };
    EXPECT_TRUE(saved());
    state.workloads.at("default/web").labels["app"] = "shop";
    EXPECT_TRUE(saved());
    state.nodes["node-b"] = {.name = "node-b", .addresses = {parse_address("192.0.2.2").value()}};
    EXPECT_TRUE(saved());
    state.nodes.at("node-b").addresses = {parse_address("192.0.2.3").value()};
    state.workloads.clear();
    EXPECT_TRUE(saved());
    state.workloads = some_state().workloads;
    EXPECT_TRUE(saved());
}

TEST_F(StoreTest, ACrashInTheMiddleOfSavingLeavesTheOldState) {
    auto store = Store::open(directory()).value();
    ASSERT_TRUE(store.save(some_state()));
    std::ofstream(directory() + "/state.yaml.new") << "apiVersion: biplane.dev/v1al";
    auto reopened = Store::open(directory());
    ASSERT_TRUE(reopened) << reopened.error().message;
    EXPECT_EQ(reopened->state(), some_state());
    EXPECT_TRUE(reopened->save(DesiredState{}));
}

TEST_F(StoreTest, ADamagedFileIsAnErrorThatNamesItAndChangesNothing) {
    auto store = Store::open(directory()).value();
    ASSERT_TRUE(store.save(some_state()));
    const std::string what_to_do =
        "the stored state cannot be used; repair the file, or move it away to start empty and apply your documents again: ";
    for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
             {"apiVersion: biplane.dev/v1alpha1\nkind: Node\n", ":1:1: metadata: missing, expected a map with at least a name"},
             {"a: [1\n", ":2:1: malformed YAML: end of sequence flow not found"},
             {std::string(100, '\0'), ":1:1: found the byte 0x00, expected UTF-8 text"},
             {"apiVersion: biplane.dev/v1alpha1\nkind: Workload\nmetadata: { name: web }\n"
              "spec: { network: red, node: a, addresses: [10.0.0.1] }\n",
              ":4:18: Workload default/web: spec.network: there is no VirtualNetwork \"red\""}}) {
        write(text);
        const auto reopened = Store::open(directory());
        ASSERT_FALSE(reopened);
        EXPECT_EQ(reopened.error().message, what_to_do + file() + message);
        std::ifstream stream(file(), std::ios::binary);
        EXPECT_EQ(std::string(std::istreambuf_iterator<char>(stream), {}), text);
    }
}

TEST_F(StoreTest, WhatCannotBeCreatedIsNamed) {
    std::ofstream(parent_ + "/file") << "x";
    EXPECT_EQ(Store::open(parent_ + "/file/store").error().message,
              "cannot create the store directory " + parent_ + "/file/store: Not a directory");
    auto store = Store::open(directory()).value();
    std::filesystem::remove_all(directory());
    const auto saved = store.save(some_state());
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().message, "cannot open the store directory " + directory() + ": No such file or directory");
    EXPECT_EQ(store.state(), DesiredState{});
}

}  // namespace
}  // namespace biplane
