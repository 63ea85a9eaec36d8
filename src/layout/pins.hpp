// Names of what is pinned below a node's pin directory (Config file: `pins`, by default /sys/fs/bpf/biplane).
#pragma once

namespace biplane::pins {

// Tables; the map of the same name in the BPF object.
inline constexpr char config[] = "bp_config";
inline constexpr char ports[] = "bp_ports";
inline constexpr char port_index[] = "bp_port_index";
inline constexpr char zones[] = "bp_zones";
inline constexpr char vni_index[] = "bp_vni_index";
inline constexpr char nodes[] = "bp_nodes";
inline constexpr char routes[] = "bp_routes";
inline constexpr char next_hops[] = "bp_next_hops";
inline constexpr char address_classes[] = "bp_classes";
inline constexpr char policy_subjects[] = "bp_subjects";
inline constexpr char policy_buckets[] = "bp_policy_pairs";
inline constexpr char policy_ranges[] = "bp_policy_ports";
inline constexpr char rule_counters[] = "bp_rule_count";
inline constexpr char event_rings[] = "bp_event_rings";
inline constexpr char events[] = "bp_events";
inline constexpr char flow_buckets[] = "bp_flow_buckets";
inline constexpr char flow_locks[] = "bp_flow_locks";
inline constexpr char fragments[] = "bp_fragments";
inline constexpr char flow_limits[] = "bp_flow_limits";
inline constexpr char flow_shares[] = "bp_flow_shares";
inline constexpr char counters[] = "bp_counters";
inline constexpr char user_plane[] = "bp_user_plane";
inline constexpr char trace[] = "bp_trace";
inline constexpr char sockets[] = "bp_sockets";  // XSKMAP; not mapped

// Programs.
inline constexpr char tcx_program[] = "prog_tcx";
inline constexpr char tcx_fabric_program[] = "prog_tcx_fabric";
inline constexpr char xdp_program[] = "prog_xdp";
inline constexpr char punt_program[] = "prog_punt";

// Links: link_<hook>_<ifindex>, hook is tcx or xdp. clsact filters need no pin.

}  // namespace biplane::pins
