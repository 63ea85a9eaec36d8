// A store that was damaged is refused, or is exactly what was committed: never another valid state, never an older one.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <atomic>
#include <functional>
#include <random>
#include <thread>

#include "store/directory_for_test.hpp"

namespace biplane {
namespace {

constexpr int steps = 6, generation_begins_after = 2;

class StoreDamage : public testing::Test {
   protected:
    // `good_`, as it was after the last step, and `older_[n]`, as it was after step n. Its second generation begins in between.
    void SetUp() override {
        auto store = EmbeddedStore::create(good_, 1, {}).value();
        for (int step = 0; step < steps; ++step) {
            if (step == generation_begins_after) {
                store.reset();
                auto files = StoreFiles::open(good_, {}, Disk::real()).value();
                ASSERT_TRUE(files.first.write_anew(files.second.documents));
            }
            if (!store) store = reopened();
            marks_.push_back(commit_step(*store, step).mark);
            copy_store(good_, home_ / ("older-" + std::to_string(step)));
        }
        committed_ = store->snapshot().value();
        store.reset();
        ASSERT_EQ(files_of(good_), (std::vector<std::string>{"1.base", "1.journal", "2.base", "2.journal", "head"}));
    }
    std::unique_ptr<EmbeddedStore> reopened() { return EmbeddedStore::open(good_).value(); }
    std::string older(int step) const { return home_ / ("older-" + std::to_string(step)); }

    // Damages a copy and opens it. Returns whether it was refused.
    bool is_refused(const std::string& what, const std::function<void()>& damage, const CommitEvidence& evidence = {}) {
        copy_store(good_, damaged_);
        damage();
        const auto store = EmbeddedStore::open(damaged_, evidence);
        if (!store) {
            EXPECT_FALSE(store.error().message.empty()) << what;
            return true;
        }
        const auto found = (*store)->snapshot().value();
        EXPECT_EQ(found.revision, committed_.revision) << what;
        EXPECT_EQ(found.documents, committed_.documents) << what;
        ++used_;
        const auto next = commit_step(**store, steps);
        EXPECT_EQ(next.number, committed_.revision.number + 1) << what;
        return false;
    }
    std::string file(const std::string& name) const { return damaged_ + "/" + name; }

