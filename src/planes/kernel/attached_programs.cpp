#include "planes/kernel/attached_programs.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "layout/pins.hpp"

namespace biplane {
namespace {

constexpr uint32_t tcx_ingress_type = 46;  // BPF_TCX_INGRESS, newer than Debian's headers
constexpr uint32_t programs_per_hook = 64;

// BPF_PROG_QUERY with what Linux 6.6 added to it.
struct ProgramQuery {
    uint32_t ifindex;
    uint32_t attach_type;
    uint32_t query_flags;
    uint32_t attach_flags;
    uint64_t program_ids;
    uint32_t count;
    uint32_t : 32;
    uint64_t program_attach_flags;
    uint64_t link_ids;
    uint64_t link_attach_flags;
    uint64_t revision;
};

bool is_ours(const char* name) {
    return std::any_of(std::begin(pins::programs), std::end(pins::programs),
                       [&](const char* one) { return std::strcmp(one, name) == 0; });
}

// Appends the program if it is one of ours.
void add_program(std::vector<AttachedProgram>& found, uint32_t ifindex, const char* hook, uint32_t id, Fd link) {
    Fd program(id != 0 ? bpf_prog_get_fd_by_id(id) : -1);
    if (!program) return;
    bpf_prog_info info{};
    uint32_t bytes = sizeof info;
    if (bpf_obj_get_info_by_fd(program.get(), &info, &bytes) != 0 || !is_ours(info.name)) return;
    found.push_back({ifindex, hook, info.name, std::move(program), std::move(link)});
}

// None where the kernel has no tcx.
void add_tcx(std::vector<AttachedProgram>& found, uint32_t ifindex) {
    std::array<uint32_t, programs_per_hook> programs{}, links{};
    ProgramQuery query{};
    query.ifindex = ifindex;
    query.attach_type = tcx_ingress_type;
    query.program_ids = reinterpret_cast<uintptr_t>(programs.data());
    query.link_ids = reinterpret_cast<uintptr_t>(links.data());
    query.count = programs_per_hook;
    if (syscall(__NR_bpf, BPF_PROG_QUERY, &query, sizeof query) != 0) return;
    for (uint32_t i = 0; i < std::min(query.count, programs_per_hook); ++i)
        add_program(found, ifindex, "tcx", programs[i], Fd(links[i] != 0 ? bpf_link_get_fd_by_id(links[i]) : -1));
}

// XDP does not name its link: all links of the system are asked.
Fd find_xdp_link(uint32_t ifindex, uint32_t program) {
    for (uint32_t id = 0; bpf_link_get_next_id(id, &id) == 0;) {
        Fd link(bpf_link_get_fd_by_id(id));
        bpf_link_info info{};
        uint32_t bytes = sizeof info;
        if (link && bpf_obj_get_info_by_fd(link.get(), &info, &bytes) == 0 && info.type == BPF_LINK_TYPE_XDP &&
            info.prog_id == program && info.xdp.ifindex == ifindex)
            return link;
    }
    return {};
}

void add_xdp(std::vector<AttachedProgram>& found, uint32_t ifindex) {
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    if (bpf_xdp_query(static_cast<int>(ifindex), 0, &query) != 0 || query.prog_id == 0) return;
    const size_t before = found.size();
    add_program(found, ifindex, "xdp", query.prog_id, {});
    if (found.size() > before) found.back().link = find_xdp_link(ifindex, query.prog_id);
}

}  // namespace

std::vector<AttachedProgram> find_attached_programs(uint32_t ifindex) {
    std::vector<AttachedProgram> found;
    add_tcx(found, ifindex);
    add_xdp(found, ifindex);
    add_program(found, ifindex, "clsact", clsact_program_id(ifindex), {});
    return found;
}

Result<std::vector<UsedMap>> maps_of_program(int program) {
    std::array<uint32_t, 64> ids{};
    bpf_prog_info info{};
    info.nr_map_ids = ids.size();
    info.map_ids = reinterpret_cast<uintptr_t>(ids.data());
    uint32_t bytes = sizeof info;
    if (bpf_obj_get_info_by_fd(program, &info, &bytes) != 0) return failed_call("ask for the maps of a running program", errno);
    std::vector<UsedMap> maps;
    for (uint32_t i = 0; i < std::min<uint32_t>(info.nr_map_ids, ids.size()); ++i) {
        Fd map(bpf_map_get_fd_by_id(ids[i]));
        if (!map) return failed_call("open a map of a running program", errno);
        bpf_map_info about{};
        uint32_t about_bytes = sizeof about;
        if (bpf_obj_get_info_by_fd(map.get(), &about, &about_bytes) != 0)
            return failed_call("ask about a map of a running program", errno);
        maps.push_back({about.name, about.id, std::move(map)});
    }
    return maps;
}

uint32_t program_id(int program) {
    bpf_prog_info info{};
    uint32_t bytes = sizeof info;
    return program >= 0 && bpf_obj_get_info_by_fd(program, &info, &bytes) == 0 ? info.id : 0;
}

uint32_t map_id(int map) {
    bpf_map_info info{};
    uint32_t bytes = sizeof info;
    return map >= 0 && bpf_obj_get_info_by_fd(map, &info, &bytes) == 0 ? info.id : 0;
}

uint32_t clsact_program_id(uint32_t ifindex) {
    const LibbpfSilence silence;
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(ifindex), .attach_point = BPF_TC_INGRESS);
    LIBBPF_OPTS(bpf_tc_opts, filter, .handle = clsact_handle, .priority = clsact_priority);
    return bpf_tc_query(&hook, &filter) == 0 ? filter.prog_id : 0;
}

bool has_native_xdp(uint32_t ifindex) {
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    return bpf_xdp_query(static_cast<int>(ifindex), 0, &query) == 0 && query.attach_mode == XDP_ATTACHED_DRV;
}

}  // namespace biplane
