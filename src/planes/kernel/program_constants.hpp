// What an object says about itself, and what the loader tells its programs before the kernel verifies them: one frozen value, so that
// the verifier takes it as constant. Shared by kernel_tables.hpp and kernel_object.cpp.
#pragma once
#include "layout/events.hpp"
#include "layout/flow_shares.hpp"
#include "layout/fragments.hpp"
#include "layout/policy.hpp"
#include "layout/tables.hpp"

namespace biplane {

// In memory a table is `entries * bytes of an entry`, whichever of two forms the kernel has it in.
enum class TableForm : uint32_t {
    direct = 1,  // one value that holds all entries: the programs know its address
    lookup = 2,  // one value per entry, reached by a look-up
};

inline constexpr uint64_t object_magic = 0x62706f626a656374u;  // "bpobject"

struct ObjectIdentity {
    uint64_t magic;
    TableForm form;
    uint32_t layout_version;
    uint32_t layout_sizes;  // table_sizes_hash()
    char version[20];       // of Biplane
};

struct ProgramConstants {
    ObjectIdentity identity;
    TableSizes sizes;  // by the loader
    uint32_t pad;
};
static_assert(sizeof(ProgramConstants) == 56);
inline constexpr char program_constants_map[] = ".rodata.bp";

// Tells sources apart that carry one layout version: a hash of the number and bytes of the entries of each table.
constexpr uint32_t table_sizes_hash() {
    [[maybe_unused]] constexpr TableSizes sizes{1, 1, 1};
    constexpr uint64_t numbers[] = {
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) sizeof(Entry), entries,
#define BIPLANE_STATE_TABLE(table, Entry, entries) sizeof(Entry), entries,
#include "layout/table_list.def"
    };
    uint32_t hash = 0x811c9dc5u;  // FNV-1a
    for (const uint64_t number : numbers) hash = (hash ^ static_cast<uint32_t>(number)) * 0x01000193u;
    return hash;
}

// What this source compiles to.
constexpr ObjectIdentity identity_of_source(TableForm form) {
    return {object_magic, form, layout_version, table_sizes_hash(), BIPLANE_VERSION};
}

}  // namespace biplane
