#include "planes/kernel/hooks.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/fd.hpp"
#include "planes/link_state.hpp"

namespace biplane {
namespace {

constexpr auto tcx_ingress = static_cast<bpf_attach_type>(46);  // BPF_TCX_INGRESS, newer than Debian's headers

// What a mark's name says.
struct Mark {
    std::string hook;  // tcx, clsact, xdp
    std::string role;  // workload, fabric, cut, punt
    uint32_t ifindex;
    std::string name() const { return name_of_mark(hook, role, ifindex); }
    bool is_xdp() const { return hook == "xdp"; }
};

std::string role_of_tc(const char* program) {
    if (std::strcmp(program, pins::cut_program) == 0) return "cut";
    return std::strcmp(program, pins::tcx_program) == 0 ? "workload" : "fabric";
}

const char* program_of(const Mark& mark) {
    if (mark.is_xdp()) return mark.role == "punt" ? pins::punt_program : pins::xdp_program;
    if (mark.role == "cut") return pins::cut_program;
    return mark.role == "workload" ? pins::tcx_program : pins::tcx_fabric_program;
}

std::optional<Mark> parse_mark(const std::string& name) {
    const size_t dash = name.find('-');
    const size_t underscore = name.rfind('_');
    if (dash == std::string::npos || underscore == std::string::npos || dash > underscore) return std::nullopt;
    const std::string number = name.substr(underscore + 1);
    if (number.empty() || number.find_first_not_of("0123456789") != std::string::npos || number.size() > 9) return std::nullopt;
    return Mark{name.substr(0, dash), name.substr(dash + 1, underscore - dash - 1), static_cast<uint32_t>(std::stoul(number))};
}

std::vector<Mark> all_marks(const PinDirectory& directory) {
    std::vector<Mark> found;
    for (const std::string& name : directory.names())
        if (auto mark = parse_mark(name)) found.push_back(*mark);
    return found;
}

std::vector<Mark> marks_of(const PinDirectory& directory, uint32_t ifindex) {
    std::vector<Mark> found;
    for (const char* hook : {"tcx", "clsact", "xdp"})
        for (const char* role : {"workload", "fabric", "cut", "punt"})
            if (Mark mark{hook, role, ifindex}; directory.has(mark.name())) found.push_back(std::move(mark));
    return found;
}

bool is_gone(uint32_t ifindex) {
    char name[IF_NAMESIZE];
    return if_indextoname(ifindex, name) == nullptr;
}

// Attached to its interface, whatever it runs.
bool is_link_alive(const PinDirectory& directory, const Mark& mark) {
    return state_of_link(directory.fd_of(mark.name())).ifindex == mark.ifindex;
}

bool is_in_force(const PinDirectory& directory, const Mark& mark) {
    const uint32_t program = program_id(directory.fd_of(program_of(mark)));
    if (mark.hook == "clsact") return program != 0 && clsact_program_id(mark.ifindex) == program;
    const LinkState state = state_of_link(directory.fd_of(mark.name()));
    return state.ifindex == mark.ifindex && state.program_id == program;
}

Status remove_mark(PinDirectory& directory, const Mark& mark) {
    if (mark.hook == "clsact") {
        const LibbpfSilence silence;
        LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(mark.ifindex), .attach_point = BPF_TC_INGRESS);
        LIBBPF_OPTS(bpf_tc_opts, filter, .handle = clsact_handle, .priority = clsact_priority);
        bpf_tc_detach(&hook, &filter);  // gone with its interface, maybe
    } else if (const int link = directory.fd_of(mark.name()); link >= 0) {
        bpf_link_detach(link);  // other processes hold it too
    }
    return directory.remove(mark.name());
}

Result<int> program_fd(const PinDirectory& directory, const char* program) {
    const int fd = directory.fd_of(program);
    if (fd < 0) return failure("there is no program " + directory.path_of(program), ENOENT);
    return fd;
}

Status attach_clsact(PinDirectory& directory, int program, const Mark& mark) {
    const LibbpfSilence silence;
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(mark.ifindex), .attach_point = BPF_TC_INGRESS);
    const int created = bpf_tc_hook_create(&hook);
    if (created != 0 && created != -EEXIST)
        return failed_call("make a clsact hook on interface " + std::to_string(mark.ifindex), -created);
    LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = program, .flags = BPF_TC_F_REPLACE, .handle = clsact_handle,
                .priority = clsact_priority);
    const int attached = bpf_tc_attach(&hook, &filter);
    if (attached != 0) return failed_call("attach a clsact filter to interface " + std::to_string(mark.ifindex), -attached);
    directory.mark(mark.name());
    return {};
}

