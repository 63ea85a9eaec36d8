// What must hold before anything of Biplane can run on a machine: privileges, a bpffs, one agent per node.
#pragma once
#include <string>

#include "base/process_lock.hpp"
#include "base/result.hpp"

namespace biplane {

// The capabilities that links, BPF programs and maps need. The Error names what is missing.
Status check_privileges();

// Makes sure that `directory` lies on a BPF file system: mounts one on its parent if there is none. Returns what was done,
// for the log; empty if there was nothing to do.
Result<std::string> ensure_bpffs(const std::string& directory);

// With its parents, mode 0700 for what is made.
Status make_directory(const std::string& path);

}  // namespace biplane
