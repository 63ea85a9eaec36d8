// Where the BPF object of this installation lies.
#pragma once
#include <string>

#include "base/result.hpp"

namespace biplane {

// biplane.bpf.o beside the running program, else in <prefix>/lib/biplane/ where the program is <prefix>/bin/ or <prefix>/sbin/.
Result<std::string> find_bpf_object();

}  // namespace biplane
