// All prefixes that routes or the address blocks of policies name in one network, and what holds for the addresses that lie in one and
// in no longer one.
#pragma once
#include <cstdint>
#include <vector>

#include "control/numbering/planned_route.hpp"

namespace biplane {

struct NumberedBlock {
    uint32_t number;
    const AddressBlock* block;
};

struct NamedPrefix {
    static constexpr uint32_t none = 0xffffffff;

    Prefix prefix;
    uint32_t parent = none;  // the longest other one that it lies in
    uint32_t route = none;   // the longest route that it lies in, itself included
    uint32_t blocks = 0;     // index of NamedPrefixes::block_sets
    bool is_route = false;
    bool is_own_address = false;
};

struct NamedPrefixes {
    std::vector<NamedPrefix> prefixes;              // a parent stands before its children
    std::vector<std::vector<uint32_t>> block_sets;  // numbers, rising; [0] is empty
    bool is_whole = true;
};

// Stops half-way once the sets would hold more than `block_numbers_max` numbers together.
NamedPrefixes name_prefixes(const std::vector<PlannedRoute>& routes, const std::vector<NumberedBlock>& blocks,
                            const std::vector<Address>& own_addresses, size_t block_numbers_max);

}  // namespace biplane
