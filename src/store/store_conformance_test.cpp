// What every implementation of the seam holds true. To add one: a row in `implementations`.
#include <atomic>
#include <thread>

#include "store/directory_for_test.hpp"
#include "store/memory_store_for_test.hpp"

namespace biplane {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t first_revision = 7;

struct Implementation {
    const char* name;
    std::unique_ptr<Store> (*make)(const std::string& directory);
    // The same after its process has ended and another one has begun; null: it keeps nothing.
    std::unique_ptr<Store> (*open_again)(const std::string& directory);
};

const Implementation implementations[] = {
    {"Embedded",
     [](const std::string& directory) -> std::unique_ptr<Store> {
         return EmbeddedStore::create(directory + "store", first_revision, {}).value();
     },
     [](const std::string& directory) -> std::unique_ptr<Store> { return EmbeddedStore::open(directory + "store").value(); }},
    {"Memory", [](const std::string&) -> std::unique_ptr<Store> { return std::make_unique<MemoryStore>(first_revision); }, nullptr},
};

class StoreConformance : public testing::TestWithParam<Implementation> {
   protected:
    void SetUp() override { store_ = GetParam().make(directory_); }

    uint64_t revision() { return store_->snapshot()->revision.number; }
    DocumentTexts documents() { return store_->snapshot()->documents; }
    Revision put(const std::string& name, const std::string& text) {
        return store_->commit(revision(), {{{"Route", name}, text}}).value();
    }

    TestDirectory home_;
    std::string directory_ = home_ / "";
    std::unique_ptr<Store> store_;
};

TEST_P(StoreConformance, a_new_store_is_empty) {
    const auto begun = store_->snapshot();
    ASSERT_TRUE(begun);
    EXPECT_EQ(begun->revision.number, first_revision);
    EXPECT_NE(begun->revision.mark, 0u);
    EXPECT_TRUE(begun->documents.empty());
    EXPECT_EQ(store_->check(), "");
}

TEST_P(StoreConformance, a_commit_is_all_of_its_changes_and_a_higher_revision) {
    const auto before = store_->snapshot()->revision;
    const auto made = store_->commit(before.number, {{{"Route", "a"}, "one\n"}, {{"Node", "a"}, "two\n"}, {{"Route", "b"}, ""}});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_GT(made->number, before.number);
    EXPECT_NE(made->mark, before.mark);
    EXPECT_EQ(store_->snapshot()->revision, *made);
    EXPECT_EQ(documents(), (DocumentTexts{{{"Route", "a"}, "one\n"}, {{"Node", "a"}, "two\n"}, {{"Route", "b"}, ""}}));
    ASSERT_TRUE(store_->commit(made->number, {{{"Route", "a"}, "three\n"}, {{"Route", "b"}, std::nullopt}}));
    EXPECT_EQ(documents(), (DocumentTexts{{{"Route", "a"}, "three\n"}, {{"Node", "a"}, "two\n"}}));
}

TEST_P(StoreConformance, texts_of_any_bytes_and_names_with_anything_but_line_ends_come_back) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    const DocumentTexts wanted = {{{"Route", "--- # 3 Route b"}, bytes},
                                  {{"Route", " a  b "}, "no line end"},
                                  {{"Route", "c"}, "# removed Route c\n--- # 0 Route d\n# end 0\n"}};
    std::vector<DocumentChange> changes;
    for (const auto& [key, text] : wanted) changes.push_back({key, text});
    ASSERT_TRUE(store_->commit(revision(), changes));
    EXPECT_EQ(documents(), wanted);
    if (!GetParam().open_again) return;
    store_.reset();
    store_ = GetParam().open_again(directory_);
    EXPECT_EQ(documents(), wanted);
}

TEST_P(StoreConformance, a_commit_on_another_revision_is_a_conflict_and_changes_nothing) {
    const auto first = put("a", "one\n");
    for (const uint64_t expected : {first.number - 1, first.number + 1, uint64_t{0}}) {
        const auto refused = store_->commit(expected, {{{"Route", "a"}, "two\n"}});
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().reason, CommitRefusal::Reason::conflict);
        EXPECT_FALSE(refused.error().message.empty());
    }
    EXPECT_EQ(store_->snapshot()->revision, first);
    EXPECT_EQ(documents(), (DocumentTexts{{{"Route", "a"}, "one\n"}}));
}

TEST_P(StoreConformance, what_cannot_be_kept_is_refused_as_a_whole) {
    for (const DocumentKey& key : {DocumentKey{"", "a"}, DocumentKey{"a b", "a"}, DocumentKey{"a\n", "a"}, DocumentKey{"Route", ""},
                                   DocumentKey{"Route", "a\nb"}, DocumentKey{"Route", "good"}}) {
        const auto refused = store_->commit(revision(), {{{"Route", "good"}, "one\n"}, {key, "two\n"}});
        ASSERT_FALSE(refused) << key.kind << key.name;
        EXPECT_EQ(refused.error().reason, CommitRefusal::Reason::invalid);
    }
    EXPECT_EQ(revision(), first_revision);
    EXPECT_TRUE(documents().empty());
}

