#include "agent/program_files.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace biplane {

Result<std::string> find_bpf_object() {
    std::error_code error;
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) return failure("cannot find out where this program lies: " + error.message(), error.value());
    const std::filesystem::path here = program.parent_path();
    const std::filesystem::path candidates[] = {here / "biplane.bpf.o", here.parent_path() / "lib/biplane/biplane.bpf.o"};
    for (const auto& candidate : candidates)
        if (std::filesystem::exists(candidate, error)) return candidate.string();
    return failure(fmt::format("the kernel plane's program is missing: neither {} nor {} exists", candidates[0].string(),
                               candidates[1].string()),
                   ENOENT);
}

}  // namespace biplane
