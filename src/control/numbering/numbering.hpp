// Which number an object has in the tables, and how numbers are given.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace biplane {

// Numbers once given stay with their owner while it exists, and are not given away again before all others were: a flow
// entry may still hold an old one. Kept by the agent in a store of the node (store/committed_numbering.hpp).
struct Numbering {
    std::map<std::string, uint16_t> ports;      // "workload/NS/NAME", "fabric/IFNAME", "host/NETWORK" -> 1 ..
    std::map<std::string, uint16_t> zones;      // network name -> 1 ..
    std::map<std::string, uint16_t> next_hops;  // "workload/NS/NAME", "node/NAME", "host/NETWORK", "discard" -> 1 ..
    // "NetworkPolicy/NS/NAME/ingress/0", "BiplanePolicy/NAME/egress/1(RULE)", "isolation/ingress/NetworkPolicy/NS/NAME,NS/NAME" -> 1 ..
    std::map<std::string, uint16_t> rules;
    uint16_t port_cursor = 0, zone_cursor = 0, next_hop_cursor = 0, rule_cursor = 0;  // the number given last
    friend bool operator==(const Numbering&, const Numbering&) = default;
};

// The numbers 1 .. max for `owners`: an owner keeps the number it had in `previous`, and new ones are given from `cursor` on,
// round and round. Numbers that somebody had a moment ago are taken only when there are no others. Refused if there are more
// owners than numbers; `what` names them in the message.
Result<std::map<std::string, uint16_t>> give_numbers(const std::vector<std::string>& owners,
                                                     const std::map<std::string, uint16_t>& previous, uint16_t& cursor,
                                                     uint16_t max, const char* what);

}  // namespace biplane
