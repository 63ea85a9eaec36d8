#include "store/node_stores.hpp"

#include <sys/stat.h>

#include <functional>

#include "store/directory_for_test.hpp"
#include "store/memory_store_for_test.hpp"

namespace biplane {
namespace {

constexpr char documents_text[] = R"(
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
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: closed }
spec: { podSelector: {}, policyTypes: [Ingress, Egress] }
)";

DesiredState some_state() { return put_documents({}, parse_documents(documents_text, "f").value()).value(); }

Numbering some_numbering() {
    return {.ports = {{"workload/shop/web", 1}, {"fabric/eth1", 2}},
            .zones = {{"red", 7}},
            .next_hops = {{"discard", 1}, {"node/node-b", 65535}},
            .rules = {{"NetworkPolicy/shop/web/ingress/0", 3}},
            .port_cursor = 2,
            .zone_cursor = 7,
            .next_hop_cursor = 65535,
            .rule_cursor = 4};
}

Status commit(auto&& documents, const DesiredState& wanted) {
    return documents.commit(std::make_shared<const DesiredState>(wanted), changes_between(documents.state(), wanted));
}

class NodeStores : public testing::Test {
   protected:
    static constexpr TablesInForce no_tables{};
    TablesInForce tables_of(const CommittedDocuments& documents, const CommittedNumbering& numbers) const {
        return {true, documents.revision().mark, numbers.revision().mark};
    }
    std::string refusal_of_documents(const TablesInForce& in_force) const {
        const auto opened = open_documents(store_, in_force);
        return opened ? "" : opened.error().message;
    }
    TestDirectory home_;
    std::string store_ = home_ / "deep/store";
};

TEST_F(NodeStores, new_ones_are_empty_and_their_directory_is_private) {
    EXPECT_EQ(open_documents(store_, no_tables).value().state(), DesiredState{});
    EXPECT_EQ(open_numbering(store_, no_tables).value().given(), Numbering{});
    EXPECT_EQ(std::filesystem::status(store_).permissions(), std::filesystem::perms(0700));
    EXPECT_EQ(std::filesystem::status(store_ + "/documents/head").permissions(), std::filesystem::perms(0600));
}

TEST_F(NodeStores, what_was_committed_is_there_after_reopening) {
    const DesiredState state = some_state();
    ASSERT_TRUE(commit(open_documents(store_, no_tables).value(), state));
    EXPECT_EQ(open_documents(store_, no_tables).value().state(), state);
    EXPECT_EQ(read_documents(store_).value()->state, state);
    DesiredState changed = state;
    changed.workloads.at("default/web").labels["app"] = "shop";
    changed.network_policies.clear();
    ASSERT_TRUE(commit(open_documents(store_, no_tables).value(), changed));
    EXPECT_EQ(open_documents(store_, no_tables).value().state(), changed);

    ASSERT_TRUE(open_numbering(store_, no_tables).value().commit(some_numbering()));
    EXPECT_EQ(open_numbering(store_, no_tables).value().given(), some_numbering());
    EXPECT_EQ(read_numbering(store_).value(), some_numbering());
}

TEST_F(NodeStores, without_a_store_readers_find_nothing) {
    EXPECT_EQ(read_documents(store_).value(), std::nullopt);
    EXPECT_EQ(read_numbering(store_).value(), Numbering{});
}

TEST_F(NodeStores, a_change_that_is_not_in_force_is_taken_back) {
    auto documents = open_documents(store_, no_tables).value();
    ASSERT_TRUE(commit(documents, some_state()));
    DesiredState changed = some_state();
    changed.workloads.clear();
    changed.network_policies.at("default/closed").egress = {};
    changed.nodes["node-b"] = {.name = "node-b", .addresses = {parse_address("192.0.2.2").value()}};
    ASSERT_TRUE(commit(documents, changed));
    ASSERT_TRUE(documents.take_back());
    EXPECT_EQ(documents.state(), some_state());
    EXPECT_EQ(documents.revision().number, documents.committed());
    EXPECT_EQ(read_documents(store_).value()->state, some_state());
}

