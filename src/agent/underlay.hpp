// How the other nodes are reached: which fabric, which link-layer address. Linux's own routes and neighbours are the source.
#pragma once
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/addresses.hpp"
#include "control/documents/desired_state.hpp"
#include "control/plan/plan.hpp"
#include "host/netlink.hpp"

namespace biplane {

class Underlay {
   public:
    explicit Underlay(std::string node) : node_(std::move(node)) {}

    using Ways = std::map<Address, UnderlayFacts, AddressLess>;
    // Looks up every other node. Neighbours that were not asked for before are given a moment to answer. What stands in the way
    // is appended to `problems`.
    Ways find_ways(Netlink& netlink, const DesiredState& desired, const std::map<std::string, InterfaceFacts>& fabrics,
                   std::vector<std::string>& problems);
    // Stops keeping neighbours resolved that were asked for and are not needed any more.
    void release_unused(Netlink& netlink);

   private:
    struct Neighbour {
        uint32_t ifindex;
        Address address;
        friend bool operator<(const Neighbour& a, const Neighbour& b) {
            if (a.ifindex != b.ifindex) return a.ifindex < b.ifindex;
            return compare(a.address, b.address) < 0;
        }
    };
    // A node behind a neighbour: what a packet that makes Linux resolve it goes from and to.
    struct Peer {
        Address source;
        Address destination;
    };
    struct Asked {
        Neighbour neighbour;
        Peer peer;
    };
    void ask_for_needed(Netlink& netlink);
    static void ask(Netlink& netlink, const Neighbour& neighbour, const Peer& peer);
    static void wait_for(Netlink& netlink, std::vector<Asked> silent);
    MacAddress mac_of(Netlink& netlink, const Neighbour& neighbour);

    std::string node_;
    std::map<Neighbour, Peer> needed_;
    std::map<Neighbour, std::chrono::steady_clock::time_point> asked_;  // when last
    std::map<Neighbour, MacAddress> known_;  // the last one seen: a neighbour that fails for a moment keeps its address
};

}  // namespace biplane
