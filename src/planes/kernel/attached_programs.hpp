// What the kernel itself says about the programs on an interface, without any pin.
#pragma once
#include <bpf/libbpf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace biplane {

struct AttachedProgram {
    uint32_t ifindex;
    std::string hook;     // tcx, clsact, xdp
    std::string program;  // its name in the BPF object (pins::tcx_program ...)
    Fd fd;
    Fd link;  // none at clsact
};

// Those of Biplane's programs, by name, that see what comes in through the interface in the calling thread's network namespace.
std::vector<AttachedProgram> find_attached_programs(uint32_t ifindex);

// The maps that a program uses, by name; of equal names the first.
struct UsedMap {
    std::string name;
    uint32_t id;
    Fd fd;
};
Result<std::vector<UsedMap>> maps_of_program(int program);

// 0 if the descriptor is none of a program, of a map.
uint32_t program_id(int program);
uint32_t map_id(int map);

// Of our filter on the interface; 0: there is none.
uint32_t clsact_program_id(uint32_t ifindex);
// Whether XDP runs in the driver; false for generic XDP and for none.
bool has_native_xdp(uint32_t ifindex);

// While it lives libbpf prints nothing: what it says about a filter that is not there is no news, the error code is.
class LibbpfSilence {
   public:
    LibbpfSilence() : previous_(libbpf_set_print(nullptr)) {}
    ~LibbpfSilence() { libbpf_set_print(previous_); }
    LibbpfSilence(const LibbpfSilence&) = delete;
    LibbpfSilence& operator=(const LibbpfSilence&) = delete;

   private:
    libbpf_print_fn_t previous_;
};

constexpr uint32_t clsact_handle = 1;
constexpr uint32_t clsact_priority = 1;

}  // namespace biplane
