#include "control/policy/policy_names.hpp"

#include <fmt/format.h>

#include "control/numbering/hash_numbers.hpp"

namespace biplane {

std::string rule_name(const NetworkPolicy& policy, Direction direction, size_t index) {
    return fmt::format("NetworkPolicy/{}/{}/{}/{}", policy.space, policy.name, name_of(direction), index);
}

std::string rule_name(const BiplanePolicy& policy, Direction direction, size_t index, const BiplaneRule& rule) {
    const std::string name = fmt::format("BiplanePolicy/{}/{}/{}", policy.name, name_of(direction), index);
    return rule.name.empty() ? name : fmt::format("{}({})", name, rule.name);
}

std::string isolation_name(Direction direction, const std::vector<std::string>& policy_keys) {
    constexpr size_t in_full = 4;
    std::string names;
    uint64_t rest = hash_seed;
    for (size_t i = 0; i < policy_keys.size(); ++i) {
        if (i < in_full)
            names += (i == 0 ? "" : ",") + policy_keys[i];
        else
            for (const char letter : policy_keys[i] + ",") rest = add_to_hash(rest, static_cast<unsigned char>(letter));
    }
    if (policy_keys.size() > in_full) names += fmt::format(" and {} more ({:016x})", policy_keys.size() - in_full, rest);
    return fmt::format("isolation/{}/NetworkPolicy/{}", name_of(direction), names);
}

}  // namespace biplane
