#include "host/links.hpp"

#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <cerrno>

namespace biplane {
namespace {

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
        header.ifi_change = IFF_UP;
        header.ifi_flags = *change.up ? IFF_UP : 0;
    }
    if (change.mtu) request.put(IFLA_MTU, *change.mtu);
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
