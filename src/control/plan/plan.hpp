// From desired state to table contents, for one node. A pure function: no system call, no clock, same input, same output.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "control/documents/desired_state.hpp"
#include "control/numbering/numbering.hpp"
#include "layout/table_image.hpp"

namespace biplane {

// What Linux says about an interface that Biplane owns.
struct InterfaceFacts {
    uint32_t ifindex = 0;
    MacAddress mac{};       // of the interface itself: the router's address on that port
    MacAddress peer_mac{};  // workload, host: of the other end
    uint16_t mtu = 0;       // bytes of IP
    bool has_xdp = false;   // workload: the XDP program sits on it, so that it needs a socket of its own to be punted from
};

// How another node's underlay address is reached.
struct UnderlayFacts {
    std::string fabric;     // name of the fabric interface
    MacAddress next_hop{};  // link-layer address of the underlay next hop; all zero: not resolved
    Address source{};       // this node's address towards it
};

struct NodeFacts {
    std::string node;                                        // this node's name
    std::map<std::string, InterfaceFacts> workloads;         // by Workload::key(), local ones whose link exists
    std::map<std::string, InterfaceFacts> fabrics;           // by interface name
    std::map<std::string, InterfaceFacts> hosts;             // by network name: host ports
    std::map<Address, UnderlayFacts, AddressLess> underlay;  // by the other node's address
};

struct Plan {
    TableImage image;
    Numbering numbering;
    std::vector<std::string> warnings;  // e.g. a workload whose namespace is gone, a node that is not resolved
};

// What the hash placements need to know of the tables.
struct TableShape {
    uint32_t hash_secret[10];
    uint32_t route_bucket_mask;
    uint32_t flow_pairs = 0;  // the flow table has room for; 0: no limits but those of documents (control/plan/flow_limits.hpp)
};

// Routes of a network on this node: every workload address (/128 in 128-bit space) to its workload here or to its node, every
// Route document, and every subnet as discard unless a Route says otherwise. Refused if something does not fit its table; says what and the limit.
Result<Plan> plan(const DesiredState& desired, const NodeFacts& facts, const Numbering& previous, const TableShape& shape);

}  // namespace biplane
