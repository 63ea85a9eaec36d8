// Programs on interfaces. Every attachment leaves a mark in the pin directory that says which program it runs:
//     tcx-workload_IFINDEX, tcx-fabric_IFINDEX, tcx-cut_IFINDEX            a pinned BPF link
//     xdp-workload_IFINDEX, xdp-fabric_IFINDEX, xdp-punt_IFINDEX
//     clsact-workload_IFINDEX, clsact-fabric_IFINDEX, clsact-cut_IFINDEX   a directory: tc filters need no pin
// A link whose interface is gone holds nothing; its mark is removed when somebody looks.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "layout/pins.hpp"
#include "planes/kernel/kernel_plane.hpp"
#include "planes/kernel/pin_directory.hpp"

namespace biplane {

inline constexpr std::array<const char*, 5> program_pins = {pins::tcx_program, pins::tcx_fabric_program, pins::cut_program,
                                                            pins::xdp_program, pins::punt_program};

bool has_all_programs(const PinDirectory& directory);

// tcx where the kernel has it (6.6), else a clsact filter, on ingress.
Result<AttachedHook> attach_tc(const PinDirectory& directory, const char* program, uint32_t ifindex, bool force_clsact);
// Native where the driver can; else generic, or refused if `role` (workload, fabric, punt) is workload.
Result<AttachedHook> attach_xdp(const PinDirectory& directory, const char* program, const std::string& role, uint32_t ifindex);
Status detach_tc(const PinDirectory& directory, uint32_t ifindex);
Status detach_xdp(const PinDirectory& directory, uint32_t ifindex);

std::vector<uint32_t> attached_interfaces(const PinDirectory& directory);

// Every attachment that runs `program` goes on with `program_fd`, without a gap.
Status replace_on_links(const PinDirectory& directory, const char* program, int program_fd);

// False for veth, whose other end loses segmentation offload under XDP, and for drivers without native XDP.
bool keeps_offloads_under_xdp(uint32_t ifindex);

}  // namespace biplane
