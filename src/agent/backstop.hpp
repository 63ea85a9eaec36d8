// What stands behind the programs. An interface of Biplane's own whose program is missing would hand what comes in over it to Linux: to
// the node's services and, with forwarding on, to the networks around it. So each of them is a port of a bridge that is never up. The
// bridge takes every frame, whatever it carries, before IP and ARP see it, and discards it; what a program redirects or drops does not
// get that far. In addition the interface forwards nothing, has neither IPv6 nor ARP, and the reverse path filter accepts no source
// address on it, as it has no address and no route.
//
//     bp-6a1f...  --program-->  other ports
//         \-------no program-->  biplane-shut (bridge, down)
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "host/links.hpp"

namespace biplane {

inline constexpr char backstop_name[] = "biplane-shut";

class Backstop {
   public:
    explicit Backstop(std::string node) : node_(std::move(node)) {}

    struct Findings {
        std::vector<std::string> reset;     // sentences: what had been changed since it was set, and is as before
        std::vector<std::string> weakened;  // sentences: what this kernel refuses; the settings are in place all the same
        std::map<uint32_t, Error> failed;   // by interface: not even those
    };
    // Puts every interface of `links` that needs it behind the backstop. What is as it should be is not touched.
    Findings ensure(Netlink& netlink, const std::vector<Link>& links);

   private:
    Result<uint32_t> ensure_bridge(Netlink& netlink, const std::vector<Link>& links, Findings& findings) const;
    void ensure_behind(Netlink& netlink, const Link& link, uint32_t bridge, Findings& findings);

    std::string node_;
    std::set<uint32_t> behind_;  // interfaces that were put behind it: what is different there has been changed since
};

}  // namespace biplane
