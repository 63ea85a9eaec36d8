#include "control/documents/policies.hpp"

#include <algorithm>

namespace biplane {
namespace {

bool holds(const LabelRequirement& requirement, const Labels& labels) {
    const auto label = labels.find(requirement.key);
    const bool is_there = label != labels.end();
    const auto is_listed = [&] {
        return is_there &&
               std::find(requirement.values.begin(), requirement.values.end(), label->second) != requirement.values.end();
    };
    switch (requirement.is) {
        case LabelRequirement::Operator::in:
            return is_listed();
        case LabelRequirement::Operator::not_in:
            return !is_listed();
        case LabelRequirement::Operator::exists:
            return is_there;
        case LabelRequirement::Operator::does_not_exist:
            return !is_there;
    }
    return false;
}

}  // namespace

bool matches(const LabelSelector& selector, const Labels& labels) {
    for (const auto& [key, value] : selector.match_labels) {
        const auto label = labels.find(key);
        if (label == labels.end() || label->second != value) return false;
    }
    return std::all_of(selector.match_expressions.begin(), selector.match_expressions.end(),
                       [&](const LabelRequirement& requirement) { return holds(requirement, labels); });
}

}  // namespace biplane
