// Lists of numbers as keys of unordered maps. Not for what an adversary may choose freely.
#pragma once
#include <cstdint>
#include <vector>

namespace biplane {

constexpr uint64_t hash_seed = 0x243f6a8885a308d3u;
constexpr uint64_t add_to_hash(uint64_t hash, uint64_t number) {
    hash = (hash ^ number) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

struct HashNumbers {
    size_t operator()(const std::vector<uint32_t>& numbers) const {
        uint64_t hash = hash_seed;
        for (const uint32_t number : numbers) hash = add_to_hash(hash, number);
        return hash;
    }
};

}  // namespace biplane
