// The store that lives in a directory of this node: store_format.hpp has its files, recovery.hpp what is believed of them.
//
// A commit writes what it changes and nothing else: its record to the journal, then the head, each brought to disk. What the disk refuses
// is not committed, and then a new generation is written (all of it, to new files) before the next commit. Room for the next commit is
// kept reserved, so that a full disk refuses a commit before it is begun, and lets the last one be taken back.
#pragma once
#include <mutex>

#include "store/commit_history.hpp"
#include "store/store_files.hpp"

namespace biplane {

class EmbeddedStore : public Store {
   public:
    // What is there. The Error's code is EWOULDBLOCK if another process has it, ENOENT if there is no such directory.
    static Result<std::unique_ptr<EmbeddedStore>> open(const std::string& directory, const CommitEvidence& evidence = {},
                                                       Disk& disk = Disk::real());
    // A new one, as a whole or not at all; the directory above must be there. `revision`: its first one, not 0.
    static Result<std::unique_ptr<EmbeddedStore>> create(const std::string& directory, uint64_t revision,
                                                         const DocumentTexts& documents, Disk& disk = Disk::real());

    Result<StoreSnapshot> snapshot() override;
    CommitResult commit(uint64_t expected_revision, const std::vector<DocumentChange>& changes) override;
    std::unique_ptr<StoreWatch> watch(uint64_t revision) override { return history_.watch(revision); }
    std::string check() override;

   private:
    EmbeddedStore(std::string path, StoreFiles files, DocumentTexts documents, Disk& disk);
    Revision revision() const;
    Status write_anew();
    Status make_directory_again();
    Status mend(StoreFiles::Finding::Remedy remedy);

    const std::string path_;
    Disk& disk_;
    std::mutex mutex_;
    StoreFiles files_;
    DocumentTexts documents_;
    std::vector<DocumentChange> reverse_of_last_;  // what takes the last commit back, by key
    CommitHistory history_;
    bool was_found_damaged_ = false;  // by the last check
};

}  // namespace biplane