Fd create_link(int program, uint32_t ifindex, bpf_attach_type type, uint32_t flags) {
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
    return Fd(bpf_link_create(program, static_cast<int>(ifindex), type, &options));
}

// True if the interface has `wanted`'s link and it runs the right program now; one of another role is detached, a dead one forgotten.
Result<bool> keeps_link(PinDirectory& directory, int program, const Mark& wanted) {
    bool found = false;
    for (const Mark& mark : marks_of(directory, wanted.ifindex)) {
        if (mark.hook != wanted.hook) continue;
        if (mark.name() == wanted.name() && is_link_alive(directory, mark)) {
            if (!is_in_force(directory, mark) && bpf_link_update(directory.fd_of(mark.name()), program, nullptr) != 0)
                return failed_call("put the program back on " + mark.name(), errno);
            found = true;
        } else if (auto status = remove_mark(directory, mark); !status) {
            return tl::unexpected(status.error());
        }
    }
    return found;
}

// Those of the interface that `is_meant` is true of.
template <typename Condition>
Status remove_marks(PinDirectory& directory, uint32_t ifindex, const Condition& is_meant) {
    for (const Mark& mark : marks_of(directory, ifindex))
        if (is_meant(mark))
            if (auto status = remove_mark(directory, mark); !status) return status;
    return {};
}

// Clsact filters are replaced in place; what is left to do is to remove the tcx link, and marks of another role.
Result<AttachedHook> attach_by_clsact(PinDirectory& directory, int program, Mark mark) {
    mark.hook = "clsact";
    if (!directory.has(mark.name()) || !is_in_force(directory, mark))
        if (auto status = attach_clsact(directory, program, mark); !status) return tl::unexpected(status.error());
    for (const Mark& other : marks_of(directory, mark.ifindex)) {
        if (other.is_xdp() || other.name() == mark.name()) continue;
        if (auto status = other.hook == "clsact" ? directory.remove(other.name()) : remove_mark(directory, other); !status)
            return tl::unexpected(status.error());
    }
    return AttachedHook::clsact;
}

Result<AttachedHook> attach_again(PinDirectory& directory, const Mark& mark) {
    if (!mark.is_xdp()) return attach_tc(directory, program_of(mark), mark.ifindex, mark.hook == "clsact");
    return attach_xdp(directory, program_of(mark), mark.role, mark.ifindex);
}

// What stands in the way, as far as it can be told.
std::string text_of_refusal(uint32_t ifindex, int code) {
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    const bool is_taken = bpf_xdp_query(static_cast<int>(ifindex), 0, &query) == 0 && query.attach_mode != XDP_ATTACHED_NONE;
    return std::strerror(code) + (is_taken ? " (the interface has another XDP program already)" : std::string());
}

}  // namespace

std::string name_of_mark(const std::string& hook, const std::string& role, uint32_t ifindex) {
    return hook + "-" + role + "_" + std::to_string(ifindex);
}

const char* to_string(AttachedHook hook) {
    switch (hook) {
        case AttachedHook::tcx:
            return "tcx";
        case AttachedHook::clsact:
            return "clsact";
        case AttachedHook::xdp_native:
            return "xdp";
        case AttachedHook::xdp_generic:
            return "xdp-generic";
    }
    return "?";
}

bool has_all_programs(const PinDirectory& directory) {
    for (const char* name : pins::programs)
        if (!directory.has(name)) return false;
    return true;
}

Result<AttachedHook> attach_tc(PinDirectory& directory, const char* program, uint32_t ifindex, bool force_clsact) {
    const auto fd = program_fd(directory, program);
    if (!fd) return tl::unexpected(fd.error());
    const Mark mark{"tcx", role_of_tc(program), ifindex};
    if (force_clsact) return attach_by_clsact(directory, *fd, mark);
    const auto kept = keeps_link(directory, *fd, mark);
    if (!kept) return tl::unexpected(kept.error());
    if (!*kept) {
        Fd link = create_link(*fd, ifindex, tcx_ingress, 0);
        if (!link && (errno == EINVAL || errno == EOPNOTSUPP)) return attach_by_clsact(directory, *fd, mark);
        if (!link) return failed_call("attach the tcx program to interface " + std::to_string(ifindex), errno);
        directory.pin(mark.name(), std::move(link));
    }
    const auto removed = remove_marks(directory, ifindex, [](const Mark& other) { return other.hook == "clsact"; });
    if (!removed) return tl::unexpected(removed.error());
    return AttachedHook::tcx;
}

