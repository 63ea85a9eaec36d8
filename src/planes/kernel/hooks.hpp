// Programs on interfaces. Every attachment leaves a mark in the pin directory that says which program it runs:
//     tcx-workload_IFINDEX, tcx-fabric_IFINDEX, tcx-cut_IFINDEX            a pinned BPF link
//     xdp-workload_IFINDEX, xdp-fabric_IFINDEX, xdp-punt_IFINDEX
//     clsact-workload_IFINDEX, clsact-fabric_IFINDEX, clsact-cut_IFINDEX   a directory: tc filters need no pin
// A link whose interface is gone holds nothing; its mark is removed when somebody looks.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "layout/pins.hpp"
#include "planes/kernel/attached_programs.hpp"
#include "planes/kernel/kernel_plane.hpp"
#include "planes/pin_directory.hpp"

namespace biplane {

std::string name_of_mark(const std::string& hook, const std::string& role, uint32_t ifindex);

bool has_all_programs(const PinDirectory& directory);

// Each of these does nothing if the program is attached already. A new attachment is in force before one that it replaces goes, but
// for XDP, of which an interface has one.
//
// tcx where the kernel has it (6.6), else a clsact filter, on ingress.
Result<AttachedHook> attach_tc(PinDirectory& directory, const char* program, uint32_t ifindex, bool force_clsact);
// Native where the driver can; else generic, or refused if `role` (workload, fabric, punt) is workload.
Result<AttachedHook> attach_xdp(PinDirectory& directory, const char* program, const std::string& role, uint32_t ifindex);
Status detach_tc(PinDirectory& directory, uint32_t ifindex);
Status detach_xdp(PinDirectory& directory, uint32_t ifindex);

std::vector<uint32_t> attached_interfaces(const PinDirectory& directory);
// Whether one of the interface's attachments is in force, by what the kernel says.
bool is_program_in_force(const PinDirectory& directory, uint32_t ifindex);
// Attaches again what is not in force any more. What has gone with its interface is forgotten.
std::vector<LostProgram> mend_attachments(PinDirectory& directory);

// Every attachment that runs `program` goes on with `program_fd`, without a gap.
Status replace_on_links(PinDirectory& directory, const char* program, int program_fd);

// Detaches all that is marked, and removes everything that is pinned.
Status detach_and_unpin_all(PinDirectory& directory);

// False for veth, whose other end loses segmentation offload under XDP, and for drivers without native XDP.
bool keeps_offloads_under_xdp(uint32_t ifindex);

}  // namespace biplane
