// The same packets through several engines with equal tables: fate, bytes, counters and flows must not differ.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engines/engine.hpp"
#include "fuzz/packet_source.hpp"
#include "fuzz/state_digest.hpp"

namespace biplane::fuzz {

struct Plan {
    uint64_t seed;
    uint64_t packets;
    uint32_t compare_tables_every = 1000;     // packets
    bool all_networks_in_the_kernel = false;  // so that no plane hands over, and the two roles can be compared
};

// Reads the seed (BIPLANE_FUZZ_SEED; else from the clock), the number of packets (BIPLANE_FUZZ_PACKETS) and how often tables
// are compared (BIPLANE_FUZZ_COMPARE_EVERY) from the environment, and prints them.
Plan plan_from_environment(uint64_t packets);

class Differential {
   public:
    Differential(std::vector<std::unique_ptr<engines::Engine>> engines, const Plan& plan);
    // Empty if all engines agreed to the end; else the first disagreement, with what it takes to see it again.
    std::string run();
    std::string statistics() const;

   private:
    struct Contestant {
        std::unique_ptr<engines::Engine> engine;
        engines::Observation seen;
        CounterSums counters;
    };

    std::string run_packet(const Arrival& arrival);
    std::string compare_with_first(const Contestant& other, const Arrival& arrival) const;
    std::string compare_tables() const;
    std::string check_untouched(const Arrival& arrival) const;
    std::string check_law() const;
    void change_the_world();
    void prepare(engines::Engine& engine) const;

    std::vector<Contestant> contestants_;
    Plan plan_;
    PacketSource source_;
    uint64_t number_ = 0, refused_ = 0, passed_ = 0, sent_ = 0;
};

}  // namespace biplane::fuzz
