// What the documents ask for, as plain values, checked. Kept sorted by name so that every walk over it is in one order.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/addresses.hpp"
#include "control/documents/policies.hpp"
#include "layout/verdict.hpp"

namespace biplane {

struct VirtualNetwork {
    std::string name;
    uint32_t vni = 0;             // 1 .. 2^24 - 1, unique
    std::vector<Prefix> subnets;  // none overlaps another of the same network; host bits zero
    Plane plane = Plane::kernel;
    bool fallback_to_kernel = false;  // spec.whenUserPlaneDown: drop (default) | kernel
    NetworkTimeouts timeouts = {};    // spec.timeouts
    bool tcp_pickup = false;          // spec.tcpPickup: a TCP flow may begin in the middle of its connection
    FlowLimits limits = {};           // spec.limits: of the whole network on each node
    std::map<std::string, std::string> labels = {};
    friend bool operator==(const VirtualNetwork&, const VirtualNetwork&) = default;
};

struct Node {
    std::string name;
    std::vector<Address> addresses;  // underlay, at most one per family. spec.address (one) or spec.addresses
    std::map<std::string, std::string> labels = {};
    friend bool operator==(const Node&, const Node&) = default;
};

// Where Biplane's program sits on the workload's host end. xdp is for network functions that send many small packets: it carries them
// in a fraction of the time, and takes segmentation and checksum offload from the workload.
enum class WorkloadHook : uint8_t { automatic, tcx, xdp };

struct Workload {
    std::string name;
    std::string space;  // metadata.namespace, "default" if not given
    std::map<std::string, std::string> labels;
    std::string network;
    std::string node;
    std::vector<Address> addresses;  // at least one, each in a subnet of its network, unique in it
    std::string netns;               // name, path or pid of a network namespace; empty: Biplane only knows of it (remote)
    std::string interface;           // inside the namespace; "eth0" if not given
    WorkloadHook hook = WorkloadHook::automatic;
    std::vector<NamedPort> ports;   // spec.ports: what policies may call a port
    std::optional<MacAddress> mac;  // of the workload's interface; generated from network and name if not given
    std::string key() const { return space + "/" + name; }
    friend bool operator==(const Workload&, const Workload&) = default;
};

struct ToWorkload {
    std::string key;  // namespace/name
    friend bool operator==(const ToWorkload&, const ToWorkload&) = default;
};
struct ToNode {
    std::string name;
    friend bool operator==(const ToNode&, const ToNode&) = default;
};
struct ToHost {
    friend bool operator==(const ToHost&, const ToHost&) = default;
};
struct ToDiscard {
    friend bool operator==(const ToDiscard&, const ToDiscard&) = default;
};
using RouteTarget = std::variant<ToDiscard, ToHost, ToNode, ToWorkload>;

struct Route {
    std::string name;
    std::string network;
    Prefix destination;  // host bits zero
    RouteTarget target;  // spec.nextHop: {workload: NS/NAME} | {node: NAME} | host | discard
    std::map<std::string, std::string> labels = {};
    friend bool operator==(const Route&, const Route&) = default;
};

// The address of the workload's interface: spec.mac, or a locally administered one made from network, namespace and name.
MacAddress mac_of(const Workload& workload);
// The host end of its veth pair: "bp-" and eight hexadecimal digits made from namespace and name.
std::string host_interface_of(const std::string& workload_key);

struct DesiredState {
    std::map<std::string, VirtualNetwork> networks;         // by name
    std::map<std::string, Node> nodes;                      // by name
    std::map<std::string, Workload> workloads;              // by namespace/name
    std::map<std::string, Route> routes;                    // by name
    std::map<std::string, Namespace> namespaces;            // by name; a namespace without one has no labels of its own
    std::map<std::string, NetworkPolicy> network_policies;  // by namespace/name
    std::map<std::string, BiplanePolicy> policies;          // by name
    friend bool operator==(const DesiredState&, const DesiredState&) = default;
};

}  // namespace biplane