// The store fails between the commit and taking it back.
TEST(CommittedDocuments, what_cannot_be_taken_back_yet_is_taken_back_as_soon_as_the_store_lets_it) {
    auto memory = std::make_unique<MemoryStore>(1);
    MemoryStore& store = *memory;
    auto documents = CommittedDocuments::open(std::move(memory)).value();
    ASSERT_TRUE(commit(documents, some_state()));
    const Revision in_force = documents.revision();
    ASSERT_TRUE(commit(documents, {}));
    store.fail_with("the disk is gone");
    const auto failed = documents.take_back();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().message,
              "revision 3 is committed and not in force here, and the store does not let it be taken back: the disk is gone");
    EXPECT_EQ(documents.state(), some_state());
    EXPECT_EQ(documents.revision(), in_force);
    EXPECT_EQ(documents.committed(), 3u);
    EXPECT_EQ(documents.check(), failed.error().message);
    EXPECT_FALSE(commit(documents, {})) << "nothing else is committed on top of it";
    EXPECT_EQ(documents.state(), some_state());
    store.fail_with("");
    EXPECT_EQ(documents.check(), "");
    EXPECT_EQ(documents.committed(), 4u);
    EXPECT_EQ(documents.revision().number, 4u);
    EXPECT_EQ(state_of(store.snapshot()->documents, "store").value(), some_state());
    EXPECT_TRUE(commit(documents, {}));
}

TEST(CommittedDocuments, a_refused_commit_changes_nothing) {
    auto memory = std::make_unique<MemoryStore>(1);
    MemoryStore& store = *memory;
    auto documents = CommittedDocuments::open(std::move(memory)).value();
    store.fail_with("the disk is full");
    EXPECT_EQ(documents.check(), "the disk is full");
    EXPECT_EQ(commit(documents, some_state()).error().message, "the store refuses the change: the disk is full");
    EXPECT_EQ(documents.state(), DesiredState{});
    store.fail_with("");
    EXPECT_TRUE(commit(documents, some_state()));
}

TEST(CommittedDocuments, documents_that_are_not_what_their_keys_say_are_refused) {
    const auto refusal = [](const DocumentTexts& texts) { return state_of(texts, "store").error().message; };
    const std::string node = "apiVersion: biplane.dev/v1alpha1\nkind: Node\nmetadata: { name: a }\nspec: { address: 192.0.2.1 }\n";
    EXPECT_TRUE(state_of({{{"Node", "a"}, node}}, "store"));
    EXPECT_EQ(refusal({{{"Node", "b"}, node}}), "store: Node b: another document stands there");
    EXPECT_EQ(refusal({{{"Route", "a"}, node}}), "store: Route a: another document stands there");
    EXPECT_EQ(refusal({{{"Node", "a"}, ""}}), "store: Node a: another document stands there");
    EXPECT_NE(refusal({{{"Node", "a"}, "kind: [\n"}}).find("store: Node a:"), std::string::npos);
}

TEST(CommittedNumbering, damaged_numbers_are_refused) {
    const auto refusal = [](const DocumentTexts& texts) { return numbering_of(texts).error().message; };
    EXPECT_EQ(numbering_of(texts_of(some_numbering())).value(), some_numbering());
    EXPECT_EQ(refusal({{{"port", "a"}, "1\n"}, {{"port", "b"}, "1\n"}}),
              "\"port\" of \"b\": found \"1\\x0a\", expected a number from 1 to 65535 that is given once");
    for (const char* text : {"0\n", "65536\n", "1", "01\n", "-1\n", "", "one\n"})
        EXPECT_NE(refusal({{{"port", "a"}, text}}), "") << text;
    EXPECT_NE(refusal({{{"door", "a"}, "1\n"}}), "");
    EXPECT_NE(refusal({{{"cursor", "door"}, "1\n"}}), "");
    EXPECT_TRUE(numbering_of({{{"cursor", "port"}, "0\n"}}));
}

// What is missing although something says that it was there.

TEST_F(NodeStores, missing_documents_are_refused_while_tables_are_in_force_or_numbers_were_given) {
    EXPECT_EQ(refusal_of_documents({true, 0, 0}),
              "the documents are lost: there is no " + store_ +
                  "/documents, although tables are in force on this node; nothing was changed, and the datapath goes on as it is. "
                  "Give it "
                  "back from a copy, or say which documents shall count: biplaned --restore-documents FILE (an empty file: none)");
    (void)open_documents(store_, no_tables);
    (void)open_numbering(store_, no_tables);
    std::filesystem::remove_all(store_ + "/documents");
    EXPECT_NE(refusal_of_documents(no_tables).find("although numbers were given on this node"), std::string::npos);
}

