// The two stores of a node, below its store directory: `documents`, which may be those of all nodes, and `numbering`, which is its own.
//
// A store that is missing is a new one only where nothing says that there was one: no tables in force, and for documents no numbers.
// Numbers mean nothing without tables, which a reboot takes away: then they may be lost. Of a
// store that is damaged nothing is used that is not proven to be what was committed. Both are refused with what to do: an older state may lack
// the policy that closed something, so taking one is a person's decision.
#pragma once
#include "store/committed_documents.hpp"
#include "store/committed_numbering.hpp"
#include "store/embedded_store.hpp"

namespace biplane {

// What the tables on this node say.
struct TablesInForce {
    bool are_there = false;
    uint32_t documents_mark = 0;  // Revision::mark of what is in force; 0: not known
    uint32_t numbering_mark = 0;
};

// With the store directory (mode 0700) if it is missing.
Result<CommittedDocuments> open_documents(const std::string& store_directory, const TablesInForce& in_force);
Result<CommittedNumbering> open_numbering(const std::string& store_directory, const TablesInForce& in_force);

// Without the lock, to read alone. Nothing if there is no store.
struct ReadDocuments {
    Revision revision;
    DesiredState state;
};
Result<std::optional<ReadDocuments>> read_documents(const std::string& store_directory);
Result<Numbering> read_numbering(const std::string& store_directory);

// Makes a new store of documents in the place of the one that is there, which is kept beside it. Returns its revision.
Result<uint64_t> replace_documents(const std::string& store_directory, const DesiredState& documents);
Result<SalvagedStore> salvage_documents(const std::string& store_directory);
// The numbers mean nothing without the tables.
Status remove_numbering(const std::string& store_directory);

}  // namespace biplane
