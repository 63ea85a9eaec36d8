#include "host/routing.hpp"

#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/fd.hpp"

namespace biplane {
namespace {

void put_address_header(NetlinkRequest& request, uint32_t ifindex, const Prefix& address) {
    auto& header = request.header<ifaddrmsg>();
    header.ifa_family = family_of(address.address);
    header.ifa_prefixlen = family_length(address.address, address.length);
    header.ifa_index = ifindex;
    header.ifa_scope = RT_SCOPE_UNIVERSE;
    request.put(IFA_LOCAL, address.address);
    request.put(IFA_ADDRESS, address.address);
}

void put_route_header(NetlinkRequest& request, const LinuxRoute& route) {
    const Address network = network_of(route.destination);
    auto& header = request.header<rtmsg>();
    header.rtm_family = family_of(route.destination.address);
    header.rtm_dst_len = family_length(route.destination.address, route.destination.length);
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = RTPROT_STATIC;
    header.rtm_scope = route.gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    header.rtm_type = RTN_UNICAST;
    header.rtm_flags = route.gateway ? RTNH_F_ONLINK : 0;
    if (header.rtm_dst_len > 0) request.put(RTA_DST, network);
    if (route.gateway) request.put(RTA_GATEWAY, *route.gateway);
    request.put(RTA_OIF, route.ifindex);
}

struct SocketAddress {
    sockaddr_storage storage;
    socklen_t bytes;
    const sockaddr* any() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(const Address& address, uint16_t port) {
    SocketAddress made{};
    if (is_ipv4(address)) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = be16::from_host(port).raw;
        in.sin_addr.s_addr = ipv4_of(address).raw;
        std::memcpy(&made.storage, &in, sizeof in);
        made.bytes = sizeof in;
        return made;
    }
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = be16::from_host(port).raw;
    std::memcpy(&in6.sin6_addr, &address, sizeof address);
    std::memcpy(&made.storage, &in6, sizeof in6);
    made.bytes = sizeof in6;
    return made;
}

Status send_route(Netlink& netlink, const LinuxRoute& route, uint16_t flags) {
    NetlinkRequest request(RTM_NEWROUTE, static_cast<uint16_t>(NLM_F_CREATE | flags));
    put_route_header(request, route);
    return netlink.request(request, "add the route to " + to_string(route.destination));
}

void put_neighbour_header(NetlinkRequest& request, uint32_t ifindex, const Address& address, uint16_t state, uint8_t flags) {
    auto& header = request.header<ndmsg>();
    header.ndm_family = family_of(address);
    header.ndm_ifindex = static_cast<int>(ifindex);
    header.ndm_state = state;
    header.ndm_flags = flags;
    request.put(NDA_DST, address);
}

}  // namespace

Result<std::vector<Prefix>> list_addresses(Netlink& netlink, uint32_t ifindex) {
    NetlinkRequest request(RTM_GETADDR, NLM_F_DUMP);
    request.header<ifaddrmsg>().ifa_family = AF_UNSPEC;
    auto answers = netlink.query(request, "list the addresses of the interfaces");
    if (!answers) return tl::unexpected(answers.error());
    std::vector<Prefix> addresses;
    for (const auto& answer : *answers) {
        const auto& header = answer.header<ifaddrmsg>();
        if (answer.type() != RTM_NEWADDR || header.ifa_index != ifindex || header.ifa_scope == RT_SCOPE_LINK) continue;
        const nlattr* local = answer.attribute(sizeof header, IFA_LOCAL);  // IPv6 has it on point-to-point links only
        if (local == nullptr) local = answer.attribute(sizeof header, IFA_ADDRESS);
        addresses.push_back({read_address(local), length_from_family(header.ifa_family, header.ifa_prefixlen)});
    }
    return addresses;
}

Status add_address(Netlink& netlink, uint32_t ifindex, const Prefix& address) {
    NetlinkRequest request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    put_address_header(request, ifindex, address);
    request.put(IFA_FLAGS, uint32_t{IFA_F_NODAD});
    auto added = netlink.request(request, "add the address " + to_string(address));
    if (!added && added.error().code == EEXIST) return {};
    return added;
}

Status remove_address(Netlink& netlink, uint32_t ifindex, const Prefix& address) {
    NetlinkRequest request(RTM_DELADDR, 0);
    put_address_header(request, ifindex, address);
    auto removed = netlink.request(request, "remove the address " + to_string(address));
    if (!removed && removed.error().code == EADDRNOTAVAIL) return {};
    return removed;
}

Status put_route(Netlink& netlink, const LinuxRoute& route) { return send_route(netlink, route, NLM_F_REPLACE); }

Status add_route(Netlink& netlink, const LinuxRoute& route) { return send_route(netlink, route, NLM_F_EXCL); }

Status remove_route(Netlink& netlink, const LinuxRoute& route) {
    NetlinkRequest request(RTM_DELROUTE, 0);
    put_route_header(request, route);
    auto removed = netlink.request(request, "remove the route to " + to_string(route.destination));
    if (!removed && removed.error().code == ESRCH) return {};
    return removed;
}

Result<Way> find_way(Netlink& netlink, const Address& destination) {
    NetlinkRequest request(RTM_GETROUTE, 0);
    auto& header = request.header<rtmsg>();
    header.rtm_family = family_of(destination);
    header.rtm_dst_len = is_ipv4(destination) ? 32 : 128;
    request.put(RTA_DST, destination);
    auto answers = netlink.query(request, "find the way to " + to_string(destination));
    if (!answers) return tl::unexpected(answers.error());
    if (answers->empty()) return failure("there is no way to " + to_string(destination), ENETUNREACH);
    const NetlinkAnswer& answer = answers->front();
    Way way;
    way.ifindex = read_u32(answer.attribute(sizeof(rtmsg), RTA_OIF));
    if (const nlattr* gateway = answer.attribute(sizeof(rtmsg), RTA_GATEWAY)) {
        way.gateway = read_address(gateway);
    } else if (const nlattr* via = answer.attribute(sizeof(rtmsg), RTA_VIA)) {  // a gateway of the other family
        if (mnl_attr_get_payload_len(via) == sizeof(uint16_t) + sizeof(Address)) {
            Address address;
            std::memcpy(&address, static_cast<const char*>(mnl_attr_get_payload(via)) + sizeof(uint16_t), sizeof address);
            way.gateway = address;
        }
    }
    if (const nlattr* source = answer.attribute(sizeof(rtmsg), RTA_PREFSRC)) way.source = read_address(source);
    return way;
}

Result<std::optional<MacAddress>> find_neighbour(Netlink& netlink, uint32_t ifindex, const Address& address) {
    NetlinkRequest request(RTM_GETNEIGH, 0);
    put_neighbour_header(request, ifindex, address, 0, 0);
    auto answers = netlink.query(request, "look up the neighbour " + to_string(address));
    if (!answers && (answers.error().code == ENOENT || answers.error().code == ENODEV)) return std::nullopt;
    if (!answers) return tl::unexpected(answers.error());
    if (answers->empty()) return std::nullopt;
    constexpr uint16_t known = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;
    const auto& header = answers->front().header<ndmsg>();
    const nlattr* mac = answers->front().attribute(sizeof header, NDA_LLADDR);
    if (!(header.ndm_state & known) || mac == nullptr) return std::nullopt;
    return read_mac(mac);
}

Status keep_neighbour_resolved(Netlink& netlink, uint32_t ifindex, const Address& address) {
    const std::string attempted = "ask for the neighbour " + to_string(address);
    NetlinkRequest managed(RTM_NEWNEIGH, NLM_F_CREATE);
    put_neighbour_header(managed, ifindex, address, NUD_NONE, 0);
    managed.put(NDA_FLAGS_EXT, uint32_t{NTF_EXT_MANAGED});
    if (netlink.request(managed, attempted)) return {};
    NetlinkRequest once(RTM_NEWNEIGH, NLM_F_CREATE);
    put_neighbour_header(once, ifindex, address, NUD_NONE, NTF_USE);
    return netlink.request(once, attempted);
}

Status send_discarded_datagram(const Address& source, const Address& destination) {
    constexpr uint16_t discard_port = 9;
    const std::string attempted = "send a datagram to " + to_string(destination);
    const Fd socket(::socket(family_of(destination), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return failed_call(attempted, errno);
    const SocketAddress from = socket_address(source, 0);
    const SocketAddress to = socket_address(destination, discard_port);
    if (::bind(socket.get(), from.any(), from.bytes) != 0) return failed_call(attempted + " from " + to_string(source), errno);
    if (::sendto(socket.get(), nullptr, 0, 0, to.any(), to.bytes) != 0) return failed_call(attempted, errno);
    return {};
}

Status put_permanent_neighbour(Netlink& netlink, uint32_t ifindex, const Address& address, const MacAddress& mac) {
    NetlinkRequest request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
    put_neighbour_header(request, ifindex, address, NUD_PERMANENT, 0);
    request.put(NDA_LLADDR, mac);
    return netlink.request(request, "set the neighbour " + to_string(address));
}

Status remove_neighbour(Netlink& netlink, uint32_t ifindex, const Address& address) {
    NetlinkRequest request(RTM_DELNEIGH, 0);
    put_neighbour_header(request, ifindex, address, 0, 0);
    auto removed = netlink.request(request, "remove the neighbour " + to_string(address));
    if (!removed && (removed.error().code == ENOENT || removed.error().code == ENODEV)) return {};
    return removed;
}

}  // namespace biplane
