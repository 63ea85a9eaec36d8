#include "planes/kernel/kernel_plane.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "base/fd.hpp"
#include "layout/pins.hpp"
#include "planes/kernel/hooks.hpp"
#include "planes/kernel/kernel_object.hpp"
#include "planes/kernel/recovery.hpp"
#include "planes/pin_directory.hpp"

namespace biplane {
namespace {

Result<uint64_t> identity_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return failed_call("read the BPF object " + path, errno);
    uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a: tells builds apart, nothing more
    for (std::istreambuf_iterator<char> c(file), end; c != end; ++c) hash = (hash ^ static_cast<uint8_t>(*c)) * 0x100000001b3u;
    return hash | 1;
}

// New programs in the place of old ones: first the pins, then every link that runs the old one.
Status install_programs(bpf_object* object, PinDirectory& directory) {
    for (const char* name : pins::programs) {
        bpf_program* program = bpf_object__find_program_by_name(object, name);
        if (!program) return failure(std::string("the BPF object has no program ") + name);
        if (auto status = directory.replace_pin(name, bpf_program__fd(program)); !status) return status;
        if (auto status = replace_on_links(directory, name, bpf_program__fd(program)); !status) return status;
    }
    return {};
}

struct OpenedObject {
    KernelObject object;
    std::string path;
    uint64_t identity;
};

Result<OpenedObject> open_object(const KernelPlaneOptions& options, TableForm form, const TableSizes& sizes) {
    const std::string path = object_of(options.object_path, form);
    const auto identity = identity_of(path);
    if (!identity) return tl::unexpected(identity.error());
    auto object = open_kernel_object(path, form, options.pin_directory, sizes);
    if (!object) return tl::unexpected(object.error());
    return OpenedObject{std::move(*object), path, *identity};
}

// In the look-up form if the kernel refuses the direct one. Lack of privilege would refuse both.
Result<OpenedObject> load_programs(OpenedObject opened, FormChoice& form, const KernelPlaneOptions& options,
                                   const TableSizes& sizes) {
    const Status loaded = load_kernel_object(opened.object.get(), opened.path);
    if (loaded) return opened;
    if (form.is_pinned) return loaded.error().within("put new programs in the place of the running ones, which go on");
    if (form.form == TableForm::lookup || loaded.error().code == EPERM) return tl::unexpected(loaded.error());

    const std::string& refusal = loaded.error().message;
    spdlog::warn("{}", refusal);
    form = {.form = TableForm::lookup, .reason = refusal.substr(0, refusal.find('\n')), .is_refusal = true};
    auto other = open_object(options, form.form, sizes);
    if (!other) return other;
    if (auto status = load_kernel_object(other->object.get(), other->path); !status) return tl::unexpected(status.error());
    spdlog::warn("loaded {} instead: its programs look their tables up, which is slower", other->path);
    return other;
}

// If the pins have gone, from what still runs. Not all tables can be found from any program: then it starts anew.
Result<PinDirectory> open_pins(const KernelPlaneOptions& options) {
    auto directory = PinDirectory::open(options.pin_directory);
    if (!directory) return directory;
    const bool had_tables = directory->has(pins::config);
    const auto recovered = recover_attachments(*directory, options.interfaces);
    if (!recovered) return recovered.error().within("find the programs that run without a pin");
    if (*recovered == 0) return directory;
    if (had_tables || SharedTables::open(options.pin_directory, SharedTables::Access::read)) {
        spdlog::warn("{} programs ran without a pin; pinned them again below {}", *recovered, options.pin_directory);
        return directory;
    }
    spdlog::warn("{} programs ran without a pin, and not all of their tables can be found: starting anew", *recovered);
    if (auto removed = detach_and_unpin_all(*directory); !removed) return tl::unexpected(removed.error());
    return PinDirectory::open(options.pin_directory);
}

Status draw_secret(uint32_t (&secret)[10]) {
    if (getrandom(secret, sizeof(secret), 0) != sizeof(secret)) return failed_call("draw the hash secret", errno);
    for (uint32_t& word : secret) word |= 1;
    return {};
}

}  // namespace

struct KernelPlane::State {
    PinDirectory directory;
    SharedTables tables;
    FormChoice form;
    bool adopted = false;
    bool replaced = false;
    bool force_clsact = false;
};

KernelPlane::KernelPlane(std::unique_ptr<State> state) : state_(std::move(state)) {}
KernelPlane::KernelPlane(KernelPlane&&) noexcept = default;
KernelPlane& KernelPlane::operator=(KernelPlane&&) noexcept = default;
KernelPlane::~KernelPlane() = default;

