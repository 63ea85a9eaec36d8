// What an embedded store's files say is committed. After a crash that is the revision before the commit that was being made, or after
// it. After damage it is what was committed, where the files prove it; otherwise there is no answer but an Error: nothing is guessed.
//
// What is proven: the base by its checksum; each record of the journal by a chain of checksums; that no record is missing at the end by
// the head. A head that is older than a confirmed record, or of which one slot is damaged, is outvoted by the journal.
#pragma once
#include "store/disk.hpp"
#include "store/store_format.hpp"

namespace biplane {

// What is known from elsewhere (the tables in force) about the last revision that was answered for.
struct CommitEvidence {
    uint32_t mark = 0;  // of that revision; 0: nothing is known
    // The last commit goes, if the evidence has the one before: nobody was told that it succeeded, or it was refused while the
    // disk could not take it back.
    bool drops_unanswered = false;
};

struct RecoveredStore {
    StoreHead head;  // of what is committed
    size_t slot = 0;
    DocumentTexts documents;
    uint64_t base_bytes = 0;
    uint64_t journal_end = 0;  // where the next record belongs
    std::string unclean;       // why the files have to be written anew before the next commit; empty if they need not
};

Result<RecoveredStore> recover_store(const OpenFile& directory, const CommitEvidence& evidence);

// For who has no lock, while commits may be made. The Error's code is ENOENT if there is no such store.
Result<RecoveredStore> read_store(const std::string& directory);

// The newest revision that can be read whole from a damaged store, however old it is: for an operator to look at, never to be used as
// it is.
struct SalvagedStore {
    Revision revision;
    DocumentTexts documents;
};
Result<SalvagedStore> salvage_store(const std::string& directory);

std::string base_name(uint64_t generation);
std::string journal_name(uint64_t generation);
inline constexpr char head_name[] = "head";

}  // namespace biplane
