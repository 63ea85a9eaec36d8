#include "agent/backstop.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cerrno>

#include "agent/owned_links.hpp"
#include "host/sysctls.hpp"

namespace biplane {
namespace {

constexpr MacAddress backstop_mac{{2, 0, 0, 0, 0, 1}};  // said, or Linux would change it with every port
// Strict; arp_ignore 8: no ARP request is answered, whoever switches ARP on again.
constexpr Ipv4Settings shut_ipv4{.forwarding = 0, .rp_filter = 1, .accept_local = 0, .arp_ignore = 8};

bool has_settings(const Link& link) { return !link.has_arp && !link.has_ipv6 && (!link.ipv4 || *link.ipv4 == shut_ipv4); }

bool is_behind(const Link& link, uint32_t bridge) { return link.master == bridge && link.is_isolated_port; }

Status write_ipv4(const std::string& interface, const Ipv4Settings& present) {
    const struct {
        const char* key;
        uint32_t present, wanted;
    } settings[] = {{"forwarding", present.forwarding, shut_ipv4.forwarding},
                    {"rp_filter", present.rp_filter, shut_ipv4.rp_filter},
                    {"accept_local", present.accept_local, shut_ipv4.accept_local},
                    {"arp_ignore", present.arp_ignore, shut_ipv4.arp_ignore}};
    for (const auto& setting : settings)
        if (setting.present != setting.wanted)
            if (auto set = set_interface_sysctl("ipv4", interface, setting.key, std::to_string(setting.wanted)); !set) return set;
    return {};
}

Status write_settings(Netlink& netlink, const Link& link) {
    if (link.ipv4)
        if (auto set = write_ipv4(link.name, *link.ipv4); !set) return set;
    if (link.has_ipv6)
        if (auto set = set_interface_sysctl("ipv6", link.name, "disable_ipv6", "1"); !set) return set;
    return link.has_arp ? change_link(netlink, link.index, {.arp = false}) : Status{};
}

Status put_into_bridge(Netlink& netlink, const Link& link, uint32_t bridge) {
    if (link.master != bridge)
        if (auto put = change_link(netlink, link.index, {.master = bridge}); !put) return put;
    return isolate_bridge_port(netlink, link.index);
}

}  // namespace

Backstop::Findings Backstop::ensure(Netlink& netlink, const std::vector<Link>& links) {
    Findings findings;
    const auto bridge = ensure_bridge(netlink, links, findings);
    if (!bridge)
        findings.weakened.push_back(fmt::format("behind the programs stand only the settings of the interfaces, and no bridge: {}",
                                                bridge.error().message));
    std::set<uint32_t> present;
    for (const Link& link : links) {
        if (!needs_backstop(node_, link)) continue;
        present.insert(link.index);
        ensure_behind(netlink, link, bridge.value_or(0), findings);
    }
    std::erase_if(behind_, [&](uint32_t ifindex) { return !present.contains(ifindex); });
    return findings;
}

// Settings change whenever somebody switches forwarding on for all interfaces, as container engines do: that is no incident.
void Backstop::ensure_behind(Netlink& netlink, const Link& link, uint32_t bridge, Findings& findings) {
    if (!has_settings(link)) {
        if (auto set = write_settings(netlink, link); !set) {
            findings.failed.emplace(link.index, set.error());
            return;
        }
        if (behind_.contains(link.index)) spdlog::info("the settings of {} had been changed, and are as before", link.name);
    }
    if (bridge != 0 && !is_behind(link, bridge)) {
        if (behind_.contains(link.index))
            findings.reset.push_back(fmt::format("{} was no closed port of {}, and is one again", link.name, backstop_name));
        if (auto put = put_into_bridge(netlink, link, bridge); !put)
            findings.weakened.push_back(fmt::format("behind the program of {} stand only the settings of the interface: {}",
                                                    link.name, put.error().message));
    }
    behind_.insert(link.index);
}

Result<uint32_t> Backstop::ensure_bridge(Netlink& netlink, const std::vector<Link>& links, Findings& findings) const {
    const Link* present = find_by_name(links, backstop_name);
    if (present == nullptr) {
        if (auto made = create_bridge(netlink, backstop_name, backstop_mac); !made) return tl::unexpected(made.error());
        const auto link = find_link(netlink, backstop_name);
        if (!link) return tl::unexpected(link.error());
        if (!*link) return failure(fmt::format("interface {} vanished as soon as it was made", backstop_name), ENODEV);
        if (auto marked = change_link(netlink, (*link)->index, {.alias = alias_of_backstop(node_)}); !marked)
            return tl::unexpected(marked.error());
        if (auto set = write_settings(netlink, **link); !set) return tl::unexpected(set.error());
        return (*link)->index;
    }
    if (present->alias != alias_of_backstop(node_) || present->kind != "bridge")
        return failure(fmt::format("interface {} is there already and is not Biplane's", backstop_name), EEXIST);
    if (present->up) {
        findings.reset.push_back(fmt::format("the bridge {} was set up, and is down again", backstop_name));
        if (auto down = change_link(netlink, present->index, {.up = false}); !down) return tl::unexpected(down.error());
    }
    if (auto set = write_settings(netlink, *present); !set) return tl::unexpected(set.error());
    return present->index;
}

}  // namespace biplane
