#include "cli/names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/in_quotes.hpp"
#include "cli/command.hpp"
#include "control/documents/names.hpp"

namespace biplane {

Result<const Workload*> find_workload(const DesiredState& desired, const std::string& text) {
    const auto key = parse_workload_key(text);
    if (!key) return failure(fmt::format("{} is no workload's name: expected [NAMESPACE/]NAME", in_quotes(text)), usage_error);
    const auto found = desired.workloads.find(*key);
    if (found != desired.workloads.end()) return &found->second;
    const std::string name = key->substr(key->find('/') + 1);
    std::vector<std::string> others;
    for (const auto& [other, workload] : desired.workloads)
        if (workload.name == name) others.push_back(other);
    const std::string hint = others.empty() ? "" : fmt::format("; there is {}", fmt::join(others, " and "));
    return failure(fmt::format("there is no workload {}{}", in_quotes(*key), hint));
}

Status check_network(const TableNames& names, const std::string& network) {
    const std::vector<std::string> known = names.networks();
    if (network.empty() || std::find(known.begin(), known.end(), network) != known.end()) return {};
    const std::string there_are = known.empty() ? "there are none" : fmt::format("there is {}", fmt::join(known, " and "));
    return failure(fmt::format("there is no network {} on this node; {}", in_quotes(network), there_are));
}

}  // namespace biplane
