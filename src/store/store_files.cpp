#include "store/store_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <charconv>
#include <filesystem>
#include <memory>

#include "base/guarded_files.hpp"
#include "base/sha256.hpp"

namespace biplane {
namespace {

constexpr uint64_t journal_step = 64 << 10;      // by which its room grows
constexpr uint64_t journal_long_from = 1 << 20;  // or the size of its base, if that is more
constexpr char new_head_name[] = "head.new";

Result<OpenFile> open_directory(const std::string& path) {
    auto fd = open_guarded_directory(path);
    if (!fd) return tl::unexpected(fd.error());
    return OpenFile{std::move(*fd), path};
}

Result<OpenFile> open_file(const OpenFile& directory, const std::string& name, int flags) {
    std::string path = directory.path + "/" + name;
    auto fd = open_guarded_file(directory.fd.get(), name, path, flags);
    if (!fd) return tl::unexpected(fd.error());
    return OpenFile{std::move(*fd), std::move(path)};
}

Result<ProcessLock> lock_directory(const OpenFile& directory) {
    Fd again(::openat(directory.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!again) return failed_call("open the directory " + directory.path, errno);
    return ProcessLock::acquire(std::move(again), directory.path);
}

std::vector<std::string> names_in(const OpenFile& directory) {
    std::vector<std::string> names;
    const int again = ::openat(directory.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(again < 0 ? nullptr : ::fdopendir(again), ::closedir);
    while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr)
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    return names;
}

// What a crash left of an earlier try.
Status remove_unfinished(Disk& disk, const OpenFile& parent, const std::string& name) {
    const auto left = open_directory(parent.path + "/" + name);
    if (!left) return left.error().code == ENOENT ? Status{} : tl::unexpected(left.error());
    for (const std::string& file : names_in(*left))
        if (auto removed = disk.remove(*left, file); !removed) return removed;
    return disk.remove(parent, name);
}

Status write_new_file(Disk& disk, const OpenFile& file, std::string_view text) {
    if (auto written = disk.write_at(file, text, 0); !written) return written;
    return disk.sync(file);
}

}  // namespace

Result<std::pair<StoreFiles, RecoveredStore>> StoreFiles::open(const std::string& path, const CommitEvidence& evidence,
                                                               Disk& disk) {
    auto directory = open_directory(path);
    if (!directory) return tl::unexpected(directory.error());
    auto lock = lock_directory(*directory);
    if (!lock) return tl::unexpected(lock.error());
    auto recovered = recover_store(*directory, evidence);
    if (!recovered) {
        if (recovered.error().code == ENOENT) recovered.error().code = EIO;  // a file of the store is missing, not the store
        return tl::unexpected(recovered.error());
    }
    StoreFiles files(std::move(*directory), std::move(*lock), disk);
    if (auto opened = files.open_files(*recovered); !opened) return tl::unexpected(opened.error());
    return std::pair{std::move(files), *std::move(recovered)};
}

Status StoreFiles::open_files(const RecoveredStore& recovered) {
    if (auto opened = use_generation(recovered.head); !opened) return opened;
    struct stat status{};
    if (fstat(journal_.fd.get(), &status) != 0) return failed_call("look at " + journal_.path, errno);
    slot_ = recovered.slot;
    sequence_ = recovered.head.sequence;
    generation_attempted_ = recovered.head.generation;
    base_bytes_ = recovered.base_bytes;
    journal_end_ = recovered.journal_end;
    journal_room_ = static_cast<uint64_t>(status.st_size);
    are_trusted_ = recovered.unclean.empty();
    return {};
}

Status StoreFiles::use_generation(const StoreHead& head) {
    auto base = open_file(directory_, base_name(head.generation), O_RDONLY);
    auto journal = open_file(directory_, journal_name(head.generation), O_RDONLY);
    auto head_file = open_file(directory_, head_name, O_RDONLY);
    for (auto* file : {&base, &journal, &head_file})
        if (!*file) return tl::unexpected(file->error());
    base_ = *std::move(base), journal_ = *std::move(journal), head_ = *std::move(head_file);
    committed_ = head;
    return {};
}

Result<StoreFiles> StoreFiles::create(const std::string& path, const StoreHead& committed, const DocumentTexts& documents,
                                      Disk& disk) {
    const std::filesystem::path place(path);
    const std::string name = place.filename(), early_name = name + ".new";
    const auto parent = open_directory(place.parent_path());
    if (!parent) return tl::unexpected(parent.error());
    Status made = remove_unfinished(disk, *parent, early_name);
    if (made) made = disk.make_directory(*parent, early_name);
    if (!made) return tl::unexpected(made.error());
    auto directory = open_directory(path + ".new");
    if (!directory) return tl::unexpected(directory.error());
    auto lock = lock_directory(*directory);
    if (!lock) return tl::unexpected(lock.error());
    directory->path = path;
    StoreFiles files(std::move(*directory), std::move(*lock), disk);
    files.committed_ = committed;
    made = files.write_anew(documents);
    if (made) made = disk.rename(*parent, early_name, name);
    if (made) made = disk.sync_names(*parent);
    if (!made) return tl::unexpected(made.error());
    return files;
}

bool StoreFiles::is_journal_long() const { return journal_end_ > std::max(base_bytes_, journal_long_from); }

// --- a commit ---

Status StoreFiles::commit(CommitRecord record, size_t reserved_bytes) {
    const std::string text = text_of(record, committed_.chain);
    const std::string confirmation = confirmation_of(record.revision, record.chain);
    const auto journal = open_to_write(journal_, journal_name(committed_.generation));
    const auto head = journal ? open_to_write(head_, head_name) : tl::unexpected(journal.error());
    if (!head) return tl::unexpected(head.error());
    if (auto room = reserve(*journal, text.size() + confirmation.size() + reserved_bytes); !room) return room;

    are_trusted_ = false;
    StoreHead next = committed_;
    next.revision = record.revision;
    next.chain = record.chain;
    if (auto written = append(*journal, text); !written) return written;
    if (auto written = write_head(*head, next); !written) return written;
    committed_ = next;
    // From here on it is committed. The confirmation reaches the disk with the next record.
    are_trusted_ = disk_->write_at(*journal, confirmation, journal_end_).has_value();
    journal_end_ += confirmation.size();
    return {};
}

// The same file, not another one by its name.
Result<OpenFile> StoreFiles::open_to_write(const OpenFile& file, const std::string& name) const {
    auto opened = open_file(directory_, name, O_RDWR);
    if (!opened) return opened;
    struct stat ours{}, there{};
    const bool is_same = fstat(file.fd.get(), &ours) == 0 && fstat(opened->fd.get(), &there) == 0 && ours.st_dev == there.st_dev &&
                         ours.st_ino == there.st_ino;
    if (!is_same) return failure(file.path + " was replaced");
    return opened;
}

Status StoreFiles::reserve(const OpenFile& journal, uint64_t bytes) {
    const uint64_t needed = journal_end_ + bytes;
    if (needed <= journal_room_) return {};
    const uint64_t room = (needed / journal_step + 1) * journal_step;
    if (auto allocated = disk_->allocate(journal, room); !allocated) return allocated;
    journal_room_ = room;
    return {};
}

Status StoreFiles::append(const OpenFile& journal, std::string_view text) {
    if (auto written = disk_->write_at(journal, text, journal_end_); !written) return written;
    if (auto synced = disk_->sync(journal); !synced) return synced;
    journal_end_ += text.size();
    return {};
}

// Into the slot that the head in force does not need.
Status StoreFiles::write_head(const OpenFile& file, const StoreHead& head) {
    StoreHead numbered = head;
    numbered.sequence = ++sequence_;
    const size_t slot = (slot_ + 1) % head_slots;
    if (auto written = disk_->write_at(file, slot_of(numbered), slot * head_slot_bytes); !written) return written;
    if (auto synced = disk_->sync(file); !synced) return synced;
    slot_ = slot;
    return {};
}

// --- a generation ---

Status StoreFiles::write_anew(const DocumentTexts& documents) {
    StoreHead next = committed_;
    next.generation = ++generation_attempted_;
    remove_generation(next.generation);
    const std::string base = text_of(StoreBase{next.generation, next.revision, next.chain, documents});
    const std::string header = journal_header(next.generation, next.revision, sha256_of(base));
    Status written = write_base(base, next.generation);
    if (written) written = write_journal(header, next.generation);
    if (written) written = disk_->sync_names(directory_);
    if (!written) {
        remove_generation(next.generation);
        return written;
    }
    const uint64_t before = committed_.generation;
    are_trusted_ = false;  // from here on the disk may have the one head or the other
    if (auto put = put_head(next); !put) return put;
    if (auto used = use_generation(next); !used) return used;
    remove_generations_except(before, next.generation);
    slot_ = head_slots - 1;
    base_bytes_ = base.size();
    journal_end_ = header.size();
    journal_room_ = journal_step;
    are_trusted_ = true;
    return {};
}

Status StoreFiles::write_base(const std::string& text, uint64_t generation) {
    const auto file = disk_->create(directory_, base_name(generation));
    if (!file) return tl::unexpected(file.error());
    return write_new_file(*disk_, *file, text);
}

Status StoreFiles::write_journal(const std::string& header, uint64_t generation) {
    const auto file = disk_->create(directory_, journal_name(generation));
    if (!file) return tl::unexpected(file.error());
    if (auto allocated = disk_->allocate(*file, journal_step); !allocated) return allocated;
    return write_new_file(*disk_, *file, header);
}

// Both slots have it: the head of the generation before is not needed any more.
Status StoreFiles::put_head(StoreHead& head) {
    if (auto removed = disk_->remove(directory_, new_head_name); !removed) return removed;
    const auto file = disk_->create(directory_, new_head_name);
    if (!file) return tl::unexpected(file.error());
    std::string text;
    for (size_t slot = 0; slot < head_slots; ++slot) {
        head.sequence = ++sequence_;
        text += slot_of(head);
    }
    Status put = write_new_file(*disk_, *file, text);
    if (put) put = disk_->rename(directory_, new_head_name, head_name);
    if (put) put = disk_->sync_names(directory_);
    return put;
}

void StoreFiles::remove_generation(uint64_t generation) {
    for (const std::string& name : {base_name(generation), journal_name(generation)}) (void)disk_->remove(directory_, name);
}

void StoreFiles::remove_generations_except(uint64_t one, uint64_t other) {
    for (const std::string& name : names_in(directory_)) {
        uint64_t generation = 0;
        std::from_chars(name.data(), name.data() + name.size(), generation);
        const bool is_ours = name == base_name(generation) || name == journal_name(generation);
        if (is_ours && generation != one && generation != other) (void)disk_->remove(directory_, name);
    }
}

}  // namespace biplane
