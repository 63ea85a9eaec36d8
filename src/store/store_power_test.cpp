// The power fails: of what was not yet brought to disk, anything may be lost, sector by sector. One revision is whole afterwards, and
// one that was answered for is not lost.
#include <random>

#include "store/directory_for_test.hpp"

namespace biplane {
namespace {

// Does everything on a real disk, and remembers what is not yet safe from a loss of power.
class VolatileDisk : public Disk {
   public:
    std::mt19937 random{1};

    Result<OpenFile> create(const OpenFile& directory, const std::string& name) override {
        auto file = Disk::create(directory, name);
        if (file) pending_names_.push_back({"", name});
        return file;
    }
    Status write_at(const OpenFile& file, std::string_view bytes, uint64_t offset) override {
        pending_writes_[name_of(file)].push_back({offset, std::string(bytes)});
        return Disk::write_at(file, bytes, offset);
    }
    Status allocate(const OpenFile& file, uint64_t bytes) override {
        auto& content = safe_[name_of(file)];
        if (content.size() < bytes) content.resize(bytes);
        return Disk::allocate(file, bytes);
    }
    Status sync(const OpenFile& file) override {
        const std::string name = name_of(file);
        for (const auto& [offset, bytes] : pending_writes_[name]) apply(safe_[name], offset, bytes);
        pending_writes_[name].clear();
        return Disk::sync(file);
    }
    Status sync_names(const OpenFile& directory) override {
        for (const auto& [from, to] : pending_names_) apply_name(names_, from, to);
        pending_names_.clear();
        return Disk::sync_names(directory);
    }
    Status rename(const OpenFile& directory, const std::string& from, const std::string& to) override {
        pending_names_.push_back({from, to});
        return Disk::rename(directory, from, to);
    }
    Status remove(const OpenFile& directory, const std::string& name) override {
        pending_names_.push_back({name, ""});
        return Disk::remove(directory, name);
    }

    void begin_with(const std::string& directory) {
        for (const std::string& name : files_of(directory)) safe_[name] = bytes_of(directory + "/" + name), names_[name] = name;
    }
    // A directory as a power failure now could leave it: of what is pending, some reached the disk; of a write, some sectors.
    void write_what_is_left(const std::string& directory) {
        std::filesystem::remove_all(directory);
        std::filesystem::create_directory(directory);
        auto content = safe_;
        for (const auto& [name, writes] : pending_writes_)
            for (const auto& [offset, bytes] : writes) write_some_sectors(content[name], offset, bytes);
        auto names = names_;
        const size_t reached = random() % (pending_names_.size() + 1);  // names are journaled in order
        for (size_t i = 0; i < reached; ++i) apply_name(names, pending_names_[i].first, pending_names_[i].second);
        for (const auto& [name, file] : names) write_bytes(directory + "/" + name, content[file]);
    }

   private:
    static constexpr size_t sector = 512;
    static void apply(std::string& content, uint64_t offset, const std::string& bytes) {
        if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
        content.replace(offset, bytes.size(), bytes);
    }
    void write_some_sectors(std::string& content, uint64_t offset, const std::string& bytes) {
        for (size_t at = 0; at < bytes.size();) {
            const size_t length = std::min(sector - (offset + at) % sector, bytes.size() - at);
            if (random() % 2 == 0) apply(content, offset + at, bytes.substr(at, length));
            at += length;
        }
    }
    static void apply_name(std::map<std::string, std::string>& names, const std::string& from, const std::string& to) {
        const std::string file = from.empty() ? to : names[from];
        names.erase(from);
        if (!to.empty()) names[to] = file;
    }
    static std::string name_of(const OpenFile& file) { return std::filesystem::path(file.path).filename(); }

    // A file is called by the name it was made or opened with, whatever it is renamed to.
    std::map<std::string, std::string> safe_;   // file -> bytes
    std::map<std::string, std::string> names_;  // name -> file
    std::map<std::string, std::vector<std::pair<uint64_t, std::string>>> pending_writes_;
    std::vector<std::pair<std::string, std::string>> pending_names_;
};

// Cuts the power at each call, several times over.
class PowerCut : public VolatileDisk {
   public:
    int cut_at = -1, calls = 0;
    std::string place;  // where the remains go

    Result<OpenFile> create(const OpenFile& directory, const std::string& name) override {
        cut_before();
        return VolatileDisk::create(directory, name);
    }
    Status write_at(const OpenFile& file, std::string_view bytes, uint64_t offset) override {
        cut_before();
        return VolatileDisk::write_at(file, bytes, offset);
    }
    Status sync(const OpenFile& file) override {
        cut_before();
        return VolatileDisk::sync(file);
    }
    Status sync_names(const OpenFile& directory) override {
        cut_before();
        return VolatileDisk::sync_names(directory);
    }
    Status rename(const OpenFile& directory, const std::string& from, const std::string& to) override {
        cut_before();
        return VolatileDisk::rename(directory, from, to);
    }

   private:
    void cut_before() {
        if (calls++ == cut_at) write_what_is_left(place);
    }
};

TEST(StorePower, a_failure_at_any_moment_leaves_one_revision_whole) {
    constexpr int steps_before = 4;
    const TestDirectory home;
    const std::string good = home / "good", tried = home / "tried", left = home / "left";
    DocumentTexts documents_before, documents_after;
    uint64_t revision_before = 0;
    {
        auto store = EmbeddedStore::create(good, 1, {}).value();
        for (int step = 0; step < steps_before; ++step) revision_before = commit_step(*store, step).number;
        documents_before = documents_after = store->snapshot()->documents;
        apply_changes(documents_after, changes_of_step(steps_before));
    }
    int old_ones = 0, new_ones = 0;
    for (unsigned seed = 0; seed < 40; ++seed) {
        for (int cut = 0;; ++cut) {
            SCOPED_TRACE("seed " + std::to_string(seed) + ", before call " + std::to_string(cut));
            copy_store(good, tried);
            std::filesystem::remove_all(left);
            PowerCut disk;
            disk.random.seed(seed * 100 + static_cast<unsigned>(cut));
            disk.place = left;
            disk.begin_with(tried);
            auto files = StoreFiles::open(tried, {}, disk).value();
            disk.cut_at = cut;
            CommitRecord record{revision_before + 1, {}, changes_of_step(steps_before)};
            ASSERT_TRUE(files.first.commit(record, 100));
            const bool is_in_commit = disk.calls > cut;
            ASSERT_TRUE(files.first.write_anew(documents_after));
            if (disk.calls <= cut) break;
            const auto store = EmbeddedStore::open(left);
            ASSERT_TRUE(store) << store.error().message;
            const auto found = (*store)->snapshot()->documents;
            if (is_in_commit && found == documents_before) {
                ++old_ones;
                continue;
            }
            EXPECT_EQ(found, documents_after);
            ++new_ones;
        }
    }
    EXPECT_GT(old_ones, 20);
    EXPECT_GT(new_ones, 100);
}

}  // namespace
}  // namespace biplane
