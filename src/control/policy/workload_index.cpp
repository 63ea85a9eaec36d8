#include "control/policy/workload_index.hpp"

#include <algorithm>

namespace biplane {

Labels labels_of_namespace(const DesiredState& desired, const std::string& name) {
    const auto found = desired.namespaces.find(name);
    Labels labels = found == desired.namespaces.end() ? Labels{} : found->second.labels;
    labels["kubernetes.io/metadata.name"] = name;
    return labels;
}

WorkloadIndex::WorkloadIndex(const DesiredState& desired) {
    workloads_.reserve(desired.workloads.size());
    for (const auto& [key, workload] : desired.workloads) {
        const auto number = static_cast<uint32_t>(workloads_.size());
        workloads_.push_back(&workload);
        numbers_[&workload] = number;
        labels_.add(workload.labels);
        const auto [space, is_new] = space_numbers_.try_emplace(workload.space, static_cast<uint32_t>(by_space_.size()));
        if (is_new) {
            by_space_.emplace_back();
            space_labels_.add(labels_of_namespace(desired, workload.space));
        }
        by_space_[space->second].push_back(number);
    }
}

WorkloadIndex::Numbers WorkloadIndex::in_space(const std::string& space, const LabelSelector& selector) const {
    const auto number = space_numbers_.find(space);
    return number == space_numbers_.end() ? Numbers{} : labels_.select_among(selector, by_space_[number->second]);
}

WorkloadIndex::Numbers WorkloadIndex::in_spaces(const LabelSelector& spaces, const LabelSelector& selector) {
    const auto [there, is_new] = by_space_selector_.try_emplace(text_of(spaces));
    if (is_new) {
        for (const uint32_t space : space_labels_.select(spaces))
            there->second.insert(there->second.end(), by_space_[space].begin(), by_space_[space].end());
        std::sort(there->second.begin(), there->second.end());
    }
    return labels_.select_among(selector, there->second);
}

}  // namespace biplane
