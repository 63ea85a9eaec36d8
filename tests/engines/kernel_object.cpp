#include "engines/kernel_object.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>

#include "cases/world.hpp"
#include "engines/engine.hpp"
#include "engines/kernel_ground.hpp"
#include "layout/pins.hpp"

namespace biplane::engines {

namespace {

Result<int> program_named(const biplane::KernelObject& object, const char* name) {
    const bpf_program* program = bpf_object__find_program_by_name(object.get(), name);
    if (program == nullptr) return failure(fmt::format("the object has no program {}", name));
    return bpf_program__fd(program);
}

// The Config that in_memory() makes for this seed, so that all engines place their flows alike.
Result<SharedTables> open_tables(const std::string& pin_directory, const TableSizes& sizes, uint64_t seed) {
    const auto model = SharedTables::in_memory(sizes, seed);
    if (!model) return model.error().within("make a model of the tables");
    auto tables = SharedTables::open_or_initialise(pin_directory, sizes, model->config()->hash_secret);
    if (!tables) return tables.error().within("map the tables of the kernel engine");
    *tables->config() = *model->config();
    tables->config()->punt_ifindex = tables->config()->cut_ifindex = world::ifindex_of(world::no_such_port);
    return tables;
}

}  // namespace

Status LoadedObject::give_socket(uint32_t slot, int socket) {
    const int sockets = bpf_object__find_map_fd_by_name(object.get(), pins::sockets);
    if (bpf_map_update_elem(sockets, &slot, &socket, 0) != 0) return failed_call("enter the socket into its map", errno);
    return {};
}

Result<LoadedObject> load_object(const std::string& path, const std::string& name, uint64_t seed) {
    const auto ground = enter_kernel_ground();
    if (!ground) return tl::unexpected(ground.error());
    const TableSizes sizes{flow_buckets, route_buckets, counter_slots_for(static_cast<uint32_t>(libbpf_num_possible_cpus()))};
    // Both forms of the object may be loaded in one process: their maps of the same name have other sizes.
    const bool is_lookup = path.ends_with("-lookup.bpf.o");
    const std::string pin_directory = *ground + "/" + name + (is_lookup ? "_lookup" : "");
    auto object = open_kernel_object(path, is_lookup ? TableForm::lookup : TableForm::direct, pin_directory, sizes);
    if (!object) return tl::unexpected(object.error());
    if (const Status loaded = load_kernel_object(object->get(), path); !loaded) return tl::unexpected(loaded.error());
    // libbpf goes on without; the verifier then walks every global function once per call.
    if (bpf_object__btf_fd(object->get()) < 0) return failure("the kernel refused the type information (BTF) of " + path);
    const auto workload = program_named(*object, "prog_tcx"), fabric_tcx = program_named(*object, "prog_tcx_fabric"),
               fabric_xdp = program_named(*object, "prog_xdp"), punt = program_named(*object, "prog_punt"),
               cut = program_named(*object, "prog_cut");
    for (const auto* program : {&workload, &fabric_tcx, &fabric_xdp, &punt, &cut})
        if (!*program) return tl::unexpected(program->error());
    auto tables = open_tables(pin_directory, sizes, seed);
    if (!tables) return tl::unexpected(tables.error());
    return LoadedObject{std::move(*object), *workload, *fabric_tcx, *fabric_xdp, *punt, *cut, pin_directory, std::move(*tables)};
}

}  // namespace biplane::engines