Result<KernelPlane> KernelPlane::open(const KernelPlaneOptions& options) {
    TableSizes sizes = options.sizes;
    sizes.counter_slots = counter_slots_for(static_cast<uint32_t>(libbpf_num_possible_cpus()));
    auto directory = open_pins(options);
    if (!directory) return tl::unexpected(directory.error());
    FormChoice form = choose_form(options.pin_directory, sizes);
    auto opened = open_object(options, form.form, sizes);
    if (!opened) return tl::unexpected(opened.error());

    const bool had_tables = directory->has(pins::trace) && directory->has(pins::config);
    if (had_tables) {
        auto tables = SharedTables::open(options.pin_directory, SharedTables::Access::write);
        if (!tables && tables.error().code != ENODATA) return tables.error().within("adopt the running datapath");
        if (auto status = check_pinned_sizes(options.pin_directory, sizes); !status) return tl::unexpected(status.error());
        if (tables && tables->config()->program_id == opened->identity && has_all_programs(*directory))
            return KernelPlane(
                std::make_unique<State>(State{std::move(*directory), std::move(*tables), form, true, false, options.force_clsact}));
    }

    const auto loaded = load_programs(*std::move(opened), form, options, sizes);
    if (!loaded) return tl::unexpected(loaded.error());
    directory->hold_new();
    uint32_t secret[10];
    if (auto status = draw_secret(secret); !status) return tl::unexpected(status.error());
    auto tables = SharedTables::open_or_initialise(options.pin_directory, sizes, secret);
    if (!tables) return tl::unexpected(tables.error());
    if (auto status = install_programs(loaded->object.get(), *directory); !status) return tl::unexpected(status.error());
    tables->config()->program_id = loaded->identity;
    return KernelPlane(std::make_unique<State>(
        State{std::move(*directory), std::move(*tables), form, had_tables, had_tables, options.force_clsact}));
}

bool KernelPlane::adopted() const { return state_->adopted; }
bool KernelPlane::replaced() const { return state_->replaced; }
const FormChoice& KernelPlane::form() const { return state_->form; }
SharedTables& KernelPlane::tables() { return state_->tables; }

// The new hook is there before the old one goes: the port is never open.
Result<AttachedHook> KernelPlane::attach_workload(uint32_t ifindex, Hook hook) {
    const bool wants_xdp = hook == Hook::xdp;
    auto attached = wants_xdp ? attach_xdp(state_->directory, pins::xdp_program, "workload", ifindex)
                              : attach_tc(state_->directory, pins::tcx_program, ifindex, state_->force_clsact);
    if (!attached) return attached;
    const Status detached = wants_xdp ? detach_tc(state_->directory, ifindex) : detach_xdp(state_->directory, ifindex);
    if (!detached) return tl::unexpected(detached.error());
    return attached;
}

Result<AttachedHook> KernelPlane::attach_fabric(uint32_t ifindex, Hook hook) {
    if (hook == Hook::automatic) hook = keeps_offloads_under_xdp(ifindex) ? Hook::xdp : Hook::tcx;
    const bool wants_xdp = hook == Hook::xdp;
    auto attached = wants_xdp ? attach_xdp(state_->directory, pins::xdp_program, "fabric", ifindex)
                              : attach_tc(state_->directory, pins::tcx_fabric_program, ifindex, state_->force_clsact);
    if (!attached) return attached;
    const Status detached = wants_xdp ? detach_tc(state_->directory, ifindex) : detach_xdp(state_->directory, ifindex);
    if (!detached) return tl::unexpected(detached.error());
    return attached;
}

Result<AttachedHook> KernelPlane::attach_punt(uint32_t ifindex) {
    return attach_xdp(state_->directory, pins::punt_program, "punt", ifindex);
}

Result<AttachedHook> KernelPlane::attach_cut(uint32_t ifindex) {
    return attach_tc(state_->directory, pins::cut_program, ifindex, state_->force_clsact);
}

Status KernelPlane::detach(uint32_t ifindex) {
    if (auto status = detach_tc(state_->directory, ifindex); !status) return status;
    return detach_xdp(state_->directory, ifindex);
}

std::vector<uint32_t> KernelPlane::attached() const { return attached_interfaces(state_->directory); }
bool KernelPlane::is_in_force(uint32_t ifindex) const { return is_program_in_force(state_->directory, ifindex); }
std::vector<LostProgram> KernelPlane::mend() { return mend_attachments(state_->directory); }
Result<std::vector<std::string>> KernelPlane::restore_pins() { return state_->directory.restore(); }

void KernelPlane::set_punt_port(uint32_t ifindex) { state_->tables.config()->punt_ifindex = ifindex; }
void KernelPlane::set_cut_port(uint32_t ifindex) { state_->tables.config()->cut_ifindex = ifindex; }

Status KernelPlane::remove(const std::string& pin_directory, const std::vector<KernelPlaneOptions::Interface>& interfaces) {
    if (access(pin_directory.c_str(), F_OK) != 0) return {};
    auto directory = PinDirectory::open(pin_directory);
    if (!directory) return tl::unexpected(directory.error());
    if (auto recovered = recover_attachments(*directory, interfaces); !recovered) return tl::unexpected(recovered.error());
    if (const auto tables = SharedTables::open(pin_directory, SharedTables::Access::write)) tables->config()->punt_ifindex = 0;
    return detach_and_unpin_all(*directory);
}

}  // namespace biplane
