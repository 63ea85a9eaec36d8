// Network interfaces: veth pairs, their state, and which end belongs to which namespace.
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
Status delete_link(Netlink& netlink, uint32_t index);

// What is not given stays.
struct LinkChange {
    std::optional<bool> up;
    std::optional<uint32_t> mtu;
    std::optional<MacAddress> mac;
    std::optional<std::string> alias;
};
Status change_link(Netlink& netlink, uint32_t index, const LinkChange& change);
// Puts a first-in first-out queue of so many packets before the interface (tc-pfifo(8)) unless somebody gave it a queue already.
Status queue_packets(Netlink& netlink, uint32_t index, uint32_t packets_max);

// The number by which the socket's namespace knows another one (Link::peer_namespace_id), no_namespace_id if it does not.
Result<int> namespace_id(Netlink& netlink, int namespace_fd);

}  // namespace biplane