TEST_F(NodeStores, missing_and_damaged_numbers_are_refused_while_tables_are_in_force_and_else_begun_anew) {
    const std::function<void()> damages[] = {[&] { std::filesystem::remove_all(store_ + "/numbering"); },
                                             [&] { std::filesystem::remove(store_ + "/numbering/head"); },
                                             [&] { std::filesystem::resize_file(store_ + "/numbering/1.journal", 200); }};
    for (const auto& damage : damages) {
        ASSERT_TRUE(open_numbering(store_, no_tables).value().commit(some_numbering()));
        damage();
        const auto refused = open_numbering(store_, {true, 0, 0});
        ASSERT_FALSE(refused);
        EXPECT_NE(refused.error().message.find("biplaned --remove"), std::string::npos) << refused.error().message;
        EXPECT_EQ(open_numbering(store_, no_tables).value().given(), Numbering{});
    }
}

TEST_F(NodeStores, older_copies_of_both_are_refused_while_newer_ones_are_in_force) {
    auto documents = std::make_optional(open_documents(store_, no_tables).value());
    auto numbers = std::make_optional(open_numbering(store_, no_tables).value());
    copy_store(store_, home_ / "older");
    ASSERT_TRUE(commit(*documents, some_state()));
    ASSERT_TRUE(numbers->commit(some_numbering()));
    const TablesInForce in_force = tables_of(*documents, *numbers);
    documents.reset();
    numbers.reset();
    copy_store(home_ / "older", store_);
    EXPECT_NE(refusal_of_documents(in_force).find("is not what is in force on this node"), std::string::npos);
    EXPECT_NE(open_numbering(store_, in_force).error().message.find("is not what is in force on this node"), std::string::npos);
}

TEST_F(NodeStores, a_directory_that_others_may_write_or_that_is_a_link_is_refused) {
    (void)open_documents(store_, no_tables);
    chmod(store_.c_str(), 0770);
    EXPECT_NE(refusal_of_documents(no_tables).find("its mode is 0770"), std::string::npos);
    chmod(store_.c_str(), 0700);
    std::filesystem::rename(store_, store_ + "-real");
    std::filesystem::create_directory_symlink(store_ + "-real", store_);
    EXPECT_NE(refusal_of_documents(no_tables).find("it is a symbolic link"), std::string::npos);
}

TEST_F(NodeStores, the_plain_file_of_an_earlier_version_is_not_believed_by_itself) {
    std::filesystem::create_directories(store_);
    write_bytes(store_ + "/state.yaml", documents_text);
    EXPECT_EQ(
        refusal_of_documents(no_tables),
        store_ +
            "/state.yaml was written by an earlier version, without a checksum; nothing was changed, and the datapath goes on as "
            "it is. Look at it, and if it is complete, take it over: biplaned --restore-documents " +
            store_ + "/state.yaml");
    ASSERT_TRUE(replace_documents(store_, some_state()));
    EXPECT_EQ(open_documents(store_, no_tables).value().state(), some_state());
}

TEST_F(NodeStores, documents_that_an_operator_gives_replace_a_damaged_store_which_is_kept_beside) {
    {
        auto documents = open_documents(store_, no_tables).value();
        ASSERT_TRUE(commit(documents, some_state()));
    }
    std::filesystem::remove(store_ + "/documents/head");
    EXPECT_NE(refusal_of_documents(no_tables).find("biplaned --salvage-documents"), std::string::npos);
    EXPECT_EQ(state_of(salvage_documents(store_)->documents, "salvaged").value(), some_state());
    DesiredState wanted = some_state();
    wanted.workloads.clear();
    EXPECT_EQ(replace_documents(store_, wanted).value(), 3u) << "after what could still be read";
    EXPECT_EQ(open_documents(store_, no_tables).value().state(), wanted);
    EXPECT_TRUE(std::filesystem::exists(store_ + "/documents.replaced"));
    // Between the two steps of a replacement.
    std::filesystem::remove_all(store_ + "/documents");
    EXPECT_NE(refusal_of_documents(no_tables).find("although there was one"), std::string::npos);
}

// --- what happens to a store while it is used ---

