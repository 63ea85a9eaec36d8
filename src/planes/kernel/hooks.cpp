#include "planes/kernel/hooks.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "base/fd.hpp"

namespace biplane {
namespace {

constexpr auto tcx_ingress = static_cast<bpf_attach_type>(46);  // BPF_TCX_INGRESS, newer than Debian's headers
constexpr uint32_t clsact_handle = 1;
constexpr uint32_t clsact_priority = 1;

// What a mark's name says.
struct Mark {
    std::string hook;  // tcx, clsact, xdp
    std::string role;  // workload, fabric, cut, punt
    uint32_t ifindex;
    std::string name() const { return hook + "-" + role + "_" + std::to_string(ifindex); }
};

std::string role_of_tc(const char* program) {
    if (std::strcmp(program, pins::cut_program) == 0) return "cut";
    return std::strcmp(program, pins::tcx_program) == 0 ? "workload" : "fabric";
}

const char* program_of(const Mark& mark) {
    if (mark.hook == "xdp") return mark.role == "punt" ? pins::punt_program : pins::xdp_program;
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

std::vector<Mark> marks(const PinDirectory& directory) {
    std::vector<Mark> found;
    for (const std::string& name : directory.names())
        if (auto mark = parse_mark(name)) found.push_back(*mark);
    return found;
}

// The interface a link is attached to; 0 when that is gone. xdp and tcx links tell it in the same place.
uint32_t interface_of_link(int link) {
    bpf_link_info info{};
    uint32_t bytes = sizeof(info);
    return bpf_obj_get_info_by_fd(link, &info, &bytes) == 0 ? info.xdp.ifindex : 0;
}

bool is_in_force(const PinDirectory& directory, const Mark& mark) {
    if (mark.hook == "clsact") {
        LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(mark.ifindex), .attach_point = BPF_TC_INGRESS);
        LIBBPF_OPTS(bpf_tc_opts, filter, .handle = clsact_handle, .priority = clsact_priority);
        return bpf_tc_query(&hook, &filter) == 0;
    }
    const Fd link(bpf_obj_get(directory.path_of(mark.name()).c_str()));
    return link && interface_of_link(link.get()) == mark.ifindex;
}

Status remove_mark(const PinDirectory& directory, const Mark& mark) {
    if (mark.hook == "clsact") {
        LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(mark.ifindex), .attach_point = BPF_TC_INGRESS);
        LIBBPF_OPTS(bpf_tc_opts, filter, .handle = clsact_handle, .priority = clsact_priority);
        bpf_tc_detach(&hook, &filter);  // gone with its interface, maybe
    } else if (const Fd link(bpf_obj_get(directory.path_of(mark.name()).c_str())); link) {
        bpf_link_detach(link.get());
    }
    return directory.remove(mark.name());
}

Result<Fd> open_program(const PinDirectory& directory, const char* program) {
    Fd fd(bpf_obj_get(directory.path_of(program).c_str()));
    if (!fd) return failed_call("open the pinned program " + directory.path_of(program), errno);
    return fd;
}

Status attach_clsact(const PinDirectory& directory, int program, const Mark& mark) {
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(mark.ifindex), .attach_point = BPF_TC_INGRESS);
    const int created = bpf_tc_hook_create(&hook);
    if (created != 0 && created != -EEXIST)
        return failed_call("make a clsact hook on interface " + std::to_string(mark.ifindex), -created);
    LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = program, .flags = BPF_TC_F_REPLACE, .handle = clsact_handle,
                .priority = clsact_priority);
    const int attached = bpf_tc_attach(&hook, &filter);
    if (attached != 0) return failed_call("attach a clsact filter to interface " + std::to_string(mark.ifindex), -attached);
    if (mkdir(directory.path_of(mark.name()).c_str(), 0700) != 0 && errno != EEXIST)
        return failed_call("mark the filter in " + directory.path(), errno);
    return {};
}

Status pin_link(const PinDirectory& directory, int link, const Mark& mark) {
    if (bpf_obj_pin(link, directory.path_of(mark.name()).c_str()) != 0) return failed_call("pin the link " + mark.name(), errno);
    return {};
}

Fd create_link(int program, uint32_t ifindex, bpf_attach_type type, uint32_t flags) {
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
    return Fd(bpf_link_create(program, static_cast<int>(ifindex), type, &options));
}

