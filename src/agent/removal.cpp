#include "agent/removal.hpp"

#include "agent/backstop.hpp"
#include "agent/owned_links.hpp"
#include "agent/program_interfaces.hpp"
#include "planes/kernel/kernel_plane.hpp"
#include "store/node_stores.hpp"

namespace biplane {

Status remove_node(const NodeConfig& config) {
    auto netlink = Netlink::open();
    if (!netlink) return tl::unexpected(netlink.error());
    const auto links = list_links(*netlink);
    if (!links) return tl::unexpected(links.error());
    // Links first: a workload's packets must not find an interface without a program behind it. The backstop behind them goes last.
    for (const Link& link : *links)
        if (is_owned_by(config.node, link) && link.name != backstop_name)
            if (auto deleted = delete_link(*netlink, link.index); !deleted) return deleted;
    for (const Link& link : *links)
        if (is_owned_by(config.node, link) && link.name == backstop_name)
            if (auto deleted = delete_link(*netlink, link.index); !deleted) return deleted;
    if (auto removed = KernelPlane::remove(config.pin_directory, program_interfaces(config, *links)); !removed) return removed;
    return remove_numbering(config.store_directory);
}

}  // namespace biplane
