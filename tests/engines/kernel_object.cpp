#include "engines/kernel_object.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "cases/world.hpp"
#include "engines/engine.hpp"
#include "engines/kernel_ground.hpp"
#include "layout/pins.hpp"

namespace biplane::engines {

namespace {

using Object = std::unique_ptr<bpf_object, KernelObject::Closer>;

Status size_tables(bpf_object* object, const TableSizes& sizes) {
    const std::pair<const char*, uint32_t> entries[] = {
        {pins::routes, banks * sizes.route_buckets},          {pins::flow_buckets, sizes.flow_buckets},
        {pins::flows, sizes.flow_buckets * flow_bucket_ways}, {pins::flow_details, sizes.flow_buckets * flow_bucket_ways},
        {pins::counters, sizes.counter_slots * ports_max},
    };
    for (const auto& [name, count] : entries) {
        bpf_map* map = bpf_object__find_map_by_name(object, name);
        if (map == nullptr) return failure(fmt::format("the object has no table {}", name));
        if (bpf_map__set_max_entries(map, count) != 0) return failed_call(fmt::format("size the table {}", name), errno);
    }
    return {};
}

// What the kernel says when it refuses a program; libbpf's own chatter is of no use in a test's output.
std::string verifier_said;
int keep_warnings(libbpf_print_level level, const char* format, va_list arguments) {
    if (level != LIBBPF_WARN) return 0;
    va_list again;
    va_copy(again, arguments);
    std::string line(static_cast<size_t>(std::vsnprintf(nullptr, 0, format, again)), ' ');
    va_end(again);
    std::vsnprintf(line.data(), line.size() + 1, format, arguments);
    verifier_said += line;
    return static_cast<int>(line.size());
}

// Where the verifier gave up stands at the end of its log.
std::string end_of(const std::string& log) {
    constexpr size_t shown = 3000;
    return log.size() > shown ? "... " + log.substr(log.size() - shown) : log;
}

Result<Object> open_and_load(const std::string& path, const std::string& pin_directory, const TableSizes& sizes) {
    libbpf_set_print(keep_warnings);
    verifier_said.clear();
    bpf_object_open_opts options{};
    options.sz = sizeof options;
    options.pin_root_path = pin_directory.c_str();
    Object object(bpf_object__open_file(path.c_str(), &options));
    if (!object) return failed_call("open " + path, errno);
    if (const Status sized = size_tables(object.get(), sizes); !sized) return tl::unexpected(sized.error());
    if (bpf_object__load(object.get()) != 0)
        return failure(fmt::format("cannot load {}: {}\n{}", path, std::strerror(errno), end_of(verifier_said)));
    return object;
}

Result<int> program_named(const Object& object, const char* name) {
    const bpf_program* program = bpf_object__find_program_by_name(object.get(), name);
    if (program == nullptr) return failure(fmt::format("the object has no program {}", name));
    return bpf_program__fd(program);
}

// The Config that in_memory() makes for this seed, so that all engines place their flows alike.
Status initialise(SharedTables& tables, uint64_t seed) {
    const auto model = SharedTables::in_memory(tables.sizes(), seed);
    if (!model) return model.error().within("make a model of the tables");
    *tables.config() = *model->config();
    tables.config()->punt_ifindex = world::ifindex_of(world::no_such_port);
    return {};
}

}  // namespace

void KernelObject::Closer::operator()(bpf_object* loaded) const { bpf_object__close(loaded); }

Status KernelObject::give_socket(uint32_t slot, int socket) {
    const int sockets = bpf_object__find_map_fd_by_name(object.get(), pins::sockets);
    if (bpf_map_update_elem(sockets, &slot, &socket, 0) != 0) return failed_call("enter the socket into its map", errno);
    return {};
}

Result<KernelObject> load_kernel_object(const std::string& path, const std::string& name, uint64_t seed) {
    const auto ground = enter_kernel_ground();
    if (!ground) return tl::unexpected(ground.error());
    const TableSizes sizes{flow_buckets, route_buckets, static_cast<uint32_t>(libbpf_num_possible_cpus()) + 1};
    const std::string pin_directory = *ground + "/" + name;
    auto object = open_and_load(path, pin_directory, sizes);
    if (!object) return tl::unexpected(object.error());
    const auto workload = program_named(*object, "prog_tcx"), fabric_tcx = program_named(*object, "prog_tcx_fabric"),
               fabric_xdp = program_named(*object, "prog_xdp"), punt = program_named(*object, "prog_punt");
    for (const auto* program : {&workload, &fabric_tcx, &fabric_xdp, &punt})
        if (!*program) return tl::unexpected(program->error());
    auto tables = SharedTables::open(pin_directory, SharedTables::Access::write);
    if (!tables) return tables.error().within("map the tables of the kernel engine");
    if (const Status done = initialise(*tables, seed); !done) return tl::unexpected(done.error());
    return KernelObject{std::move(*object), *workload, *fabric_tcx, *fabric_xdp, *punt, pin_directory, std::move(*tables)};
}

}  // namespace biplane::engines
