// What the numbers in the tables stand for. The tables hold numbers only; the agent keeps who got which (Numbering) beside
// the documents, so that the tools can name things while no agent runs.
#pragma once
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/numbering/numbering.hpp"

namespace biplane {

class TableNames {
   public:
    explicit TableNames(const Numbering& numbering);

    // "workload/NS/NAME", "fabric/IFNAME", "host/NETWORK"; "#7" if nobody has the number.
    std::string port(uint16_t number) const { return find(ports_, number); }
    // The same without the kind: "NS/NAME", "IFNAME", "NETWORK".
    std::string port_name(uint16_t number) const;
    std::string network(uint16_t zone) const { return find(zones_, zone); }
    // "workload/NS/NAME", "node/NAME", "host/NETWORK", "discard".
    std::string next_hop(uint16_t number) const { return find(next_hops_, number); }

    // What Numbering::rules calls it.
    std::string rule(uint16_t number) const { return find(rules_, number); }
    // All of them, sorted by name.
    std::vector<std::pair<uint16_t, std::string>> rules() const;
    std::vector<std::string> networks() const;

   private:
    using Names = std::unordered_map<uint16_t, std::string>;
    static std::string find(const Names& names, uint16_t number);
    Names ports_, zones_, next_hops_, rules_;
};

}  // namespace biplane
