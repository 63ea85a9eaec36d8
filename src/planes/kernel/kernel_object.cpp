#include "planes/kernel/kernel_object.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <vector>

#include "base/fd.hpp"
#include "layout/pins.hpp"
#include "planes/kernel/program_constants.hpp"

namespace biplane {
namespace {

constexpr uint64_t value_bytes_max = uint64_t{1} << 29;  // how far the verifier lets an offset into a value go

struct SizedMap {
    const char* name;
    uint64_t entries;
    size_t entry_bytes;
    uint64_t bytes() const { return entries * entry_bytes; }
};

std::vector<SizedMap> sized_maps(const TableSizes& sizes) {
    return {
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) {pins::table, uint64_t{banks} * (entries), sizeof(Entry)},
#define BIPLANE_STATE_TABLE(table, Entry, entries) {pins::table, entries, sizeof(Entry)},
#include "layout/table_list.def"
    };
}

std::string& kernel_messages() {
    static thread_local std::string text;
    return text;
}

// Keeps what libbpf and the verifier have to say for the error message, instead of printing it. Of a long log the end counts.
int keep_message(libbpf_print_level level, const char* format, va_list arguments) {
    if (level > LIBBPF_WARN) return 0;
    constexpr size_t kept_bytes = 4000;
    va_list again;
    va_copy(again, arguments);
    const int length = vsnprintf(nullptr, 0, format, again);
    va_end(again);
    std::string line(static_cast<size_t>(length > 0 ? length : 0) + 1, '\0');
    vsnprintf(line.data(), line.size(), format, arguments);
    line.pop_back();
    if (line.size() > kept_bytes) line = "[...] " + line.substr(line.size() - kept_bytes);
    kernel_messages() += line;
    return length;
}

// What the verifier refused, as " (...)": the last line of its log before the statistics.
std::string refused_step(const std::string& messages) {
    const size_t end = messages.rfind("\nprocessed ");
    if (end == std::string::npos) return "";
    const size_t begin = messages.rfind('\n', end - 1);
    return " (" + messages.substr(begin + 1, end - begin - 1) + ")";
}

// The programs mark where they want a table's address (KernelTables::address_of): an empty jump before the instruction that loads the
// map. libbpf has put the map's descriptor there; what the kernel is asked for instead is the address of the map's one value.
int give_addresses(bpf_program* program, bpf_prog_load_opts*, long) {
    const bpf_insn* first = bpf_program__insns(program);
    std::vector<bpf_insn> code(first, first + bpf_program__insn_cnt(program));
    for (size_t i = 0; i + 2 < code.size(); ++i) {
        const bool is_mark = code[i].code == (BPF_JMP | BPF_JA) && code[i].off == 0;
        bpf_insn& load = code[i + 1];
        if (is_mark && load.code == (BPF_LD | BPF_IMM | BPF_DW) && load.src_reg == BPF_PSEUDO_MAP_FD)
            load.src_reg = BPF_PSEUDO_MAP_VALUE;
    }
    return bpf_program__set_insns(program, code.data(), code.size());
}

// libbpf lets the code of a program be changed only by a handler of the program's section.
void register_sections() {
    static std::once_flag once;
    std::call_once(once, [] {
        LIBBPF_OPTS(libbpf_prog_handler_opts, handler, .prog_prepare_load_fn = give_addresses);
        libbpf_register_prog_handler("biplane/tcx", BPF_PROG_TYPE_SCHED_CLS, static_cast<bpf_attach_type>(0), &handler);
        libbpf_register_prog_handler("biplane/xdp", BPF_PROG_TYPE_XDP, BPF_XDP, &handler);
    });
}

const char* name_of(TableForm form) { return form == TableForm::direct ? "direct form" : "look-up form"; }

// Whatever lies in the place of an object: what it says about itself is not taken for granted.
Status check_identity(const bpf_map* constants, const std::string& path, TableForm form) {
    size_t bytes = 0;
    const void* value = constants ? bpf_map__initial_value(const_cast<bpf_map*>(constants), &bytes) : nullptr;
    ObjectIdentity found{};
    if (value && bytes >= sizeof found) std::memcpy(&found, value, sizeof found);
    if (found.magic != object_magic) return failure(path + " is no object of Biplane, or of an older version", ENOEXEC);
    const ObjectIdentity wanted = identity_of_source(form);
    const std::string version(found.version, strnlen(found.version, sizeof found.version));
    if (version != wanted.version || found.layout_version != wanted.layout_version || found.layout_sizes != wanted.layout_sizes)
        return failure(path + " is of Biplane " + version + " with tables of layout " + std::to_string(found.layout_version) +
                           ", this program is of " + wanted.version + " with layout " + std::to_string(wanted.layout_version) +
                           (found.layout_version == wanted.layout_version ? ", built from other sources" : "") +
                           ": install both from one build",
                       ENOEXEC);
    if (found.form != form)
        return failure(path + " holds the programs in their " + name_of(found.form) + "; here belong those of the " + name_of(form),
                       ENOEXEC);
    return {};
}

Status size_tables(bpf_object* object, const std::string& path, TableForm form, const TableSizes& sizes) {
    for (const SizedMap& sized : sized_maps(sizes)) {
        bpf_map* map = bpf_object__find_map_by_name(object, sized.name);
        if (!map || bpf_map__set_max_entries(map, static_cast<uint32_t>(sized.entries)) != 0)
            return failure("the BPF object " + path + " has no table " + sized.name);
    }
    bpf_map* map = bpf_object__find_map_by_name(object, program_constants_map);
    const ProgramConstants constants{.identity = identity_of_source(form), .sizes = sizes, .pad = 0};
    if (!map || bpf_map__set_initial_value(map, &constants, sizeof constants) != 0)
        return failure("the BPF object " + path + " has no " + program_constants_map + " of the right size");
    if (form == TableForm::lookup) return {};
    map = nullptr;
    bpf_object__for_each_map(map, object) {
        if ((bpf_map__map_flags(map) & BPF_F_MMAPABLE) == 0 || bpf_map__type(map) != BPF_MAP_TYPE_ARRAY) continue;
        const uint64_t bytes = uint64_t{bpf_map__max_entries(map)} * bpf_map__value_size(map);
        if (bytes > value_bytes_max) return failure(std::string("the table ") + bpf_map__name(map) + " is too large", E2BIG);
        bpf_map__set_value_size(map, static_cast<uint32_t>(bytes));
        bpf_map__set_max_entries(map, 1);
    }
    return {};
}

}  // namespace

