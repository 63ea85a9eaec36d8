#include "planes/kernel/recovery.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "layout/pins.hpp"
#include "planes/kernel/attached_programs.hpp"
#include "planes/kernel/hooks.hpp"
#include "planes/link_state.hpp"

namespace biplane {
namespace {

std::string mark_of(const AttachedProgram& attached, bool is_fabric) {
    const char* role = attached.program == pins::punt_program  ? "punt"
                       : attached.program == pins::cut_program ? "cut"
                       : is_fabric                             ? "fabric"
                                                               : "workload";
    return name_of_mark(attached.hook, role, attached.ifindex);
}

constexpr const char* pinned_maps[] = {
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) pins::table,
#define BIPLANE_STATE_TABLE(table, Entry, entries) pins::table,
#include "layout/table_list.def"
    pins::sockets};

// Under which name the map is to be pinned: the kernel keeps the first 15 letters. Null: it is of the programs alone.
const char* pin_of(const UsedMap& map) {
    const auto found = std::find_if(std::begin(pinned_maps), std::end(pinned_maps), [&](const char* name) {
        return map.name == std::string(name).substr(0, BPF_OBJ_NAME_LEN - 1);
    });
    return found == std::end(pinned_maps) ? nullptr : *found;
}

bool agrees(const PinDirectory& directory, const std::vector<UsedMap>& maps) {
    return std::all_of(maps.begin(), maps.end(), [&](const UsedMap& map) {
        const char* pin = pin_of(map);
        return pin == nullptr || !directory.has(pin) || map_id(directory.fd_of(pin)) == map.id;
    });
}

bool is_marked(const PinDirectory& directory, const std::string& mark, const AttachedProgram& attached) {
    return directory.has(mark) && (attached.hook == "clsact" || state_of_link(directory.fd_of(mark)).ifindex == attached.ifindex);
}

void detach(const AttachedProgram& attached) {
    if (attached.link) bpf_link_detach(attached.link.get());
    if (attached.hook != "clsact") return;
    const LibbpfSilence silence;
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(attached.ifindex), .attach_point = BPF_TC_INGRESS);
    LIBBPF_OPTS(bpf_tc_opts, filter, .handle = clsact_handle, .priority = clsact_priority);
    bpf_tc_detach(&hook, &filter);
}

void take_over(PinDirectory& directory, const std::string& mark, AttachedProgram attached, std::vector<UsedMap> maps) {
    for (UsedMap& map : maps)
        if (const char* pin = pin_of(map); pin != nullptr && !directory.has(pin)) directory.pin(pin, std::move(map.fd));
    if (!directory.has(attached.program)) directory.pin(attached.program, std::move(attached.fd));
    if (attached.link)
        directory.pin(mark, std::move(attached.link));
    else
        directory.mark(mark);
}

}  // namespace

Result<uint32_t> recover_attachments(PinDirectory& directory, const std::vector<KernelPlaneOptions::Interface>& interfaces) {
    uint32_t recovered = 0;
    for (const auto& interface : interfaces) {
        for (AttachedProgram& attached : find_attached_programs(interface.ifindex)) {
            const std::string mark = mark_of(attached, interface.is_fabric);
            if (is_marked(directory, mark, attached)) continue;
            auto maps = maps_of_program(attached.fd.get());
            if (!maps) return tl::unexpected(maps.error());
            if ((!attached.link && attached.hook != "clsact") || !agrees(directory, *maps)) {
                detach(attached);
                continue;
            }
            take_over(directory, mark, std::move(attached), *std::move(maps));
            ++recovered;
        }
    }
    return recovered;
}

}  // namespace biplane