    // What the head stands for, the generation before is for the operator alone.
    const std::vector<std::string> files_in_use_ = {"2.base", "2.journal", "head"};
    TestDirectory home_;
    std::string good_ = home_ / "good", damaged_ = home_ / "damaged";
    StoreSnapshot committed_;
    std::vector<uint32_t> marks_;
    int used_ = 0;  // of the damaged ones
    std::mt19937 random_{20260101};
};

TEST_F(StoreDamage, without_any_it_is_used) {
    EXPECT_FALSE(is_refused("nothing", [] {}));
    EXPECT_FALSE(is_refused("nothing", [] {}, {marks_.back(), true}));
}

TEST_F(StoreDamage, cut_at_every_length) {
    for (const std::string& name : files_in_use_) {
        const size_t size = bytes_of(good_ + "/" + name).size();
        int refused = 0, cuts = 0;
        // Every length of what is written, and some of the room behind it.
        for (size_t length = 0; length < size; length += length < 4096 ? 1 + (length > 1024 ? random_() % 7 : 0) : 8192, ++cuts)
            refused +=
                is_refused(name + " cut to " + std::to_string(length), [&] { std::filesystem::resize_file(file(name), length); });
        EXPECT_GT(refused, 200) << name << " of " << cuts;
    }
}

TEST_F(StoreDamage, cut_and_filled_up_with_zeros) {
    for (const std::string& name : files_in_use_) {
        const size_t size = bytes_of(good_ + "/" + name).size();
        for (size_t length = 0; length < std::min<size_t>(size, 3000); length += 1 + random_() % 11)
            is_refused(name + " zeros from " + std::to_string(length), [&] {
                std::filesystem::resize_file(file(name), length);
                std::filesystem::resize_file(file(name), size);
            });
    }
}

TEST_F(StoreDamage, a_flipped_bit_anywhere) {
    for (const std::string& name : files_in_use_) {
        std::string bytes = bytes_of(good_ + "/" + name);
        const size_t written = bytes.find_last_not_of('\0') + 64;  // and some of the room behind it
        int refused = 0;
        for (int flip = 0; flip < 600; ++flip) {
            const size_t bit = random_() % (std::min(written, bytes.size()) * 8);
            refused += is_refused(name + " bit " + std::to_string(bit), [&] {
                std::string flipped = bytes;
                flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
                write_bytes(file(name), flipped);
            });
        }
        // A flipped bit of one head is outvoted by the other one and the journal.
        EXPECT_GT(refused, name == "head" ? -1 : 500) << name;
    }
}

TEST_F(StoreDamage, overwritten_doubled_and_lengthened) {
    for (const std::string& name : files_in_use_) {
        const std::string bytes = bytes_of(good_ + "/" + name);
        for (int round = 0; round < 200; ++round) {
            std::string changed = bytes;
            const size_t at = random_() % bytes.size(), from = random_() % bytes.size();
            const size_t length = 1 + random_() % 400;
            switch (random_() % 4) {
                case 0:  // a piece of it lies over another one
                    changed.replace(at, length, bytes.substr(from, length));
                    break;
                case 1:  // or in between
                    changed.insert(at, bytes.substr(from, length));
                    break;
                case 2:  // or is missing
                    changed.erase(at, length);
                    break;
                default:
                    changed += bytes.substr(from, length);
            }
            is_refused(name + " round " + std::to_string(round), [&] { write_bytes(file(name), changed); });
        }
    }
}

TEST_F(StoreDamage, a_file_that_is_missing_empty_or_something_else) {
    for (const std::string& name : files_in_use_) {
        const auto in_its_place = [&](const std::string& what, const std::function<void()>& put) {
            EXPECT_TRUE(is_refused(name + " " + what,
                                   [&] {
                                       std::filesystem::remove(file(name));
                                       put();
                                   }))
                << name << " " << what;
        };
        in_its_place("is missing", [] {});
        in_its_place("is empty", [&] { write_bytes(file(name), ""); });
        in_its_place("is a directory", [&] { std::filesystem::create_directory(file(name)); });
        in_its_place("is a link to a good copy", [&] { std::filesystem::create_symlink(good_ + "/" + name, file(name)); });
        in_its_place("is a FIFO", [&] { ASSERT_EQ(mkfifo(file(name).c_str(), 0600), 0); });
        EXPECT_TRUE(is_refused(name + " may be written by others", [&] { chmod(file(name).c_str(), 0622); }));
        if (geteuid() != 0) continue;
        EXPECT_TRUE(is_refused(name + " belongs to another user", [&] { ASSERT_EQ(chown(file(name).c_str(), 65534, 65534), 0); }));
        in_its_place("is a device", [&] { ASSERT_EQ(mknod(file(name).c_str(), S_IFCHR | 0600, makedev(1, 5)), 0); });
    }
    EXPECT_TRUE(is_refused("the directory is a link", [&] {
        std::filesystem::remove_all(damaged_);
        std::filesystem::create_directory_symlink(good_, damaged_);
    }));
    std::filesystem::remove(damaged_);
    EXPECT_TRUE(is_refused("the directory may be written by others", [&] { chmod(damaged_.c_str(), 0777); }));
}

TEST_F(StoreDamage, an_older_copy_of_one_file) {
    for (int step = 0; step + 1 < steps; ++step)
        for (const std::string& name : files_of(older(step)))
            is_refused(name + " of step " + std::to_string(step), [&] {
                std::filesystem::copy_file(older(step) + "/" + name, file(name), std::filesystem::copy_options::overwrite_existing);
            });
    EXPECT_GT(used_, 0) << "an older head is outvoted by the journal";
}

TEST_F(StoreDamage, files_in_each_others_place) {
    for (const std::string& one : files_of(good_))
        for (const std::string& other : files_of(good_))
            if (one < other)
                is_refused(one + " and " + other, [&] {
                    std::filesystem::rename(file(one), file("third"));
                    std::filesystem::rename(file(other), file(one));
                    std::filesystem::rename(file("third"), file(other));
                });
}

TEST_F(StoreDamage, files_of_another_store_that_went_through_the_same) {
    const std::string other = home_ / "other";
    {
        auto store = EmbeddedStore::create(other, 1, {}).value();
        for (int step = 0; step < generation_begins_after; ++step) commit_step(*store, step);
        store.reset();
        auto files = StoreFiles::open(other, {}, Disk::real()).value();
        ASSERT_TRUE(files.first.write_anew(files.second.documents));
    }
    auto store = EmbeddedStore::open(other).value();
    for (int step = generation_begins_after; step < steps; ++step) commit_step(*store, step);
    store.reset();
    for (const std::string& name : files_in_use_)
        EXPECT_TRUE(is_refused(name + " of another store", [&] {
            std::filesystem::copy_file(other + "/" + name, file(name), std::filesystem::copy_options::overwrite_existing);
        }));
}

// All files are older: they agree with each other, and only what is in force disagrees.
TEST_F(StoreDamage, an_older_copy_of_the_whole_directory_is_refused_while_the_newer_one_is_in_force) {
    for (int step = 0; step + 1 < steps; ++step) {
        const auto refused = EmbeddedStore::open(older(step), {marks_.back(), true});
        ASSERT_FALSE(refused) << step;
        EXPECT_NE(refused.error().message.find("is not what is in force on this node"), std::string::npos)
            << refused.error().message;
    }
}

TEST_F(StoreDamage, what_is_in_force_proves_a_commit_that_head_and_confirmation_have_lost) {
    copy_store(good_, damaged_);
    std::filesystem::copy_file(older(steps - 2) + "/head", file("head"), std::filesystem::copy_options::overwrite_existing);
    std::string journal = bytes_of(file("2.journal"));
    const size_t confirmation = journal.rfind("# confirmed");
    std::fill(journal.begin() + static_cast<ptrdiff_t>(confirmation), journal.end(), '\0');
    write_bytes(file("2.journal"), journal);
    EXPECT_EQ(EmbeddedStore::open(damaged_, {marks_.back(), true}).value()->snapshot()->revision, committed_.revision);
}

TEST_F(StoreDamage, a_commit_that_was_never_answered_for_is_dropped_when_the_one_before_is_in_force) {
    copy_store(good_, damaged_);
    auto store = EmbeddedStore::open(damaged_, {marks_[steps - 2], true}).value();
    EXPECT_EQ(store->snapshot()->revision.mark, marks_[steps - 2]);
    EXPECT_EQ(store->snapshot()->documents, EmbeddedStore::open(older(steps - 2)).value()->snapshot()->documents);
    store.reset();
    EXPECT_EQ(EmbeddedStore::open(damaged_).value()->snapshot()->revision.mark, marks_[steps - 2]) << "for good";
    // Of what may be ahead of what is in force, it is kept.
    copy_store(good_, damaged_);
    EXPECT_EQ(EmbeddedStore::open(damaged_, {marks_[steps - 2], false}).value()->snapshot()->revision, committed_.revision);
}

TEST_F(StoreDamage, of_a_damaged_store_the_newest_whole_revision_can_be_looked_at) {
    const auto salvaged = [&](const std::function<void()>& damage) {
        copy_store(good_, damaged_);
        damage();
        return salvage_store(damaged_).value();
    };
    EXPECT_EQ(salvaged([&] { std::filesystem::remove(file("head")); }).documents, committed_.documents);
    EXPECT_EQ(salvaged([&] { std::filesystem::remove(file("2.journal")); }).revision.mark, marks_[generation_begins_after - 1]);
    EXPECT_EQ(salvaged([&] { std::filesystem::resize_file(file("2.base"), 100); }).revision.mark,
              marks_[generation_begins_after - 1]);
    EXPECT_EQ(salvaged([&] {
                  std::string journal = bytes_of(file("2.journal"));
                  journal[journal.rfind("# commit") + 3] ^= 1;
                  write_bytes(file("2.journal"), journal);
              }).revision.mark,
              marks_[steps - 2]);
    std::filesystem::remove(file("1.base"));
    std::filesystem::remove(file("2.base"));
    EXPECT_FALSE(salvage_store(damaged_));
}

TEST_F(StoreDamage, a_second_process_is_refused_and_told_who_has_it) {
    const auto first = EmbeddedStore::open(good_);
    ASSERT_TRUE(first);
    const auto second = EmbeddedStore::open(good_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, EWOULDBLOCK);
    EXPECT_EQ(second.error().message, good_ + " is held by another process, pid " + std::to_string(getpid()));
    EXPECT_EQ(read_store(good_)->documents, committed_.documents) << "reading needs no lock";
}

TEST_F(StoreDamage, a_reader_beside_a_writer_always_finds_a_whole_revision) {
    auto store = reopened();
    std::atomic<bool> ends = false;
    int reads = 0;
    std::thread reader([&] {
        while (!ends) {
            const auto found = read_store(good_);
            ASSERT_TRUE(found) << found.error().message;
            EXPECT_GE(found->head.revision, committed_.revision.number);
            ++reads;
        }
    });
    for (int step = 0; step < 300; ++step) {
        commit_step(*store, steps + step);
        if (step % 25 != 0) continue;
        store.reset();
        {
            auto files = StoreFiles::open(good_, {}, Disk::real()).value();
            EXPECT_TRUE(files.first.write_anew(files.second.documents));
        }
        store = reopened();
    }
    ends = true;
    reader.join();
    EXPECT_GT(reads, 10);
}

}  // namespace
}  // namespace biplane