void KernelObjectCloser::operator()(bpf_object* object) const { bpf_object__close(object); }

std::string object_of(const std::string& path, TableForm form) {
    const std::string ending = ".bpf.o";
    if (form == TableForm::direct || !path.ends_with(ending)) return path;
    return path.substr(0, path.size() - ending.size()) + "-lookup" + ending;
}

FormChoice choose_form(const std::string& pin_directory, const TableSizes& sizes) {
    FormChoice choice{.form = TableForm::direct, .reason = ""};
    for (const SizedMap& sized : sized_maps(sizes))
        if (sized.bytes() > value_bytes_max)
            choice = {.form = TableForm::lookup, .reason = std::string("the table ") + sized.name + " is larger than 512 MB"};
    const Fd pinned(bpf_obj_get((pin_directory + "/" + pins::ports).c_str()));
    bpf_map_info info{};
    uint32_t bytes = sizeof(info);
    if (!pinned || bpf_obj_get_info_by_fd(pinned.get(), &info, &bytes) != 0) return choice;
    if (info.max_entries == 1) return {.form = TableForm::direct, .reason = "", .is_pinned = true};
    if (choice.form == TableForm::lookup) return {.form = choice.form, .reason = choice.reason, .is_pinned = true};
    return {.form = TableForm::lookup,
            .reason = "the kernel refused the direct form when the tables were made",
            .is_refusal = true,
            .is_pinned = true};
}

Result<KernelObject> open_kernel_object(const std::string& path, TableForm form, const std::string& pin_directory,
                                        const TableSizes& sizes) {
    register_sections();
    kernel_messages().clear();
    libbpf_set_print(keep_message);
    LIBBPF_OPTS(bpf_object_open_opts, options, .pin_root_path = pin_directory.c_str());
    KernelObject object(bpf_object__open_file(path.c_str(), &options));
    if (!object && errno == ENOENT) return failed_call("open the BPF object " + path, errno);
    if (!object) return failure(path + " is no BPF object: " + strerror(errno), ENOEXEC);
    if (auto known = check_identity(bpf_object__find_map_by_name(object.get(), program_constants_map), path, form); !known)
        return tl::unexpected(known.error());
    if (auto sized = size_tables(object.get(), path, form, sizes); !sized) return tl::unexpected(sized.error());
    return object;
}

Status load_kernel_object(bpf_object* object, const std::string& path) {
    kernel_messages().clear();
    const int status = bpf_object__load(object);
    if (status == 0) return {};
    const std::string hint = status == -EPERM ? " (CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, or root, are needed)" : "";
    return failure("the kernel refused the BPF object " + path + ": " + strerror(-status) + hint + refused_step(kernel_messages()) +
                       "\n" + kernel_messages(),
                   -status);
}

Status check_pinned_sizes(const std::string& pin_directory, const TableSizes& sizes) {
    for (const SizedMap& sized : sized_maps(sizes)) {
        const std::string path = pin_directory + "/" + sized.name;
        const Fd fd(bpf_obj_get(path.c_str()));
        if (!fd) continue;
        bpf_map_info info{};
        uint32_t bytes = sizeof(info);
        if (bpf_obj_get_info_by_fd(fd.get(), &info, &bytes) != 0) return failed_call("ask about " + path, errno);
        const uint64_t entries = uint64_t{info.max_entries} * info.value_size / sized.entry_bytes;
        if (entries != sized.entries)
            return failure("the table " + path + " has " + std::to_string(entries) + " entries, the configuration asks for " +
                           std::to_string(sized.entries) +
                           "; give `flows` and `routes` their old values, or remove the datapath first (biplaned --remove)");
    }
    return {};
}

}  // namespace biplane
