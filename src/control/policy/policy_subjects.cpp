#include "control/policy/policy_subjects.hpp"

#include <unordered_map>

#include "control/numbering/hash_numbers.hpp"
#include "control/policy/policy_lists.hpp"

namespace biplane {
namespace {

std::string isolation_of(Direction direction, const DirectionBook& book, const std::vector<uint32_t>& policies) {
    std::vector<std::string> keys;
    for (const uint32_t policy : policies)
        if (!book.policies[policy].key.empty()) keys.push_back(book.policies[policy].key);
    return keys.empty() ? "" : isolation_name(direction, keys);
}

class SubjectFinder {
   public:
    SubjectFinder(const WorkloadIndex& workloads, const PolicyBook& book) : workloads_(workloads), book_(book) {
        found_.subjects.emplace_back();
        for (uint32_t w = 0; w < workloads.size(); ++w)
            network_numbers_.try_emplace(workloads.workload(w).network, static_cast<uint32_t>(network_numbers_.size()));
    }

    PolicySubjects find() {
        for (const Direction direction : directions) find_those_of(direction);
        return std::move(found_);
    }

   private:
    void find_those_of(Direction direction) {
        auto& of_workload = found_.of_workload[static_cast<size_t>(direction)];
        of_workload.assign(workloads_.size(), 0);
        std::vector<std::vector<uint32_t>> selecting(workloads_.size());
        const auto& policies = book_[direction].policies;
        for (uint32_t policy = 0; policy < policies.size(); ++policy)
            for (const uint32_t workload : policies[policy].workloads) selecting[workload].push_back(policy);
        for (uint32_t workload = 0; workload < workloads_.size(); ++workload)
            if (!selecting[workload].empty())
                of_workload[workload] = subject_of(direction, workloads_.workload(workload), std::move(selecting[workload]));
    }

    uint32_t subject_of(Direction direction, const Workload& workload, std::vector<uint32_t> policies) {
        std::vector<uint32_t> key = {static_cast<uint32_t>(direction), network_numbers_.at(workload.network),
                                     static_cast<uint32_t>(policies.size())};
        key.insert(key.end(), policies.begin(), policies.end());
        if (direction == Direction::ingress)
            for (const uint32_t policy : policies) append_meaning(book_[direction].policies[policy].named_ports, workload, key);
        const auto [known, is_new] = numbers_.try_emplace(std::move(key), static_cast<uint32_t>(found_.subjects.size()));
        if (is_new) {
            found_.of_network[workload.network].push_back(known->second);
            std::string isolation = isolation_of(direction, book_[direction], policies);
            found_.subjects.push_back({direction, std::move(policies), &workload, std::move(isolation)});
        }
        return known->second;
    }

    const WorkloadIndex& workloads_;
    const PolicyBook& book_;
    std::unordered_map<std::string, uint32_t> network_numbers_;
    std::unordered_map<std::vector<uint32_t>, uint32_t, HashNumbers> numbers_;
    PolicySubjects found_;
};

}  // namespace

PolicySubjects find_subjects(const WorkloadIndex& workloads, const PolicyBook& book) {
    return SubjectFinder(workloads, book).find();
}

void append_meaning(const std::vector<const PolicyPort*>& names, const Workload& workload, std::vector<uint32_t>& meaning) {
    std::vector<PositionInterval> positions;
    for (uint32_t i = 0; i < names.size(); ++i) append_positions({*names[i]}, &workload, i, positions);
    meaning.push_back(static_cast<uint32_t>(positions.size()));
    for (const PositionInterval& position : positions) {
        meaning.push_back(position.rank);
        meaning.push_back(position.first);
    }
}

}  // namespace biplane
