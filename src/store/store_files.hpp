// The files of an embedded store that is open for writing: one process has them at a time (a lock on the directory). What a write leaves
// behind when the disk refuses it cannot be trusted, so then everything has to be written anew, to new files, before the next commit.
#pragma once
#include "base/process_lock.hpp"
#include "store/recovery.hpp"

namespace biplane {

class StoreFiles {
   public:
    // The Error's code is EWOULDBLOCK if another process has the store, ENOENT if there is none.
    static Result<std::pair<StoreFiles, RecoveredStore>> open(const std::string& path, const CommitEvidence& evidence, Disk& disk);
    // As a whole or not at all; the directory above must be there. `committed`: revision and chain.
    static Result<StoreFiles> create(const std::string& path, const StoreHead& committed, const DocumentTexts& documents,
                                     Disk& disk);

    const StoreHead& committed() const { return committed_; }
    bool are_trusted() const { return are_trusted_; }
    bool is_journal_long() const;

    // Durable when it succeeds; otherwise not committed, and if are_trusted() then, nothing was written at all. Keeps room for one
    // more commit of `reserved_bytes`. Only while are_trusted().
    Status commit(CommitRecord record, size_t reserved_bytes);
    // The same revision in a new generation.
    Status write_anew(const DocumentTexts& documents);

    // Whether a commit would be possible, without writing.
    struct Finding {
        enum class Remedy { none_needed, write_anew, make_directory, none } remedy = Remedy::none_needed;
        std::string text;
    };
    Finding look() const;
    // The same without the disk's own state: whether what is written now would be found again.
    Finding look_at_place() const;

   private:
    StoreFiles(OpenFile directory, ProcessLock lock, Disk& disk)
        : disk_(&disk), directory_(std::move(directory)), lock_(std::move(lock)) {}
    Status open_files(const RecoveredStore& recovered);
    Result<OpenFile> open_to_write(const OpenFile& file, const std::string& name) const;
    Status reserve(const OpenFile& journal, uint64_t bytes);
    Status append(const OpenFile& journal, std::string_view text);
    Status write_head(const OpenFile& file, const StoreHead& head);
    Status write_base(const std::string& text, uint64_t generation);
    Status write_journal(const std::string& header, uint64_t generation);
    Status put_head(StoreHead& head);
    Status use_generation(const StoreHead& head);
    void remove_generation(uint64_t generation);
    void remove_generations_except(uint64_t one, uint64_t other);
    Finding look_at_directory() const;
    Finding look_at_disk() const;
    Finding look_at_files() const;
    bool is_in_place(const OpenFile& file, const std::string& name, uint64_t least_bytes) const;

    Disk* disk_;
    OpenFile directory_;
    ProcessLock lock_;
    OpenFile base_, journal_, head_;  // to read: what is open for writing would keep the disk from being made read-only
    StoreHead committed_;
    size_t slot_ = 0;                    // of the head, that has it
    uint64_t sequence_ = 0;              // of the head that was tried last
    uint64_t generation_attempted_ = 0;  // the same
    uint64_t base_bytes_ = 0;
    uint64_t journal_end_ = 0;
    uint64_t journal_room_ = 0;
    bool are_trusted_ = true;
};

}  // namespace biplane