TEST_F(NodeStores, a_store_whose_directory_goes_is_named_and_written_anew_when_there_is_a_place_for_it) {
    auto documents = open_documents(store_, no_tables).value();
    ASSERT_TRUE(commit(documents, some_state()));
    EXPECT_EQ(documents.check(), "");
    std::filesystem::remove_all(store_);
    const std::string gone = store_ + "/documents is gone: make " + store_ + " again, and it is written anew";
    EXPECT_EQ(documents.check(), gone);
    EXPECT_EQ(documents.check(), gone);
    EXPECT_FALSE(commit(documents, {}));
    EXPECT_EQ(documents.state(), some_state());
    std::filesystem::create_directory(store_);
    EXPECT_EQ(documents.check(), store_ + "/documents is gone; it is written anew") << "named once more";
    EXPECT_EQ(documents.check(), "");
    EXPECT_EQ(read_documents(store_).value()->state, some_state());
    EXPECT_TRUE(commit(documents, {}));
    EXPECT_EQ(read_documents(store_).value()->state, DesiredState{});
}

TEST_F(NodeStores, a_directory_that_comes_back_goes_on_being_used_and_another_one_does_not) {
    auto documents = open_documents(store_, no_tables).value();
    const std::string place = store_ + "/documents", aside = store_ + "/aside";
    std::filesystem::rename(place, aside);
    std::filesystem::create_directory(place);
    EXPECT_NE(documents.check().find("another directory lies at"), std::string::npos);
    EXPECT_NE(documents.check().find("another directory lies at"), std::string::npos);
    EXPECT_TRUE(files_of(place).empty()) << "nothing is written there";
    std::filesystem::remove(place);
    std::filesystem::rename(aside, place);
    EXPECT_EQ(documents.check(), "");
    EXPECT_TRUE(commit(documents, some_state()));
    EXPECT_EQ(read_documents(store_).value()->state, some_state());
}

TEST_F(NodeStores, a_file_that_is_removed_replaced_or_shortened_is_named_and_written_anew) {
    auto documents = open_documents(store_, no_tables).value();
    ASSERT_TRUE(commit(documents, some_state()));
    const std::string place = store_ + "/documents/";
    const std::function<void(const std::string& base, const std::string& journal)> damages[] = {
        [&](auto&, auto&) { std::filesystem::remove(place + "head"); },
        [&](auto&, auto&) { std::filesystem::resize_file(place + "head", 512); },
        [&](auto&, auto& journal) { std::filesystem::resize_file(journal, 100); },
        [&](auto& base, auto&) { std::filesystem::remove(base); },
        [&](auto&, auto& journal) {
            std::filesystem::copy_file(journal, place + "copy");
            std::filesystem::rename(place + "copy", journal);
        }};
    for (const auto& damage : damages) {
        const uint64_t generation = read_store(store_ + "/documents")->head.generation;
        SCOPED_TRACE(generation);
        damage(place + base_name(generation), place + journal_name(generation));
        EXPECT_NE(documents.check().find("was removed, replaced or shortened"), std::string::npos);
        EXPECT_EQ(documents.check(), "");
        EXPECT_EQ(read_documents(store_).value()->state, some_state());
    }
}

TEST_F(NodeStores, a_long_journal_becomes_a_new_generation_and_a_commit_writes_what_it_changes_alone) {
    auto store = EmbeddedStore::create(home_ / "one", 1, {}).value();
    DocumentTexts expected;
    uint64_t revision = 1;
    for (int n = 0; n < 2000; ++n) {
        const std::string name = std::to_string(n);
        expected[{"Node", name}] = std::string(300, 'x') + name;
    }
    std::vector<DocumentChange> changes;
    for (const auto& [key, text] : expected) changes.push_back({key, text});
    revision = store->commit(revision, changes)->number;
    EXPECT_EQ(store->check(), "");
    const auto written = [&] { return bytes_of(home_ / "one/1.journal").find_last_not_of('\0'); };
    const auto before = written();
    for (int n = 0; n < 20; ++n) revision = store->commit(revision, {{{"Node", "late"}, std::to_string(n)}})->number;
    EXPECT_LT(written() - before, 20 * 300u) << "bytes of twenty commits of one small document beside 600 KB";
    expected[{"Node", "late"}] = "19";
    while (std::filesystem::exists(home_ / "one/1.base") && revision < 5000) {
        revision = store->commit(revision, {{{"Node", "large"}, std::string(100'000, 'y')}})->number;
        EXPECT_EQ(store->check(), "");
    }
    expected[{"Node", "large"}] = std::string(100'000, 'y');
    EXPECT_EQ(files_of(home_ / "one"), (std::vector<std::string>{"2.base", "2.journal", "3.base", "3.journal", "head"}));
    store.reset();
    EXPECT_EQ(EmbeddedStore::open(home_ / "one").value()->snapshot()->documents, expected);
}

}  // namespace
}  // namespace biplane
