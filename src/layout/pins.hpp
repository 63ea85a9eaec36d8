// Names of what is pinned below a node's pin directory (Config file: `pins`, by default /sys/fs/bpf/biplane).
#pragma once

namespace biplane::pins {

// Tables; the map of the same name in the BPF object.
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) inline constexpr char table[] = "bp_" #table;
#define BIPLANE_STATE_TABLE(table, Entry, entries) inline constexpr char table[] = "bp_" #table;
#include "layout/table_list.def"
inline constexpr char sockets[] = "bp_sockets";  // XSKMAP; not mapped

// Programs.
inline constexpr char tcx_program[] = "prog_tcx";
inline constexpr char tcx_fabric_program[] = "prog_tcx_fabric";
inline constexpr char cut_program[] = "prog_cut";
inline constexpr char xdp_program[] = "prog_xdp";
inline constexpr char punt_program[] = "prog_punt";

inline constexpr const char* programs[] = {tcx_program, tcx_fabric_program, cut_program, xdp_program, punt_program};

// Links: see planes/kernel/hooks.hpp.

}  // namespace biplane::pins
