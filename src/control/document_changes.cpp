#include <fmt/format.h>
#include <fmt/ranges.h>

#include "control/document_kinds.hpp"

namespace biplane {
namespace {

std::map<std::string, std::string> values_by_path(const DocumentValue& value) {
    std::map<std::string, std::string> values;
    for (const Field& field : fields_of(value)) values[field.section + "." + field.key] = field.value;
    return values;
}

std::string describe_update(const DocumentValue& before, const DocumentValue& after) {
    const auto old_values = values_by_path(before), new_values = values_by_path(after);
    std::vector<std::string> parts;
    for (const auto& [path, value] : old_values) {
        const auto found = new_values.find(path);
        if (found == new_values.end())
            parts.push_back(fmt::format("{}: {} -> (none)", path, value));
        else if (found->second != value)
            parts.push_back(fmt::format("{}: {} -> {}", path, value, found->second));
    }
    for (const auto& [path, value] : new_values)
        if (!old_values.count(path)) parts.push_back(fmt::format("{}: (none) -> {}", path, value));
    return fmt::format("{}", fmt::join(parts, ", "));
}

// Both maps are sorted by name: one walk over the two.
template <typename T>
void add_changes(std::vector<Change>& changes, const char* kind, const std::map<std::string, T>& before,
                 const std::map<std::string, T>& after) {
    auto old_one = before.begin();
    auto new_one = after.begin();
    while (old_one != before.end() || new_one != after.end()) {
        if (new_one == after.end() || (old_one != before.end() && old_one->first < new_one->first)) {
            changes.push_back({Change::Action::remove, kind, (old_one++)->first, ""});
        } else if (old_one == before.end() || new_one->first < old_one->first) {
            changes.push_back({Change::Action::create, kind, (new_one++)->first, ""});
        } else {
            if (!(old_one->second == new_one->second))
                changes.push_back(
                    {Change::Action::update, kind, new_one->first, describe_update(old_one->second, new_one->second)});
            ++old_one, ++new_one;
        }
    }
}

}  // namespace

std::vector<Change> changes_between(const DesiredState& before, const DesiredState& after) {
    std::vector<Change> changes;
    add_changes(changes, "VirtualNetwork", before.networks, after.networks);
    add_changes(changes, "Node", before.nodes, after.nodes);
    add_changes(changes, "Workload", before.workloads, after.workloads);
    add_changes(changes, "Route", before.routes, after.routes);
    return changes;
}

}  // namespace biplane
