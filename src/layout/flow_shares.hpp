// Who may have how many flows. A pair counts to two owners: the port that its first packet came in through, and its zone.
//
//   owner number   0           the node: its FlowShare::own counts what all zones have borrowed
//                  1 .. 4095   zone
//                  4096 ..     zones_max + port
//
//   of all flows   | guaranteed to zone 1 | ... to zone n |  the pool: whoever needs more borrows from it    |  kept free  |
//
// A zone fills its guaranteed share first and then borrows, so a flood ends at the pool: what is guaranteed to others is never
// given away. The limits are planned (banked, written by the agent), the counters are state of both planes.
#pragma once
#include "layout/tables.hpp"

namespace biplane {

constexpr uint32_t flow_owners_max = 8192;  // power of two
constexpr uint32_t flow_owner_node = 0;
constexpr uint32_t flow_owner_of_zone(uint16_t zone) { return zone; }
constexpr uint32_t flow_owner_of_port(uint16_t port) { return zones_max + port; }
static_assert(zones_max + ports_max <= flow_owners_max);

// New flows are limited by a clock that each of them sets ahead by token_cost; it may be ahead of the time by token_burst.
constexpr uint32_t flow_token_shift = 32;  // of a tick: its unit is 2^-12 ns
constexpr uint64_t flow_tokens_per_second = uint64_t{1'000'000'000} << (flow_token_shift - tick_shift);

struct FlowLimit {
    int32_t own;           // flows: a port's quota, a zone's guaranteed share, the node's pool. 0: no limit
    int32_t borrowed;      // zones: flows beyond those, taken from the pool
    uint64_t token_cost;   // flow_tokens_per_second / new flows per second; 0: no limit
    uint64_t token_burst;  // of (burst - 1) new flows
    uint64_t reserved;
};
static_assert(sizeof(FlowLimit) == 32);

struct alignas(64) FlowShare {
    int32_t own;          // pairs in the table; the node's: all that is borrowed
    int32_t borrowed;     // zones: the pairs beyond `own`
    uint64_t next_token;  // the clock of new flows
    uint32_t tidied_at;   // node: tick up to which the table has been tidied. Others: when they last did so in vain
    uint32_t hand;        // node: the next bucket to be tidied
    uint32_t pad[10];
};
static_assert(sizeof(FlowShare) == 64);

}  // namespace biplane
