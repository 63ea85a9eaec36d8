#include "host/links.hpp"

#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/net_namespace.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <cerrno>

namespace biplane {
namespace {

// All groups but the pause frames of IEEE 802.3, which bridges never forward.
constexpr uint16_t forwarded_groups = 0xfffd;

// The kernel gives all settings of an interface as one array. IPv4 counts them from 1.
uint32_t setting(const nlattr* array, uint32_t position) {
    if (array == nullptr || mnl_attr_get_payload_len(array) < (position + 1) * sizeof(uint32_t)) return 0;
    return static_cast<const uint32_t*>(mnl_attr_get_payload(array))[position];
}

std::optional<Ipv4Settings> read_ipv4(const nlattr* families) {
    const nlattr* array = nested_attribute(nested_attribute(families, AF_INET), IFLA_INET_CONF);
    if (array == nullptr) return std::nullopt;
    return Ipv4Settings{.forwarding = setting(array, IPV4_DEVCONF_FORWARDING - 1),
                        .rp_filter = setting(array, IPV4_DEVCONF_RP_FILTER - 1),
                        .accept_local = setting(array, IPV4_DEVCONF_ACCEPT_LOCAL - 1),
                        .arp_ignore = setting(array, IPV4_DEVCONF_ARP_IGNORE - 1)};
}

bool read_has_ipv6(const nlattr* families) {
    const nlattr* array = nested_attribute(nested_attribute(families, AF_INET6), IFLA_INET6_CONF);
    return array != nullptr && setting(array, DEVCONF_DISABLE_IPV6) == 0;
}

bool read_is_isolated(const nlattr* info) {
    const nlattr* port = nested_attribute(info, IFLA_INFO_SLAVE_DATA);
    const auto is_set = [&](uint16_t type) {
        const nlattr* flag = nested_attribute(port, type);
        return flag != nullptr && mnl_attr_get_payload_len(flag) == sizeof(uint8_t) && mnl_attr_get_u8(flag) != 0;
    };
    const nlattr* groups = nested_attribute(port, IFLA_BRPORT_GROUP_FWD_MASK);
    return is_set(IFLA_BRPORT_ISOLATED) && !is_set(IFLA_BRPORT_LEARNING) && !is_set(IFLA_BRPORT_UNICAST_FLOOD) &&
           !is_set(IFLA_BRPORT_MCAST_FLOOD) && !is_set(IFLA_BRPORT_BCAST_FLOOD) && groups != nullptr &&
           mnl_attr_get_payload_len(groups) == sizeof(uint16_t) && mnl_attr_get_u16(groups) == forwarded_groups;
}

Link read_link(const NetlinkAnswer& answer) {
    const auto& header = answer.header<ifinfomsg>();
    const auto attribute = [&](uint16_t type) { return answer.attribute(sizeof header, type); };
    Link link;
    link.index = static_cast<uint32_t>(header.ifi_index);
    link.name = read_text(attribute(IFLA_IFNAME));
    link.kind = read_text(nested_attribute(attribute(IFLA_LINKINFO), IFLA_INFO_KIND));
    link.alias = read_text(attribute(IFLA_IFALIAS));
    link.mac = read_mac(attribute(IFLA_ADDRESS));
    link.mtu = read_u32(attribute(IFLA_MTU));
    link.up = header.ifi_flags & IFF_UP;
    link.peer_index = read_u32(attribute(IFLA_LINK));
    if (const nlattr* id = attribute(IFLA_LINK_NETNSID)) link.peer_namespace_id = static_cast<int>(read_u32(id));
    link.master = read_u32(attribute(IFLA_MASTER));
    link.is_isolated_port = read_is_isolated(attribute(IFLA_LINKINFO));
    link.has_arp = (header.ifi_flags & IFF_NOARP) == 0;
    link.ipv4 = read_ipv4(attribute(IFLA_AF_SPEC));
    link.has_ipv6 = read_has_ipv6(attribute(IFLA_AF_SPEC));
    return link;
}

Result<std::optional<Link>> query_link(Netlink& netlink, NetlinkRequest& request, const std::string& attempted) {
    auto answers = netlink.query(request, attempted);
    if (!answers && answers.error().code == ENODEV) return std::nullopt;
    if (!answers) return tl::unexpected(answers.error());
    if (answers->empty()) return std::nullopt;
    return read_link(answers->front());
}

void put_end(NetlinkRequest& request, const VethEnd& end, uint32_t mtu) {
    request.put(IFLA_IFNAME, end.name);
    if (!(end.mac == MacAddress{})) request.put(IFLA_ADDRESS, end.mac);
    request.put(IFLA_MTU, mtu);
    request.put(IFLA_NUM_TX_QUEUES, uint32_t{1});
    request.put(IFLA_NUM_RX_QUEUES, uint32_t{1});
    if (end.namespace_fd >= 0) request.put(IFLA_NET_NS_FD, static_cast<uint32_t>(end.namespace_fd));
}

}  // namespace

Result<std::vector<Link>> list_links(Netlink& netlink) {
    NetlinkRequest request(RTM_GETLINK, NLM_F_DUMP);
    request.header<ifinfomsg>().ifi_family = AF_UNSPEC;
    request.put(IFLA_EXT_MASK, uint32_t{RTEXT_FILTER_SKIP_STATS});
    auto answers = netlink.query(request, "list the network interfaces");
    if (!answers) return tl::unexpected(answers.error());
    std::vector<Link> links;
    for (const auto& answer : *answers)
        if (answer.type() == RTM_NEWLINK) links.push_back(read_link(answer));
    return links;
}

Result<std::optional<Link>> find_link(Netlink& netlink, const std::string& name) {
    NetlinkRequest request(RTM_GETLINK, 0);
    request.header<ifinfomsg>().ifi_family = AF_UNSPEC;
    request.put(IFLA_IFNAME, name);
    return query_link(netlink, request, "look up interface " + name);
}

Result<std::optional<Link>> find_link(Netlink& netlink, uint32_t index) {
    NetlinkRequest request(RTM_GETLINK, 0);
    request.header<ifinfomsg>().ifi_index = static_cast<int>(index);
    return query_link(netlink, request, fmt::format("look up interface number {}", index));
}

Status create_veth(Netlink& netlink, const VethEnd& near_end, const VethEnd& far_end, uint32_t mtu) {
    NetlinkRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    request.header<ifinfomsg>().ifi_family = AF_UNSPEC;
    put_end(request, near_end, mtu);
    nlattr* info = request.begin(IFLA_LINKINFO);
    request.put(IFLA_INFO_KIND, std::string("veth"));
    nlattr* data = request.begin(IFLA_INFO_DATA);
    nlattr* peer = request.begin(VETH_INFO_PEER);
    request.header<ifinfomsg>().ifi_family = AF_UNSPEC;
    put_end(request, far_end, mtu);
    request.end(peer);
    request.end(data);
    request.end(info);
    return netlink.request(request, fmt::format("create the veth pair {} and {}", near_end.name, far_end.name));
}

Status create_bridge(Netlink& netlink, const std::string& name, const MacAddress& mac) {
    NetlinkRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    request.header<ifinfomsg>().ifi_family = AF_UNSPEC;
    request.put(IFLA_IFNAME, name);
    request.put(IFLA_ADDRESS, mac);
    nlattr* info = request.begin(IFLA_LINKINFO);
    request.put(IFLA_INFO_KIND, std::string("bridge"));
    request.end(info);
    return netlink.request(request, "create the bridge " + name);
}

Status isolate_bridge_port(Netlink& netlink, uint32_t index) {
    NetlinkRequest request(RTM_NEWLINK, 0);
    request.header<ifinfomsg>().ifi_index = static_cast<int>(index);
    nlattr* info = request.begin(IFLA_LINKINFO);
    request.put(IFLA_INFO_SLAVE_KIND, std::string("bridge"));
    nlattr* port = request.begin(IFLA_INFO_SLAVE_DATA);
    request.put(IFLA_BRPORT_ISOLATED, uint8_t{1});
    for (const uint16_t what : {IFLA_BRPORT_LEARNING, IFLA_BRPORT_UNICAST_FLOOD, IFLA_BRPORT_MCAST_FLOOD, IFLA_BRPORT_BCAST_FLOOD})
        request.put(what, uint8_t{0});
    request.put(IFLA_BRPORT_GROUP_FWD_MASK, &forwarded_groups, sizeof forwarded_groups);
    request.end(port);
    request.end(info);
    return netlink.request(request, fmt::format("isolate the bridge port with interface number {}", index));
}

Status delete_link(Netlink& netlink, uint32_t index) {
    NetlinkRequest request(RTM_DELLINK, 0);
    request.header<ifinfomsg>().ifi_index = static_cast<int>(index);
    auto deleted = netlink.request(request, fmt::format("delete interface number {}", index));
    if (!deleted && deleted.error().code == ENODEV) return {};
    return deleted;
}

Status queue_packets(Netlink& netlink, uint32_t index, uint32_t packets_max) {
    NetlinkRequest request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
    auto& header = request.header<tcmsg>();
    header.tcm_family = AF_UNSPEC;
    header.tcm_ifindex = static_cast<int>(index);
    header.tcm_parent = TC_H_ROOT;
    request.put(TCA_KIND, std::string("pfifo"));
    const tc_fifo_qopt options{packets_max};
    request.put(TCA_OPTIONS, &options, sizeof options);
    auto done = netlink.request(request, fmt::format("put a queue before interface number {}", index));
    return !done && done.error().code == EEXIST ? Status{} : done;
}

Status change_link(Netlink& netlink, uint32_t index, const LinkChange& change) {
    NetlinkRequest request(RTM_SETLINK, 0);
    auto& header = request.header<ifinfomsg>();
    header.ifi_index = static_cast<int>(index);
    if (change.up) {
        header.ifi_change |= IFF_UP;
        header.ifi_flags |= *change.up ? IFF_UP : 0;
    }
    if (change.arp) {
        header.ifi_change |= IFF_NOARP;
        header.ifi_flags |= *change.arp ? 0 : IFF_NOARP;
    }
    if (change.mtu) request.put(IFLA_MTU, *change.mtu);
    if (change.master) request.put(IFLA_MASTER, *change.master);
    if (change.mac) request.put(IFLA_ADDRESS, *change.mac);
    if (change.alias) request.put(IFLA_IFALIAS, *change.alias);
    return netlink.request(request, fmt::format("change interface number {}", index));
}

Result<int> namespace_id(Netlink& netlink, int namespace_fd) {
    NetlinkRequest request(RTM_GETNSID, 0);
    request.header<rtgenmsg>().rtgen_family = AF_UNSPEC;
    request.put(NETNSA_FD, static_cast<uint32_t>(namespace_fd));
    auto answers = netlink.query(request, "ask for the number of a network namespace");
    if (!answers) return tl::unexpected(answers.error());
    if (answers->empty()) return no_namespace_id;
    const nlattr* id = answers->front().attribute(sizeof(rtgenmsg), NETNSA_NSID);
    return id == nullptr ? no_namespace_id : static_cast<int>(read_u32(id));
}

}  // namespace biplane
