// Packets without end: those of the specification, packets with random fields from a small world, and both of them damaged.
// The same seed gives the same packets.
#pragma once
#include <cstdint>
#include <vector>

#include "packets/packet.hpp"

namespace biplane::fuzz {

using packets::Bytes;

// SplitMix64: any seed is a good one.
class Random {
   public:
    explicit Random(uint64_t seed) : state_(seed) {}
    uint64_t next();
    uint32_t below(uint32_t limit) { return static_cast<uint32_t>((next() >> 32) * limit >> 32); }
    bool one_in(uint32_t n) { return below(n) == 0; }
    template <typename T>
    const T& pick(const std::vector<T>& from) {
        return from[below(static_cast<uint32_t>(from.size()))];
    }

   private:
    uint64_t state_;
};

struct Arrival {
    uint16_t port;  // of the world
    Bytes frame;
};

class PacketSource {
   public:
    explicit PacketSource(uint64_t seed);
    const Arrival& next();  // valid until the next call
    Random& random() { return random_; }

   private:
    void conversation();          // a packet of a few workloads and ports, so that flows meet
    void damage();                // of the current frame
    void change_network_field();  // and mends the IPv4 checksum, to get past it
    void mend_ipv4_checksum(size_t network_offset);

    Random random_;
    std::vector<Arrival> specification_;
    Arrival current_;
};

}  // namespace biplane::fuzz
