#include "control/policy/policy_pairs.hpp"

#include <bit>
#include <utility>

#include "datapath/hash.hpp"

namespace biplane {
namespace {

constexpr uint32_t moves_max = 500;  // of one pair that finds both its buckets full

PolicyPair* free_way(PolicyBucket& bucket) {
    for (PolicyPair& pair : bucket.pairs)
        if (pair.key == 0) return &pair;
    return nullptr;
}

// Cuckoo: who finds both buckets full takes a way in one of them, and its owner moves to its other bucket.
bool place(PolicyPair pair, std::vector<PolicyBucket>& buckets, const uint32_t (&secret)[10]) {
    const auto mask = static_cast<uint32_t>(buckets.size() - 1);
    uint32_t left = mask + 1;  // the bucket that `pair` was driven from: none yet
    for (uint32_t move = 0; move < moves_max; ++move) {
        const BucketPlace home = place_policy_pair(pair.key, secret, mask);
        for (const uint32_t bucket : {home.first_bucket, home.second_bucket})
            if (PolicyPair* way = free_way(buckets[bucket])) {
                *way = pair;
                return true;
            }
        const uint32_t crowded = home.first_bucket == left ? home.second_bucket : home.first_bucket;
        std::swap(pair, buckets[crowded].pairs[move % policy_bucket_pairs]);
        left = crowded;
    }
    return false;
}

bool place_all(const std::vector<PolicyPair>& pairs, std::vector<PolicyBucket>& buckets, const uint32_t (&secret)[10]) {
    for (const PolicyPair& pair : pairs)
        if (!place(pair, buckets, secret)) return false;
    return true;
}

}  // namespace

std::optional<std::vector<PolicyBucket>> place_pairs(const std::vector<PolicyPair>& pairs, const uint32_t (&secret)[10]) {
    const size_t least = (pairs.size() + policy_bucket_pairs - 1) / policy_bucket_pairs;
    for (size_t count = std::bit_ceil(least); count <= policy_buckets_max; count *= 2) {
        std::vector<PolicyBucket> buckets(count);
        if (place_all(pairs, buckets, secret)) return buckets;
    }
    return std::nullopt;
}

}  // namespace biplane
