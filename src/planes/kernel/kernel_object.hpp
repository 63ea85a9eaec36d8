// biplane.bpf.o as libbpf loads it: the sizes of its tables, and how its programs reach them.
#pragma once
#include <memory>
#include <string>

#include "base/result.hpp"
#include "planes/shared_tables.hpp"

struct bpf_object;

namespace biplane {

struct KernelObjectCloser {
    void operator()(bpf_object* object) const;
};
using KernelObject = std::unique_ptr<bpf_object, KernelObjectCloser>;

// Loads the programs of `path`; their tables are pinned below `pin_directory`, or taken from there if they are pinned already. An
// error carries what the verifier said.
//
// In memory a table is `entries * bytes of an entry`, whichever of two forms the kernel has it in (KernelTables):
//     biplane.bpf.o          one value that holds all entries: the programs know its address
//     biplane-lookup.bpf.o   one value per entry, reached by a look-up: for kernels that refuse so large a value, and for tables
//                            beyond 512 MB
Result<KernelObject> load_kernel_object(const std::string& path, const std::string& pin_directory, const TableSizes& sizes);

// The object of the other form, beside `path`.
std::string lookup_object_of(const std::string& path);

// Whether tables of these sizes can be had in the form of biplane.bpf.o on this kernel.
bool has_direct_tables(const TableSizes& sizes);

// Refused if tables of other sizes are pinned: they cannot be grown in place, and throwing them away would cut every flow.
Status check_pinned_sizes(const std::string& pin_directory, const TableSizes& sizes);

}  // namespace biplane
