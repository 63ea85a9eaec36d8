#include "planes/kernel/kernel_plane.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "base/fd.hpp"
#include "layout/pins.hpp"
#include "planes/kernel/hooks.hpp"
#include "planes/kernel/pin_directory.hpp"

namespace biplane {
namespace {

struct ObjectCloser {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, ObjectCloser>;

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

Result<uint64_t> identity_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return failed_call("read the BPF object " + path, errno);
    uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a: tells builds apart, nothing more
    for (std::istreambuf_iterator<char> c(file), end; c != end; ++c) hash = (hash ^ static_cast<uint8_t>(*c)) * 0x100000001b3u;
    return hash | 1;
}

struct SizedMap {
    const char* name;
    uint32_t entries;
};

std::array<SizedMap, 5> sized_maps(const TableSizes& sizes) {
    return {{{pins::routes, banks * sizes.route_buckets},
             {pins::flow_buckets, sizes.flow_buckets},
             {pins::flows, sizes.flow_buckets * flow_bucket_ways},
             {pins::flow_details, sizes.flow_buckets * flow_bucket_ways},
             {pins::counters, sizes.counter_slots * ports_max}}};
}

// A pinned table of another size cannot be grown in place, and throwing it away would cut every flow.
Status check_pinned_sizes(const PinDirectory& directory, const TableSizes& sizes) {
    for (const SizedMap& map : sized_maps(sizes)) {
        const Fd fd(bpf_obj_get(directory.path_of(map.name).c_str()));
        if (!fd) continue;
        bpf_map_info info{};
        uint32_t bytes = sizeof(info);
        if (bpf_obj_get_info_by_fd(fd.get(), &info, &bytes) != 0)
            return failed_call("ask about " + directory.path_of(map.name), errno);
        if (info.max_entries != map.entries)
            return failure("the table " + directory.path_of(map.name) + " has " + std::to_string(info.max_entries) +
                           " entries, the configuration asks for " + std::to_string(map.entries) +
                           "; give `flows` and `routes` their old values, or remove the datapath first (biplaned --remove)");
    }
    return {};
}

Result<Object> load_object(const KernelPlaneOptions& options, const TableSizes& sizes) {
    kernel_messages().clear();
    libbpf_set_print(keep_message);
    LIBBPF_OPTS(bpf_object_open_opts, open_options, .pin_root_path = options.pin_directory.c_str());
    Object object(bpf_object__open_file(options.object_path.c_str(), &open_options));
    if (!object) return failed_call("open the BPF object " + options.object_path, errno);
    for (const SizedMap& sized : sized_maps(sizes)) {
        bpf_map* map = bpf_object__find_map_by_name(object.get(), sized.name);
        if (!map || bpf_map__set_max_entries(map, sized.entries) != 0)
            return failure("the BPF object " + options.object_path + " has no table " + sized.name);
    }
    const int status = bpf_object__load(object.get());
    if (status != 0) {
        const std::string hint = status == -EPERM ? " (CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, or root, are needed)" : "";
        return failure(
            "the kernel refused the BPF object " + options.object_path + ": " + strerror(-status) + hint + "\n" + kernel_messages(),
            -status);
    }
    return object;
}

// New programs in the place of old ones: first the pins, then every link that runs the old one.
Status install_programs(bpf_object* object, const PinDirectory& directory) {
    for (const char* name : program_pins) {
        bpf_program* program = bpf_object__find_program_by_name(object, name);
        if (!program) return failure(std::string("the BPF object has no program ") + name);
        if (auto status = directory.replace_pin(name, bpf_program__fd(program)); !status) return status;
        if (auto status = replace_on_links(directory, name, bpf_program__fd(program)); !status) return status;
    }
    return {};
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
    sizes.counter_slots = static_cast<uint32_t>(libbpf_num_possible_cpus()) + 1;
    auto directory = PinDirectory::open(options.pin_directory);
    if (!directory) return tl::unexpected(directory.error());
    const auto identity = identity_of(options.object_path);
    if (!identity) return tl::unexpected(identity.error());

    const bool had_tables = directory->has(pins::trace) && directory->has(pins::config);
    if (had_tables) {
        if (auto status = check_pinned_sizes(*directory, sizes); !status) return tl::unexpected(status.error());
        auto tables = SharedTables::open(options.pin_directory, SharedTables::Access::write);
        if (!tables) return tables.error().within("adopt the running datapath");
        if (tables->config()->program_id == *identity && has_all_programs(*directory))
            return KernelPlane(
                std::make_unique<State>(State{std::move(*directory), std::move(*tables), true, false, options.force_clsact}));
    }

    auto object = load_object(options, sizes);
    if (!object) return tl::unexpected(object.error());
    auto tables = SharedTables::open(options.pin_directory, SharedTables::Access::write);
    if (!tables) return tl::unexpected(tables.error());
    if (tables->config()->version == 0) {
        uint32_t secret[10];
        if (auto status = draw_secret(secret); !status) return tl::unexpected(status.error());
        initialise_config(*tables->config(), sizes, secret);
    }
    if (auto status = install_programs(object->get(), *directory); !status) return tl::unexpected(status.error());
    tables->config()->program_id = *identity;
    return KernelPlane(
        std::make_unique<State>(State{std::move(*directory), std::move(*tables), had_tables, had_tables, options.force_clsact}));
}

bool KernelPlane::adopted() const { return state_->adopted; }
bool KernelPlane::replaced() const { return state_->replaced; }
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
    if (hook == Hook::xdp) {
        if (auto status = detach_tc(state_->directory, ifindex); !status) return tl::unexpected(status.error());
        return attach_xdp(state_->directory, pins::xdp_program, "fabric", ifindex);
    }
    if (auto status = detach_xdp(state_->directory, ifindex); !status) return tl::unexpected(status.error());
    return attach_tc(state_->directory, pins::tcx_fabric_program, ifindex, state_->force_clsact);
}

Result<AttachedHook> KernelPlane::attach_punt(uint32_t ifindex) {
    return attach_xdp(state_->directory, pins::punt_program, "punt", ifindex);
}

Status KernelPlane::detach(uint32_t ifindex) {
    if (auto status = detach_tc(state_->directory, ifindex); !status) return status;
    return detach_xdp(state_->directory, ifindex);
}

std::vector<uint32_t> KernelPlane::attached() const { return attached_interfaces(state_->directory); }

Status KernelPlane::set_punt_port(uint32_t ifindex) {
    state_->tables.config()->punt_ifindex = ifindex;
    return {};
}

Status KernelPlane::remove(const std::string& pin_directory) {
    if (access(pin_directory.c_str(), F_OK) != 0) return {};
    auto directory = PinDirectory::open(pin_directory);
    if (!directory) return tl::unexpected(directory.error());
    for (const uint32_t ifindex : attached_interfaces(*directory)) {
        if (auto status = detach_tc(*directory, ifindex); !status) return status;
        if (auto status = detach_xdp(*directory, ifindex); !status) return status;
    }
    return directory->remove_all();
}

}  // namespace biplane
