// Host ports: how a virtual network reaches the node's own stack. Each network with a Route whose next hop is the host gets a
// veth pair in the node's namespace:
//
//     datapath ... bphr-100 <== veth ==> bph-100 ... Linux stack      (100 is the VNI)
//                  the port              route to the network's subnets via 169.254.1.1 / fe80::1 on it
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "control/documents/desired_state.hpp"
#include "control/plan/plan.hpp"
#include "host/links.hpp"

namespace biplane {

// The networks that need a host port, by name.
std::vector<const VirtualNetwork*> networks_with_host_port(const DesiredState& desired);
// Two networks with a host port must not overlap: the stack would not know which one is meant.
Status check_host_ports(const DesiredState& desired);

struct HostPorts {
    std::map<std::string, InterfaceFacts> facts;  // by network
    std::map<std::string, Error> problems;
};
// Makes what is missing; new pairs are down.
HostPorts ensure_host_ports(Netlink& netlink, const std::string& node, const DesiredState& desired, uint32_t mtu);
// Those in `attached`, which have their program, by network: up, with the routes to the networks' subnets. Returns what went wrong.
std::map<std::string, Error> bring_up_host_ports(Netlink& netlink, const std::string& node, const DesiredState& desired,
                                                 const std::map<std::string, InterfaceFacts>& attached);
Status remove_other_host_ports(Netlink& netlink, const std::string& node, const DesiredState& desired);

}  // namespace biplane