Result<AttachedHook> attach_xdp(PinDirectory& directory, const char* program, const std::string& role, uint32_t ifindex) {
    const auto fd = program_fd(directory, program);
    if (!fd) return tl::unexpected(fd.error());
    const Mark mark{"xdp", role, ifindex};
    const auto kept = keeps_link(directory, *fd, mark);
    if (!kept) return tl::unexpected(kept.error());
    if (*kept) return has_native_xdp(ifindex) ? AttachedHook::xdp_native : AttachedHook::xdp_generic;
    AttachedHook hook = AttachedHook::xdp_native;
    Fd link = create_link(*fd, ifindex, BPF_XDP, XDP_FLAGS_DRV_MODE);
    if (!link && role != "workload") {  // generic XDP copies what a workload's stack sends, and is no gain over tcx
        hook = AttachedHook::xdp_generic;
        link = create_link(*fd, ifindex, BPF_XDP, XDP_FLAGS_SKB_MODE);
    }
    if (!link) {
        const int code = errno;
        return failure(
            "cannot attach the XDP program to interface " + std::to_string(ifindex) + ": " + text_of_refusal(ifindex, code), code);
    }
    directory.pin(mark.name(), std::move(link));
    return hook;
}

Status detach_tc(PinDirectory& directory, uint32_t ifindex) {
    return remove_marks(directory, ifindex, [](const Mark& mark) { return !mark.is_xdp(); });
}

Status detach_xdp(PinDirectory& directory, uint32_t ifindex) {
    return remove_marks(directory, ifindex, [](const Mark& mark) { return mark.is_xdp(); });
}

std::vector<uint32_t> attached_interfaces(const PinDirectory& directory) {
    std::vector<uint32_t> found;
    for (const Mark& mark : all_marks(directory)) found.push_back(mark.ifindex);
    return found;
}

bool is_program_in_force(const PinDirectory& directory, uint32_t ifindex) {
    for (const Mark& mark : marks_of(directory, ifindex))
        if (is_in_force(directory, mark)) return true;
    return false;
}

std::vector<LostProgram> mend_attachments(PinDirectory& directory) {
    std::vector<LostProgram> lost;
    for (const Mark& mark : all_marks(directory)) {
        if (is_in_force(directory, mark)) continue;
        if (is_gone(mark.ifindex)) {
            (void)directory.remove(mark.name());
            continue;
        }
        const auto attached = attach_again(directory, mark);
        if (!attached) (void)directory.remove(mark.name());
        lost.push_back({mark.ifindex, mark.hook, attached ? Status{} : tl::unexpected(attached.error())});
    }
    return lost;
}

Status replace_on_links(PinDirectory& directory, const char* program, int program_fd) {
    for (const Mark& mark : all_marks(directory)) {
        if (std::strcmp(program_of(mark), program) != 0) continue;
        if (mark.hook == "clsact") {
            if (is_gone(mark.ifindex)) continue;
            if (auto status = attach_clsact(directory, program_fd, mark); !status) return status;
        } else if (!is_link_alive(directory, mark)) {
            if (auto status = remove_mark(directory, mark); !status) return status;
        } else if (bpf_link_update(directory.fd_of(mark.name()), program_fd, nullptr) != 0) {
            return failed_call("replace the program of " + mark.name(), errno);
        }
    }
    return {};
}

Status detach_and_unpin_all(PinDirectory& directory) {
    for (const Mark& mark : all_marks(directory))
        if (auto status = remove_mark(directory, mark); !status) return status;
    return directory.remove_all();
}

bool keeps_offloads_under_xdp(uint32_t ifindex) {
    ifreq request{};
    if (!if_indextoname(ifindex, request.ifr_name)) return false;
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    request.ifr_data = reinterpret_cast<char*>(&info);
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket || ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return false;
    return std::strcmp(info.driver, "veth") != 0 && std::strcmp(info.driver, "bridge") != 0 && std::strcmp(info.driver, "tun") != 0;
}

}  // namespace biplane
