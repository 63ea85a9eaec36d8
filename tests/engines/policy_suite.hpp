// The policy suite (tests/policy) as data: written by tests/policy/suite.py when the tests are built.
#pragma once
#include <string>
#include <vector>

#include "base/result.hpp"
#include "control/documents/documents.hpp"
#include "layout/verdict.hpp"

namespace biplane::engines {

struct Service {
    uint8_t protocol;
    uint16_t port;  // ICMP: type << 8 | code
};

// One pair of workloads at their addresses of one family, and what the evaluator says about each service between them.
struct Truth {
    std::string network, source, source_address, destination, destination_address;
    std::vector<Service> services;
    std::vector<DropReason> verdicts;  // none: allowed
};

struct PolicyStep {
    std::string shows;
    DesiredState desired;
    std::vector<Truth> truth;
};

// Parses the documents of each step, as `apply` would.
Result<std::vector<PolicyStep>> load_policy_suite(const std::string& path);

}  // namespace biplane::engines