// The one attachment that is already right, if there is one; stale marks of the interface are removed on the way.
Result<bool> is_attached(const PinDirectory& directory, const Mark& wanted) {
    bool found = false;
    for (const Mark& mark : marks(directory)) {
        const bool is_same_family = (mark.hook == "xdp") == (wanted.hook == "xdp");
        if (mark.ifindex != wanted.ifindex || !is_same_family) continue;
        if (mark.name() == wanted.name() && is_in_force(directory, mark)) {
            found = true;
            continue;
        }
        if (auto status = remove_mark(directory, mark); !status) return tl::unexpected(status.error());
    }
    return found;
}

Result<AttachedHook> attach_by_clsact(const PinDirectory& directory, int program, Mark mark) {
    mark.hook = "clsact";
    const auto found = is_attached(directory, mark);
    if (!found) return tl::unexpected(found.error());
    if (*found) return AttachedHook::clsact;
    if (auto status = attach_clsact(directory, program, mark); !status) return tl::unexpected(status.error());
    return AttachedHook::clsact;
}

}  // namespace

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
    for (const char* name : program_pins)
        if (!directory.has(name)) return false;
    return true;
}

Result<AttachedHook> attach_tc(const PinDirectory& directory, const char* program, uint32_t ifindex, bool force_clsact) {
    const auto fd = open_program(directory, program);
    if (!fd) return tl::unexpected(fd.error());
    const Mark mark{"tcx", role_of_tc(program), ifindex};
    if (force_clsact) return attach_by_clsact(directory, fd->get(), mark);
    const auto found = is_attached(directory, mark);
    if (!found) return tl::unexpected(found.error());
    if (*found) return AttachedHook::tcx;
    const Fd link = create_link(fd->get(), ifindex, tcx_ingress, 0);
    if (!link && (errno == EINVAL || errno == EOPNOTSUPP)) return attach_by_clsact(directory, fd->get(), mark);
    if (!link) return failed_call("attach the tcx program to interface " + std::to_string(ifindex), errno);
    if (auto status = pin_link(directory, link.get(), mark); !status) return tl::unexpected(status.error());
    return AttachedHook::tcx;
}

Result<AttachedHook> attach_xdp(const PinDirectory& directory, const char* program, const std::string& role, uint32_t ifindex) {
    const auto fd = open_program(directory, program);
    if (!fd) return tl::unexpected(fd.error());
    const Mark mark{"xdp", role, ifindex};
    const auto found = is_attached(directory, mark);
    if (!found) return tl::unexpected(found.error());
    if (*found) return AttachedHook::xdp_native;
    AttachedHook hook = AttachedHook::xdp_native;
    Fd link = create_link(fd->get(), ifindex, BPF_XDP, XDP_FLAGS_DRV_MODE);
    if (!link && role != "workload") {  // generic XDP copies what a workload's stack sends, and is no gain over tcx
        hook = AttachedHook::xdp_generic;
        link = create_link(fd->get(), ifindex, BPF_XDP, XDP_FLAGS_SKB_MODE);
    }
    if (!link) return failed_call("attach the XDP program to interface " + std::to_string(ifindex), errno);
    if (auto status = pin_link(directory, link.get(), mark); !status) return tl::unexpected(status.error());
    return hook;
}

Status detach_tc(const PinDirectory& directory, uint32_t ifindex) {
    for (const Mark& mark : marks(directory))
        if (mark.ifindex == ifindex && mark.hook != "xdp")
            if (auto status = remove_mark(directory, mark); !status) return status;
    return {};
}

Status detach_xdp(const PinDirectory& directory, uint32_t ifindex) {
    for (const Mark& mark : marks(directory))
        if (mark.ifindex == ifindex && mark.hook == "xdp")
            if (auto status = remove_mark(directory, mark); !status) return status;
    return {};
}

std::vector<uint32_t> attached_interfaces(const PinDirectory& directory) {
    std::vector<uint32_t> found;
    for (const Mark& mark : marks(directory)) found.push_back(mark.ifindex);
    return found;
}

Status replace_on_links(const PinDirectory& directory, const char* program, int program_fd) {
    for (const Mark& mark : marks(directory)) {
        if (std::strcmp(program_of(mark), program) != 0) continue;
        if (!is_in_force(directory, mark)) {
            if (auto status = remove_mark(directory, mark); !status) return status;
            continue;
        }
        if (mark.hook == "clsact") {
            if (auto status = attach_clsact(directory, program_fd, mark); !status) return status;
            continue;
        }
        const Fd link(bpf_obj_get(directory.path_of(mark.name()).c_str()));
        if (!link || bpf_link_update(link.get(), program_fd, nullptr) != 0)
            return failed_call("replace the program of " + mark.name(), errno);
    }
    return {};
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