TEST_P(StoreConformance, no_change_is_no_revision_and_removing_what_is_not_there_changes_nothing) {
    const auto first = put("a", "one\n");
    EXPECT_EQ(store_->commit(first.number, {}).value(), first);
    ASSERT_TRUE(store_->commit(first.number, {{{"Route", "never"}, std::nullopt}}));
    EXPECT_EQ(documents(), (DocumentTexts{{{"Route", "a"}, "one\n"}}));
}

TEST_P(StoreConformance, of_two_that_commit_on_the_same_revision_one_wins) {
    constexpr int threads = 4, rounds = 25;
    std::atomic<int> made = 0;
    std::vector<std::thread> writers;
    for (int thread = 0; thread < threads; ++thread)
        writers.emplace_back([&, thread] {
            for (int round = 0; round < rounds;) {
                const std::string name = std::to_string(thread) + "-" + std::to_string(round);
                const auto done = store_->commit(store_->snapshot()->revision.number, {{{"Route", name}, "x\n"}});
                if (done)
                    ++made, ++round;
                else
                    EXPECT_EQ(done.error().reason, CommitRefusal::Reason::conflict) << done.error().message;
            }
        });
    for (auto& writer : writers) writer.join();
    EXPECT_EQ(made, threads * rounds);
    EXPECT_EQ(documents().size(), size_t{threads * rounds});
    EXPECT_EQ(revision(), first_revision + threads * rounds);
}

TEST_P(StoreConformance, a_watcher_sees_each_commit_once_and_in_order) {
    const auto first = put("a", "one\n");
    const auto from_start = store_->watch(first_revision), from_now = store_->watch(first.number);
    const auto second = store_->commit(first.number, {{{"Route", "a"}, std::nullopt}, {{"Route", "b"}, "two\n"}}).value();
    const auto event = from_start->next(0ms);
    ASSERT_TRUE(event && *event);
    EXPECT_EQ((*event)->revision, first);
    EXPECT_EQ((*event)->changes, (std::vector<DocumentChange>{{{"Route", "a"}, "one\n"}}));
    for (const auto& watch : {from_start.get(), from_now.get()}) {
        const auto next = watch->next(0ms);
        ASSERT_TRUE(next && *next);
        EXPECT_EQ((*next)->revision, second);
        EXPECT_EQ((*next)->changes.size(), 2u);
        EXPECT_EQ(watch->next(0ms).value(), std::nullopt);
    }
}

TEST_P(StoreConformance, a_snapshot_and_what_a_watcher_sees_after_it_are_the_next_snapshot) {
    put("a", "one\n");
    auto known = store_->snapshot().value();
    const auto watch = store_->watch(known.revision.number);
    put("b", "two\n");
    put("a", "three\n");
    ASSERT_TRUE(store_->commit(revision(), {{{"Route", "b"}, std::nullopt}}));
    while (const auto event = watch->next(0ms).value()) {
        apply_changes(known.documents, event->changes);
        known.revision = event->revision;
    }
    EXPECT_EQ(known.revision, store_->snapshot()->revision);
    EXPECT_EQ(known.documents, documents());
}

TEST_P(StoreConformance, a_watcher_waits_for_a_commit_and_not_longer_than_it_wants) {
    const auto watch = store_->watch(revision());
    EXPECT_EQ(watch->next(10ms).value(), std::nullopt);
    std::thread writer([&] {
        std::this_thread::sleep_for(20ms);
        put("a", "one\n");
    });
    const auto event = watch->next(10s);
    writer.join();
    ASSERT_TRUE(event && *event);
    EXPECT_EQ((*event)->changes.front().key.name, "a");
}

TEST_P(StoreConformance, a_watcher_that_is_too_far_behind_has_to_list_again) {
    const auto lost = store_->watch(first_revision);
    for (size_t i = 0; i <= CommitHistory::events_max; ++i) put("a", std::to_string(i));
    const auto event = lost->next(0ms);
    ASSERT_FALSE(event);
    EXPECT_EQ(event.error().code, list_again);
    EXPECT_FALSE(store_->watch(first_revision - 1)->next(0ms));
    const auto again = store_->watch(revision());
    const auto last = put("b", "two\n");
    EXPECT_EQ(again->next(0ms).value()->revision, last);
}

TEST_P(StoreConformance, a_refused_commit_is_seen_by_no_watcher) {
    const auto watch = store_->watch(revision());
    EXPECT_FALSE(store_->commit(revision() + 1, {{{"Route", "a"}, "one\n"}}));
    EXPECT_FALSE(store_->commit(revision(), {{{"Route", ""}, "one\n"}}));
    EXPECT_EQ(watch->next(0ms).value(), std::nullopt);
}

TEST_P(StoreConformance, what_is_committed_is_there_after_a_restart_and_watchers_list_again) {
    if (!GetParam().open_again) GTEST_SKIP() << "this one keeps nothing";
    put("a", "one\n");
    const auto last = put("b", "two\n");
    const auto before = documents();
    store_.reset();
    store_ = GetParam().open_again(directory_);
    EXPECT_EQ(store_->snapshot()->revision, last);
    EXPECT_EQ(documents(), before);
    EXPECT_EQ(store_->watch(last.number - 1)->next(0ms).error().code, list_again);
    EXPECT_EQ(store_->watch(last.number)->next(0ms).value(), std::nullopt);
    EXPECT_GT(put("c", "three\n").number, last.number);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance, testing::ValuesIn(implementations),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace biplane
