// biplane.bpf.o as libbpf loads it: the sizes of its tables, and how its programs reach them.
#pragma once
#include <memory>
#include <string>

#include "base/result.hpp"
#include "planes/kernel/program_constants.hpp"
#include "planes/shared_tables.hpp"

struct bpf_object;

namespace biplane {

struct KernelObjectCloser {
    void operator()(bpf_object* object) const;
};
using KernelObject = std::unique_ptr<bpf_object, KernelObjectCloser>;

// The file of a form, beside `path`, which is that of the direct form: biplane.bpf.o, biplane-lookup.bpf.o.
std::string object_of(const std::string& path, TableForm form);

struct FormChoice {
    TableForm form;
    std::string reason;       // why it is not the direct form, the faster one; empty if it is
    bool is_refusal = false;  // by the kernel, not by configuration
    bool is_pinned = false;   // tables of that form are there: no other can take their place
};

// The form of the tables that are pinned; without any, the direct form unless a table is too large for it (512 MB).
FormChoice choose_form(const std::string& pin_directory, const TableSizes& sizes);

// Opens the file and sizes its tables. Refused if it is not what this source compiles to in that form (ObjectIdentity).
Result<KernelObject> open_kernel_object(const std::string& path, TableForm form, const std::string& pin_directory,
                                        const TableSizes& sizes);

// Hands it to the kernel. Its tables are pinned below `pin_directory`, or taken from there if they are pinned already; of a refused
// object nothing stays. The first line of an error says what the verifier refused, the others are the end of its log.
Status load_kernel_object(bpf_object* object, const std::string& path);

// Refused if tables of other sizes are pinned: they cannot be grown in place, and throwing them away would cut every flow.
Status check_pinned_sizes(const std::string& pin_directory, const TableSizes& sizes);

}  // namespace biplane
