// The veth pairs of this node's workloads: made, found again, brought up, removed.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "control/documents/desired_state.hpp"
#include "control/plan/plan.hpp"
#include "host/links.hpp"
#include "host/namespaces.hpp"

namespace biplane {

class WorkloadLinks {
   public:
    explicit WorkloadLinks(std::string node) : node_(std::move(node)) {}

    // By Workload::key(). A workload may be in both: its link lives, but its namespace has lost its name.
    struct Findings {
        std::map<std::string, InterfaceFacts> facts;
        std::map<std::string, Error> problems;
    };
    // Makes the pairs that are missing or wrong. New ones are down: nothing passes before the datapath knows them.
    Findings ensure(Netlink& netlink, const DesiredState& desired, uint32_t mtu);
    // Brings up and configures what is new or has changed since it was configured. Returns what went wrong, by key.
    std::map<std::string, Error> bring_up(Netlink& netlink, const DesiredState& desired, uint32_t mtu);
    // Deletes the pairs of workloads that are no longer wanted here.
    Status remove_others(Netlink& netlink, const DesiredState& desired) const;

    // Whether `workload` could be given its link, before anything is changed: the namespace is there and is not the node's own,
    // the interface name is free in it.
    Status check(Netlink& netlink, const Workload& workload) const;

   private:
    struct Configured {
        uint32_t ifindex;
        uint32_t mtu;
        Workload workload;
        bool operator==(const Configured&) const = default;
    };
    bool is_local(const Workload& workload) const { return workload.node == node_ && !workload.netns.empty(); }
    Result<Link> ensure_link(Netlink& netlink, const std::vector<Link>& links, const Workload& workload, uint32_t mtu) const;
    Result<Link> create_link(Netlink& netlink, const Workload& workload, const NetworkNamespace& space, uint32_t mtu) const;

    std::string node_;
    std::map<std::string, Configured> configured_;  // by key; empty after a start: everything is looked at once
};

}  // namespace biplane
