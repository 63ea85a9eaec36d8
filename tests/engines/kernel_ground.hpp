// What the kernel's programs stand on in a test: a network namespace and a mount namespace that only this process has, with an
// interface per port of the world and a bpffs. All of it is gone when the process ends. Needs root.
#pragma once
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "cases/world.hpp"

namespace biplane::engines {

// Moves this process into its own namespaces and makes the interfaces; once, later calls return the same. The result is the
// directory on which the bpffs is mounted.
Result<std::string> enter_kernel_ground();

// The port's interface (world::ifindex_of) is the near end of a veth pair; this is the far one, in the same namespace.
constexpr uint32_t far_ifindex_of(uint16_t port) { return world::ifindex_of(port) + 500; }

// An AF_XDP socket bound to queue 0 of an interface, so that a program may redirect to it. Frames that reach it are lost.
struct SinkSocket {
    Fd socket;
    void* frames = nullptr;  // stays mapped until the process ends
};
Result<SinkSocket> open_sink_socket(uint32_t ifindex);

}  // namespace biplane::engines
