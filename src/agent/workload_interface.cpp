#include "agent/workload_interface.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "host/links.hpp"
#include "host/offloads.hpp"
#include "host/routing.hpp"
#include "host/sysctls.hpp"
#include "planes/shared_tables.hpp"

namespace biplane {
namespace {

constexpr Prefix default_ipv4{address_from_ipv4(be32{0}), ipv4_prefix_offset};
constexpr Prefix default_ipv6{{{0, 0}}, 0};

bool has_family(const Workload& workload, bool wants_ipv4) {
    return std::any_of(workload.addresses.begin(), workload.addresses.end(),
                       [&](const Address& address) { return is_ipv4(address) == wants_ipv4; });
}

// A workload without IPv6 addresses has no use for the solicitations and reports that Linux would send.
Status set_ipv6(const Workload& workload) {
    const std::string& interface = workload.interface;
    if (!has_family(workload, false)) return set_interface_sysctl("ipv6", interface, "disable_ipv6", "1");
    for (const auto& [key, value] : {std::pair{"disable_ipv6", "0"}, {"accept_ra", "0"}, {"accept_dad", "0"}})
        if (auto set = set_interface_sysctl("ipv6", interface, key, value); !set) return set;
    return {};
}

Status set_addresses(Netlink& netlink, uint32_t ifindex, const Workload& workload) {
    const auto present = list_addresses(netlink, ifindex);
    if (!present) return tl::unexpected(present.error());
    for (const Prefix& prefix : *present) {
        const bool wanted = prefix.length == address_bits && std::find(workload.addresses.begin(), workload.addresses.end(),
                                                                       prefix.address) != workload.addresses.end();
        if (wanted) continue;
        if (auto removed = remove_address(netlink, ifindex, prefix); !removed) return removed;
    }
    for (const Address& address : workload.addresses)
        if (auto added = add_address(netlink, ifindex, {address, address_bits}); !added) return added;
    return {};
}

Status set_way_out(Netlink& netlink, uint32_t ifindex, const Address& gateway, const Prefix& everything, bool wanted) {
    const LinuxRoute to_gateway{{gateway, address_bits}, std::nullopt, ifindex};
    const LinuxRoute through_gateway{everything, gateway, ifindex};
    if (!wanted) return remove_route(netlink, through_gateway);
    if (auto put = put_route(netlink, to_gateway); !put) return put;
    return put_route(netlink, through_gateway);
}

Status bring_up_loopback(Netlink& netlink) {
    const auto link = find_link(netlink, "lo");
    if (!link) return tl::unexpected(link.error());
    if (!*link) return failure("the namespace has no interface lo", ENODEV);
    return (*link)->up ? Status{} : change_link(netlink, (*link)->index, {.up = true});
}

// Never another one that happens to have its name.
Status check_far_end(Netlink& netlink, const Link& host_end, const Workload& workload) {
    const auto link = find_link(netlink, host_end.peer_index);
    if (!link) return tl::unexpected(link.error());
    if (!*link || (*link)->kind != "veth" || (*link)->peer_index != host_end.index)
        return failure(fmt::format("the other end of {} is not in its network namespace", host_end.name), ENODEV);
    if ((*link)->name != workload.interface)
        return failure(fmt::format("its interface {} has been renamed to {}", workload.interface, (*link)->name), EEXIST);
    return {};
}

}  // namespace

Status configure_workload_interface(const Workload& workload, const Link& host_end, uint32_t mtu, bool restores_offloads) {
    auto netlink = Netlink::open();
    if (!netlink) return tl::unexpected(netlink.error());
    if (auto up = bring_up_loopback(*netlink); !up) return up;
    if (auto right = check_far_end(*netlink, host_end, workload); !right) return right;
    const uint32_t ifindex = host_end.peer_index;
    if (auto set = set_ipv6(workload); !set) return set;
    if (auto up = change_link(*netlink, ifindex, {.up = true, .mtu = mtu, .mac = mac_of(workload)}); !up) return up;
    if (auto on = switch_gro(workload.interface, true); !on) return on;
    const bool has_xdp = workload.hook == WorkloadHook::xdp;  // its program takes frames as they are: whole, with their checksums
    if (has_xdp || restores_offloads)
        if (auto set = switch_transmit_offloads(workload.interface, !has_xdp); !set) return set;
    if (auto set = set_addresses(*netlink, ifindex, workload); !set) return set;
    if (auto set = set_way_out(*netlink, ifindex, default_gateway_ipv4, default_ipv4, has_family(workload, true)); !set) return set;
    return set_way_out(*netlink, ifindex, default_gateway_ipv6, default_ipv6, has_family(workload, false));
}

}  // namespace biplane
