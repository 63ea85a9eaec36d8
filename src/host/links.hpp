// Network interfaces: veth pairs, bridges, their state, and which end belongs to which namespace.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "host/netlink.hpp"
#include "layout/address.hpp"

namespace biplane {

constexpr int no_namespace_id = -1;

// net.ipv4.conf.<interface>.* (ip-sysctl), of the interface alone: what "all" adds is not in it.
struct Ipv4Settings {
    uint32_t forwarding = 0;
    uint32_t rp_filter = 0;
    uint32_t accept_local = 0;
    uint32_t arp_ignore = 0;
    bool operator==(const Ipv4Settings&) const = default;
};

struct Link {
    uint32_t index = 0;
    std::string name;
    std::string kind;   // "veth"; empty for hardware
    std::string alias;  // free text of the interface: who made it and for whom
    MacAddress mac{};
    uint32_t mtu = 0;
    bool up = false;                          // administratively
    uint32_t peer_index = 0;                  // veth: ifindex of the other end, in the namespace it lies in
    int peer_namespace_id = no_namespace_id;  // veth: id of that namespace; no_namespace_id: the same one
    uint32_t master = 0;                      // ifindex of the bridge it is a port of; 0: none
    bool is_isolated_port = false;            // as isolate_bridge_port() makes a port
    bool has_arp = true;
    std::optional<Ipv4Settings> ipv4;  // missing where the kernel has no IPv4 on it
    bool has_ipv6 = false;             // not switched off by disable_ipv6
};

Result<std::vector<Link>> list_links(Netlink& netlink);
Result<std::optional<Link>> find_link(Netlink& netlink, const std::string& name);
Result<std::optional<Link>> find_link(Netlink& netlink, uint32_t index);

struct VethEnd {
    std::string name;
    MacAddress mac{};       // all zero: Linux chooses one
    int namespace_fd = -1;  // -1: the namespace of the netlink socket
};

// Both ends down, one receive and one transmit queue each, the far one made directly in its namespace.
Status create_veth(Netlink& netlink, const VethEnd& near_end, const VethEnd& far_end, uint32_t mtu);
// Down, and with this address whatever ports it gets.
Status create_bridge(Netlink& netlink, const std::string& name, const MacAddress& mac);
Status delete_link(Netlink& netlink, uint32_t index);

// What is not given stays.
struct LinkChange {
    std::optional<bool> up;
    std::optional<uint32_t> mtu;
    std::optional<MacAddress> mac;
    std::optional<std::string> alias;
    std::optional<bool> arp;
    std::optional<uint32_t> master;  // ifindex of a bridge
};
Status change_link(Netlink& netlink, uint32_t index, const LinkChange& change);
// What comes in through the bridge port is flooded nowhere, teaches the bridge nothing, and goes to no other isolated port. Frames to
// the group addresses of IEEE 802.1Q (01:80:c2:00:00:0x), which bridges otherwise hand to the stack in any state, go the way of all.
Status isolate_bridge_port(Netlink& netlink, uint32_t index);
// Puts a first-in first-out queue of so many packets before the interface (tc-pfifo(8)) unless somebody gave it a queue already.
Status queue_packets(Netlink& netlink, uint32_t index, uint32_t packets_max);

// The number by which the socket's namespace knows another one (Link::peer_namespace_id), no_namespace_id if it does not.
Result<int> namespace_id(Netlink& netlink, int namespace_fd);

}  // namespace biplane
