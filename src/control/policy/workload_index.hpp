// The workloads by number, and which of them a policy means: by namespace and labels.
#pragma once
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/documents/desired_state.hpp"
#include "control/policy/label_index.hpp"

namespace biplane {

// Keeps pointers into the desired state that it was made of.
class WorkloadIndex {
   public:
    using Numbers = LabelIndex::Numbers;

    explicit WorkloadIndex(const DesiredState& desired);

    size_t size() const { return workloads_.size(); }
    const Workload& workload(uint32_t number) const { return *workloads_[number]; }  // in the order of DesiredState::workloads
    uint32_t number_of(const Workload& workload) const { return numbers_.at(&workload); }

    // Those of namespace `space`, and those of all namespaces that `spaces` selects, that `selector` selects.
    Numbers in_space(const std::string& space, const LabelSelector& selector) const;
    Numbers in_spaces(const LabelSelector& spaces, const LabelSelector& selector);

   private:
    std::vector<const Workload*> workloads_;
    std::unordered_map<const Workload*, uint32_t> numbers_;
    LabelIndex labels_, space_labels_;
    std::map<std::string, uint32_t> space_numbers_;
    std::vector<Numbers> by_space_;
    std::unordered_map<std::string, Numbers> by_space_selector_;  // all workloads there, by the selector's text
};

// The labels of a namespace as policies see them. A namespace that has no document has them, too.
Labels labels_of_namespace(const DesiredState& desired, const std::string& name);

}  // namespace biplane
