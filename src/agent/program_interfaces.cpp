#include "agent/program_interfaces.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>

#include "agent/owned_links.hpp"
#include "planes/kernel/attached_programs.hpp"

namespace biplane {

std::vector<KernelPlaneOptions::Interface> program_interfaces(const NodeConfig& config, const std::vector<Link>& links) {
    std::vector<KernelPlaneOptions::Interface> found;
    for (const Link& link : links) {
        const bool is_fabric = std::any_of(config.fabrics.begin(), config.fabrics.end(),
                                           [&](const FabricConfig& fabric) { return fabric.interface == link.name; });
        if (is_fabric || needs_program(config.node, link)) found.push_back({link.index, is_fabric});
    }
    return found;
}

Status close_unattended(Netlink& netlink, const std::string& node, const std::vector<Link>& links,
                        const std::function<bool(uint32_t)>& has_program) {
    for (const Link& link : links) {
        if (!link.up || !needs_program(node, link) || has_program(link.index)) continue;
        auto down = change_link(netlink, link.index, {.up = false});
        if (!down && down.error().code == ENODEV) continue;
        if (!down) return down.error().within("close " + link.name + ", which has no program");
        spdlog::warn("{} has no program: it is down now", link.name);
    }
    return {};
}

Result<std::vector<KernelPlaneOptions::Interface>> close_links_without_program(const NodeConfig& config) {
    auto netlink = Netlink::open();
    if (!netlink) return tl::unexpected(netlink.error());
    const auto links = list_links(*netlink);
    if (!links) return tl::unexpected(links.error());
    const auto has_program = [](uint32_t ifindex) { return !find_attached_programs(ifindex).empty(); };
    if (auto closed = close_unattended(*netlink, config.node, *links, has_program); !closed) return tl::unexpected(closed.error());
    return program_interfaces(config, *links);
}

}  // namespace biplane
