// One node of the policy suite (node-a) on an engine: plans the step's documents as the agent would, and lets packets arrive where
// their senders are: at a workload's port, or from node-b through the fabric.
#pragma once
#include <map>
#include <string>

#include "control/plan/plan.hpp"
#include "engines/engine.hpp"
#include "engines/policy_suite.hpp"
#include "packets/packet.hpp"

namespace biplane::engines {

// What the node counted for one packet.
struct NodeOutcome {
    uint64_t received = 0, passed = 0;  // passed: forwarded or delivered
    std::map<DropReason, uint64_t> drops;
    bool is(DropReason wanted) const;  // none: passed
    std::string print() const;
};

class SuiteNode {
   public:
    // Of `network`'s workloads only: the ground has no more interfaces.
    SuiteNode(Engine& engine, std::string network) : engine_(engine), network_(std::move(network)) {}

    // The step's tables in all banks, as another epoch. Flows stay. `step` must outlive its use.
    Status enter(const PolicyStep& step);

    bool is_here(const std::string& workload) const { return step_->desired.workloads.at(workload).node == name; }
    const std::string& network() const { return network_; }
    Engine& engine() { return engine_; }

    // `packet` begins with its IP header.
    NodeOutcome run(const std::string& sender, const packets::Packet& packet);

   private:
    static constexpr char name[] = "node-a";

    NodeFacts facts() const;
    NodeOutcome count(uint16_t port);
    packets::Packet encapsulated(const packets::Packet& packet) const;

    Engine& engine_;
    std::string network_;
    Numbering numbering_;
    const PolicyStep* step_ = nullptr;
};

}  // namespace biplane::engines
