// Gives every prefix of a network its address class: who lives there, to policies (layout/policy.hpp).
#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "control/numbering/planned_route.hpp"
#include "control/policy/policy_subjects.hpp"
#include "layout/policy.hpp"

namespace biplane {

// What all networks share.
class ClassTable {
   public:
    uint16_t number_of(const AddressClass& address_class);
    Status check() const;  // refused: they are too many
    std::vector<AddressClass> take() { return std::move(classes_); }

   private:
    std::vector<AddressClass> classes_ = {{}};
    std::unordered_map<uint64_t, uint32_t> numbers_ = {{0, 0}};
};

// Addresses that the same peers of rules name. Numbers count per network: subjects belong to one.
struct NetworkPeer {
    std::vector<uint32_t> named_by;  // indices of PolicyBook::peers, rising
    const Workload* workload;        // whose named ports count; nullptr: none
};

class NetworkClassifier {
   public:
    // `self`: this node; nullptr: there is no document of it. All must live as long as this.
    NetworkClassifier(const WorkloadIndex& workloads, const PolicyBook& book, const PolicySubjects& subjects, const Node* self,
                      ClassTable& classes);

    // Writes the classes into the routes of `network`, and adds a route for each prefix that only policies name, where one is needed.
    // Returns the peers; [no_peer] is the one that nobody names. Refused if there are too many.
    Result<std::vector<NetworkPeer>> classify(const std::string& network, std::vector<PlannedRoute>& routes);

   private:
    struct Network;
    void look_up_rules(Network& network) const;
    void look_up_workloads(Network& network) const;
    AddressClass class_of(Network& network, const PlannedRoute& route, const std::vector<uint32_t>& blocks,
                          bool is_own_address) const;

    const WorkloadIndex& workloads_;
    const PolicyBook& book_;
    const PolicySubjects& subjects_;
    const Node* self_;
    ClassTable& classes_;
};

}  // namespace biplane
