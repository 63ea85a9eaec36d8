// The configuration file of one node: biplaned, biplane-userplane and the CLI read the same one (YAML, by default
// /etc/biplane/biplane.yaml). An unknown key, a wrong type or a value out of range is an Error with file:line:column.
//
//     node: node-a                       # required: which Node document this is
//     fabric:                            # may be empty: a node of its own
//       - { interface: eth1, hook: auto }   # hook: auto (default) | xdp | tcx
//     runDirectory: /run/biplane         # API socket biplaned.sock (mode 0600), lock file
//     storeDirectory: /var/lib/biplane
//     pins: /sys/fs/bpf/biplane          # on a bpffs
//     flows: 150000                      # pairs the flow table is made for; 1024 .. 16777216, with half as many more, rounded up to a power of two
//     routes: 32768                      # routes it is made for; 256 .. 4194304, rounded up to a power of two
//     workloadHook: auto                 # auto (default) | tcx | clsact
//     userPlane: true                    # false: no punt port; networks with plane: user are refused
//     logLevel: info                     # debug | info | warn | error
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace biplane {

struct FabricConfig {
    std::string interface;
    std::string hook = "auto";
};

struct NodeConfig {
    std::string node;
    std::vector<FabricConfig> fabrics;
    std::string run_directory = "/run/biplane";
    std::string store_directory = "/var/lib/biplane";
    std::string pin_directory = "/sys/fs/bpf/biplane";
    uint32_t flows = 150000;
    uint32_t routes = 32768;
    std::string workload_hook = "auto";
    bool user_plane = true;
    std::string log_level = "info";

    std::string socket_path() const { return run_directory + "/biplaned.sock"; }
};

inline constexpr char default_config_path[] = "/etc/biplane/biplane.yaml";

// The punt port: a veth pair in the node's namespace. The outer end takes what tcx programs redirect, the inner end has the
// punt program and the user plane's socket. Made by the agent.
inline constexpr char punt_outer_name[] = "biplane-punt0";
inline constexpr char punt_inner_name[] = "biplane-punt1";

// The cut port: another such pair. What the kernel holds whole and tcx programs cannot carry so comes out of it as frames of the wire.
inline constexpr char cut_outer_name[] = "biplane-cut0";
inline constexpr char cut_inner_name[] = "biplane-cut1";

Result<NodeConfig> read_node_config(const std::string& path);
// The same from text; `file` is for messages.
Result<NodeConfig> parse_node_config(std::string_view text, const std::string& file);

}  // namespace biplane
