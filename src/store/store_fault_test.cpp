// The disk refuses, or the process dies: at each call of a commit, and of writing a generation. What was refused never comes back, what was
// answered for is never lost, and the store can always be opened again.
#include <functional>

#include "store/directory_for_test.hpp"

namespace biplane {
namespace {

constexpr int steps_before = 4;

// Fails the call with this number, or it and all after it.
class FailingDisk : public Disk {
   public:
    // What becomes of a call that fails: a disk may have done all of it all the same, and a process may die after half of a write.
    enum class Effect { none, half, all };
    int fails_from = -1;
    bool goes_on_failing = false;
    Effect effect = Effect::none;
    int calls = 0;
    int failed = 0;

    Result<OpenFile> create(const OpenFile& directory, const std::string& name) override {
        if (!fails()) return Disk::create(directory, name);
        if (effect == Effect::all) (void)Disk::create(directory, name);
        return refusal();
    }
    Status make_directory(const OpenFile& parent, const std::string& name) override {
        return call([&] { return Disk::make_directory(parent, name); });
    }
    Status write_at(const OpenFile& file, std::string_view bytes, uint64_t offset) override {
        if (!fails()) return Disk::write_at(file, bytes, offset);
        const size_t done = effect == Effect::none ? 0 : effect == Effect::half ? bytes.size() / 2 : bytes.size();
        (void)Disk::write_at(file, bytes.substr(0, done), offset);
        return refusal();
    }
    Status allocate(const OpenFile& file, uint64_t bytes) override {
        return call([&] { return Disk::allocate(file, bytes); });
    }
    Status sync(const OpenFile& file) override {
        return call([&] { return Disk::sync(file); });
    }
    Status sync_names(const OpenFile& directory) override {
        return call([&] { return Disk::sync_names(directory); });
    }
    Status rename(const OpenFile& directory, const std::string& from, const std::string& to) override {
        return call([&] { return Disk::rename(directory, from, to); });
    }
    Status remove(const OpenFile& directory, const std::string& name) override {
        return call([&] { return Disk::remove(directory, name); });
    }

   private:
    bool fails() {
        const bool does = fails_from >= 0 && (calls == fails_from || (goes_on_failing && calls > fails_from));
        ++calls;
        failed += does;
        return does;
    }
    Status call(const std::function<Status()>& work) {
        if (!fails()) return work();
        if (effect == Effect::all) (void)work();
        return refusal();
    }
    static tl::unexpected<Error> refusal() { return failure("injected", EIO); }
};

class StoreFaults : public testing::Test {
   protected:
    void SetUp() override {
        auto store = EmbeddedStore::create(good_, 1, {}).value();
        for (int step = 0; step < steps_before; ++step) before_ = commit_step(*store, step);
        documents_before_ = store->snapshot()->documents;
        apply_changes(documents_after_ = documents_before_, changes_of_step(steps_before));
    }
    static Revision revision_in(Store& store) { return store.snapshot()->revision; }

