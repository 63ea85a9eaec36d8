// The veth pairs of this node's workloads: made, found again, brought up, removed.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "agent/namespace_memory.hpp"
#include "base/result.hpp"
#include "control/documents/desired_state.hpp"
#include "control/plan/plan.hpp"
#include "host/links.hpp"
#include "host/namespaces.hpp"

namespace biplane {

class WorkloadLinks {
   public:
    // `memory_path`: see NamespaceMemory.
    explicit WorkloadLinks(std::string node, std::string memory_path = {})
        : node_(std::move(node)), memory_(std::move(memory_path)) {}

    // By Workload::key(). A workload may be in both: its link lives, but what its document says leads to its namespace no longer.
    struct Findings {
        std::map<std::string, InterfaceFacts> facts;
        std::map<std::string, Error> problems;
    };
    // Makes the pairs that are missing or wrong. New ones are down: nothing passes before the datapath knows them.
    Result<Findings> ensure(Netlink& netlink, const DesiredState& desired, uint32_t mtu);
    // Of the workloads in `attached`, which have their program: brings up and configures what is new or has changed since it was
    // configured. Returns what went wrong, by key.
    std::map<std::string, Error> bring_up(Netlink& netlink, const DesiredState& desired,
                                          const std::map<std::string, InterfaceFacts>& attached, uint32_t mtu);
    // Deletes the pairs of workloads that are no longer wanted here.
    Status remove_others(Netlink& netlink, const DesiredState& desired) const;

    // Whether `workload` could be given its link, before anything is changed: the namespace is there and is not the node's own,
    // the interface name is free in it. Returns which namespace it is, if the reference is new and leads through a process.
    Result<std::optional<BoundNamespace>> check(Netlink& netlink, const Workload& workload, bool is_new_reference) const;
    // From now on these references stand for these namespaces; the documents that have them are being put into force.
    Status remember(const BoundNamespaces& bound) { return memory_.remember(bound); }
    // `desired` is in force: what it does not have is forgotten.
    Status forget_others(const DesiredState& desired) { return memory_.keep_only(desired); }

   private:
    struct Configured {
        uint32_t ifindex;
        uint32_t mtu;
        Workload workload;
        bool operator==(const Configured&) const = default;
    };
    bool is_local(const Workload& workload) const { return workload.node == node_ && !workload.netns.empty(); }
    Result<Link> ensure_link(Netlink& netlink, const std::vector<Link>& links, const Workload& workload,
                             const NetworkNamespace& space, uint32_t mtu) const;
    Status check_identity(const Workload& workload, const NetworkNamespace& space, uint64_t cookie) const;
    Result<Link> create_link(Netlink& netlink, const Workload& workload, const NetworkNamespace& space, uint32_t mtu) const;

    std::string node_;
    NamespaceMemory memory_;
    std::map<std::string, NetworkNamespace> spaces_;  // by key, from ensure() to bring_up(): nothing is looked up twice
    std::map<std::string, Configured> configured_;    // by key; empty after a start: everything is looked at once
};

}  // namespace biplane
