// biplane.bpf.o, loaded by libbpf into the kernel ground, with tables of its own that are mapped here too.
#pragma once
#include <string>

#include "base/result.hpp"
#include "planes/kernel/kernel_object.hpp"

namespace biplane::engines {

struct LoadedObject {
    KernelObject object;
    int workload = -1, fabric_tcx = -1, fabric_xdp = -1, punt = -1, cut = -1;  // programs; owned by the object
    std::string pin_directory;
    SharedTables tables;

    Status give_socket(uint32_t slot, int socket);  // enters it into the XSKMAP
};

// `name` tells several objects of one process apart. `seed` is that of the tables' hash secret: equal to a native engine's, both
// place their flows alike. What the programs punt or have cut goes to the interface of world::no_such_port.
Result<LoadedObject> load_object(const std::string& path, const std::string& name, uint64_t seed);

}  // namespace biplane::engines
