// Puts pairs of a subject and a peer where the datapath looks for them.
#pragma once
#include <optional>
#include <vector>

#include "layout/policy.hpp"

namespace biplane {

// Buckets with all of `pairs`, as few as will do: a power of two. Nothing: they do not fit into policy_buckets_max. Keys are unique.
std::optional<std::vector<PolicyBucket>> place_pairs(const std::vector<PolicyPair>& pairs, const uint32_t (&secret)[10]);

}  // namespace biplane
