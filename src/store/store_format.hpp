// The files of an embedded store as text. All of it is covered by checksums (SHA-256), and what is read is compared with what would have
// been written, so that each byte counts. Pure: no system call.
//
//     GENERATION.base       everything as of the revision at which the generation began; a YAML stream
//
//         # biplane-store 1 base generation 3 revision 42 chain <...> entries 17 bytes 12345
//         --- # 312 Workload default/web                 length of the text, kind, name
//         apiVersion: ...
//         # end <checksum of all before>
//
//     GENERATION.journal    the commits since then, one record each
//
//         # biplane-store 1 journal generation 3 revision 42 base <its checksum>
//         # commit 43 entries 2 bytes 640 chain <...>    the chain: checksum of the chain before and of this record
//         --- # 330 Workload default/web
//         apiVersion: ...
//         # removed Route old
//         # confirmed 43 <first digits of its chain>
//         zeros: room that is reserved
//
//     head                  two slots of 512 bytes, written in turn: which revision is committed. The second place that tells how far
//                           the journal has to reach
//
//         # biplane-store 1 head 88 generation 3 revision 43 chain <...> sum <...>
//
// A commit is one record, then one slot of the head, then the confirmation; the slot decides. So a whole record that the head does not
// know, and that is not confirmed, was never answered for.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.hpp"

namespace biplane {

// Chains and checksums: 64 hexadecimal digits.
struct StoreBase {
    uint64_t generation = 0;
    uint64_t revision = 0;
    std::string chain;
    DocumentTexts documents;
    friend bool operator==(const StoreBase&, const StoreBase&) = default;
};
std::string text_of(const StoreBase& base);
Result<StoreBase> parse_base(std::string_view text);

// The commit that follows on a revision.
struct CommitRecord {
    uint64_t revision = 0;
    std::string chain;  // that it leads to
    std::vector<DocumentChange> changes;
};
// `record.chain` is computed from `chain_before`, and set.
std::string text_of(CommitRecord& record, const std::string& chain_before);
std::string confirmation_of(uint64_t revision, const std::string& chain);
std::string journal_header(uint64_t generation, uint64_t revision, const std::string& base_checksum);

struct StoreJournal {
    enum class Confirmation { given, blank, damaged };  // damaged: neither it nor the zeros of reserved room are there
    struct Commit {
        CommitRecord record;
        uint64_t end;  // of its record
        Confirmation confirmation;
    };
    std::vector<Commit> commits;  // all but the last are confirmed
    uint64_t end = 0;             // of what is whole
    bool is_followed_by_zeros = false;
};
// Up to the first byte that does not belong to a whole record. Refused if it is not the journal of this base.
Result<StoreJournal> parse_journal(std::string_view text, const StoreBase& base, const std::string& base_checksum);

struct StoreHead {
    uint64_t sequence = 0;  // of writing heads: the higher one counts
    uint64_t generation = 0;
    uint64_t revision = 0;
    std::string chain;
    friend bool operator==(const StoreHead&, const StoreHead&) = default;
};
inline constexpr size_t head_slot_bytes = 512;  // a sector: a disk writes all of it or nothing
inline constexpr size_t head_slots = 2;
std::string slot_of(const StoreHead& head);
std::optional<StoreHead> parse_slot(std::string_view slot);

// Reserved room that was never written.
bool is_zero(std::string_view bytes);

}  // namespace biplane
