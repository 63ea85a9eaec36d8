// Workloads that the same policies select in one direction, and that call the same ports by the names which those policies use, are
// one subject.
#pragma once
#include <array>
#include <map>
#include <string>
#include <vector>

#include "control/policy/policy_book.hpp"

namespace biplane {

struct PolicySubject {
    Direction direction;
    std::vector<uint32_t> policies;  // indices of DirectionBook::policies, rising
    const Workload* example;         // one of them
    std::string isolation;           // what a denial by isolation is called; empty: nobody isolates it
};

struct PolicySubjects {
    std::vector<PolicySubject> subjects;                      // [no_subject] stands for nobody
    std::array<std::vector<uint32_t>, 2> of_workload;         // by direction and number of the workload
    std::map<std::string, std::vector<uint32_t>> of_network;  // those there are
    uint32_t of(Direction direction, uint32_t workload) const { return of_workload[static_cast<size_t>(direction)][workload]; }
};

PolicySubjects find_subjects(const WorkloadIndex& workloads, const PolicyBook& book);

// Which ports `workload` means by `names`: equal for workloads for which rules with these names mean the same.
void append_meaning(const std::vector<const PolicyPort*>& names, const Workload& workload, std::vector<uint32_t>& meaning);

}  // namespace biplane
