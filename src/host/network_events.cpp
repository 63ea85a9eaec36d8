#include "host/network_events.hpp"

#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

namespace biplane {
namespace {

std::optional<NetworkEvent> read_event(const nlmsghdr* message) {
    using Kind = NetworkEvent::Kind;
    const void* payload = mnl_nlmsg_get_payload(message);
    switch (message->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
            return NetworkEvent{Kind::link, static_cast<uint32_t>(static_cast<const ifinfomsg*>(payload)->ifi_index)};
        case RTM_NEWNEIGH:
        case RTM_DELNEIGH:
            return NetworkEvent{Kind::neighbour, static_cast<uint32_t>(static_cast<const ndmsg*>(payload)->ndm_ifindex)};
        case RTM_NEWADDR:
        case RTM_DELADDR:
            return NetworkEvent{Kind::address, static_cast<const ifaddrmsg*>(payload)->ifa_index};
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
            return NetworkEvent{Kind::route, 0};
        case RTM_NEWQDISC:
        case RTM_DELQDISC:
        case RTM_NEWTFILTER:
        case RTM_DELTFILTER:
            return NetworkEvent{Kind::traffic_control, static_cast<uint32_t>(static_cast<const tcmsg*>(payload)->tcm_ifindex)};
        default:
            return std::nullopt;
    }
}

}  // namespace

Result<NetworkEvents> NetworkEvents::open() {
    mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket == nullptr) return failed_call("open a netlink socket for events", errno);
    NetworkEvents events(socket);
    constexpr uint32_t groups =
        RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_TC | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
    if (mnl_socket_bind(socket, groups, MNL_SOCKET_AUTOPID) < 0) return failed_call("subscribe to network events", errno);
    return events;
}

NetworkEvents::NetworkEvents(NetworkEvents&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}

NetworkEvents::~NetworkEvents() {
    if (socket_ != nullptr) mnl_socket_close(socket_);
}

int NetworkEvents::fd() const { return mnl_socket_get_fd(socket_); }

Status NetworkEvents::drain(const std::function<void(const NetworkEvent&)>& take) {
    std::vector<char> buffer(32768);
    while (true) {
        const ssize_t received = mnl_socket_recvfrom(socket_, buffer.data(), buffer.size());
        if (received < 0 && errno == EINTR) continue;
        if (received < 0 && errno == EAGAIN) return {};
        if (received < 0 && errno == ENOBUFS) {
            take({NetworkEvent::Kind::lost, 0});
            continue;
        }
        if (received < 0) return failed_call("read network events", errno);
        int left = static_cast<int>(received);
        for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
             message = mnl_nlmsg_next(message, &left))
            if (auto event = read_event(message)) take(*event);
    }
}

}  // namespace biplane