    TestDirectory home_;
    std::string good_ = home_ / "good", tried_ = home_ / "tried";
    Revision before_;
    DocumentTexts documents_before_, documents_after_;
};

// One commit, in which call number `call` fails. Returns whether that call was made.
struct Trial {
    int call;
    bool goes_on;
    FailingDisk::Effect effect;
    std::string text() const {
        return "call " + std::to_string(call) + (goes_on ? " and all after" : "") + ", effect " + std::to_string(int(effect));
    }
};

std::vector<Trial> trials_of(int call) {
    std::vector<Trial> trials;
    for (const bool goes_on : {false, true})
        for (const auto effect : {FailingDisk::Effect::none, FailingDisk::Effect::half, FailingDisk::Effect::all})
            trials.push_back({call, goes_on, effect});
    return trials;
}

void arm(FailingDisk& disk, const Trial& trial) {
    disk.calls = disk.failed = 0;
    disk.fails_from = trial.call;
    disk.goes_on_failing = trial.goes_on;
    disk.effect = trial.effect;
}

TEST_F(StoreFaults, a_commit_that_the_disk_refuses_never_comes_back_and_one_that_was_answered_is_never_lost) {
    bool was_reached = true;
    int refused = 0, answered = 0;
    for (int call = 0; was_reached; ++call) {
        was_reached = false;
        for (const Trial& trial : trials_of(call)) {
            SCOPED_TRACE(trial.text());
            copy_store(good_, tried_);
            FailingDisk disk;
            auto store = EmbeddedStore::open(tried_, {}, disk).value();
            arm(disk, trial);
            const auto made = store->commit(before_.number, changes_of_step(steps_before));
            was_reached |= disk.failed != 0;
            EXPECT_EQ(store->snapshot()->documents, made ? documents_after_ : documents_before_) << "also before a restart";
            const uint32_t answered_for = made ? made->mark : before_.mark;
            (made ? answered : refused) += 1;
            store.reset();  // the process ends
            const auto again = EmbeddedStore::open(tried_, {answered_for, true});
            ASSERT_TRUE(again) << again.error().message;
            EXPECT_EQ((*again)->snapshot()->documents, made ? documents_after_ : documents_before_);
            EXPECT_EQ(revision_in(**again), made ? *made : before_);
        }
    }
    EXPECT_GT(refused, 20);
    EXPECT_GT(answered, 3);
}

// Without the tables in force there is one moment in which only they could tell: when the disk refuses to sync the head, has taken it, and
// refuses to take it back.
TEST_F(StoreFaults, also_without_anything_in_force_where_the_disk_works_again) {
    for (int call = 0; call < 8; ++call)
        for (const Trial& trial : trials_of(call)) {
            if (trial.goes_on) continue;
            SCOPED_TRACE(trial.text());
            copy_store(good_, tried_);
            FailingDisk disk;
            auto store = EmbeddedStore::open(tried_, {}, disk).value();
            arm(disk, trial);
            const auto made = store->commit(before_.number, changes_of_step(steps_before));
            store.reset();
            const auto again = EmbeddedStore::open(tried_);
            ASSERT_TRUE(again) << again.error().message;
            EXPECT_EQ((*again)->snapshot()->documents, made ? documents_after_ : documents_before_);
        }
}

TEST_F(StoreFaults, a_store_that_was_refused_takes_commits_again_when_the_disk_does) {
    for (int call = 0; call < 8; ++call)
        for (const Trial& trial : trials_of(call)) {
            SCOPED_TRACE(trial.text());
            copy_store(good_, tried_);
            FailingDisk disk;
            auto store = EmbeddedStore::open(tried_, {}, disk).value();
            arm(disk, trial);
            (void)store->commit(before_.number, changes_of_step(steps_before));
            const uint64_t revision = revision_in(*store).number;
            disk.fails_from = -1;
            const auto made = store->commit(revision, {{{"Node", "late"}, "late\n"}});
            ASSERT_TRUE(made) << made.error().message;
            EXPECT_EQ(store->check(), "");
            const auto documents = store->snapshot()->documents;
            store.reset();
            const auto again = EmbeddedStore::open(tried_);
            ASSERT_TRUE(again) << again.error().message;
            EXPECT_EQ((*again)->snapshot()->documents, documents);
        }
}

TEST_F(StoreFaults, while_the_disk_refuses_everything_check_says_so_and_then_mends) {
    FailingDisk disk;
    copy_store(good_, tried_);
    auto store = EmbeddedStore::open(tried_, {}, disk).value();
    arm(disk, {1, true, FailingDisk::Effect::none});
    EXPECT_FALSE(store->commit(before_.number, changes_of_step(steps_before)));
    EXPECT_EQ(store->check(), "write the store anew: injected");
    EXPECT_FALSE(store->commit(before_.number, changes_of_step(steps_before)));
    disk.fails_from = -1;
    EXPECT_EQ(store->check(), "");
    EXPECT_TRUE(store->commit(before_.number, changes_of_step(steps_before)));
}

TEST_F(StoreFaults, a_process_that_dies_while_a_generation_is_written_leaves_the_revision) {
    bool was_reached = true;
    for (int call = 0; was_reached; ++call) {
        was_reached = false;
        for (const Trial& trial : trials_of(call)) {
            SCOPED_TRACE(trial.text());
            copy_store(good_, tried_);
            {
                FailingDisk disk;
                auto opened = StoreFiles::open(tried_, {}, disk).value();
                arm(disk, trial);
                (void)opened.first.write_anew(opened.second.documents);
                was_reached |= disk.failed != 0;
            }
            for (int again = 0; again < 2; ++again) {
                const auto store = EmbeddedStore::open(tried_, {before_.mark, true});
                ASSERT_TRUE(store) << store.error().message;
                EXPECT_EQ((*store)->snapshot()->documents, documents_before_);
                EXPECT_TRUE((*store)->commit(before_.number, changes_of_step(steps_before)));
                EXPECT_TRUE((*store)->commit(before_.number + 1, {}));
                copy_store(good_, tried_);
            }
        }
    }
}

TEST_F(StoreFaults, a_store_is_made_as_a_whole_or_not_at_all) {
    const std::string path = home_ / "new";
    bool was_reached = true;
    for (int call = 0; was_reached; ++call) {
        was_reached = false;
        for (const Trial& trial : trials_of(call)) {
            SCOPED_TRACE(trial.text());
            std::filesystem::remove_all(path);
            FailingDisk disk;
            arm(disk, trial);
            const bool is_made = EmbeddedStore::create(path, 1, documents_before_, disk).has_value();
            was_reached |= disk.failed != 0;
            const auto found = EmbeddedStore::open(path);
            if (is_made || found)
                EXPECT_EQ(found.value()->snapshot()->documents, documents_before_);
            else
                EXPECT_EQ(found.error().code, ENOENT) << found.error().message;
            if (found) continue;
            EXPECT_TRUE(EmbeddedStore::create(path, 1, documents_before_)) << "what the first try left is no obstacle";
        }
    }
}

TEST_F(StoreFaults, a_full_disk_refuses_a_commit_before_it_is_begun_and_lets_the_last_one_be_taken_back) {
    FailingDisk disk;
    copy_store(good_, tried_);
    auto store = EmbeddedStore::open(tried_, {}, disk).value();
    // As a full disk does: what was reserved may be written, nothing can be reserved any more.
    class FullDisk : public Disk {
       public:
        bool is_full = false;
        Status allocate(const OpenFile& file, uint64_t bytes) override {
            return is_full ? failure("full", ENOSPC) : Disk::allocate(file, bytes);
        }
        Result<OpenFile> create(const OpenFile& directory, const std::string& name) override {
            return is_full ? failure("full", ENOSPC) : Disk::create(directory, name);
        }
    } full;
    store.reset();
    store = EmbeddedStore::open(tried_, {}, full).value();
    const std::string large(40'000, 'x');
    uint64_t revision = before_.number;
    full.is_full = true;
    int taken = 0, refused = 0;
    for (int n = 0; n < 10; ++n) {
        const auto made = store->commit(revision, {{{"Node", "large"}, large + std::to_string(n)}});
        if (!made) {
            ++refused;
            EXPECT_EQ(made.error().reason, CommitRefusal::Reason::unusable);
            continue;
        }
        ++taken;
        const auto back =
            store->commit(made->number, {{{"Node", "large"}, n == 0 ? std::nullopt : std::optional<std::string>("y\n")}});
        ASSERT_TRUE(back) << "what was begun can be taken back: " << back.error().message;
        revision = back->number;
    }
    EXPECT_GT(refused, 0);
    const auto documents = store->snapshot()->documents;
    store.reset();
    EXPECT_EQ(EmbeddedStore::open(tried_).value()->snapshot()->documents, documents);
}

}  // namespace
}  // namespace biplane
