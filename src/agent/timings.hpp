// How long the parts of a change took, for whoever wants to know where the time went.
#pragma once
#include <chrono>
#include <utility>

namespace biplane {

// Milliseconds.
struct Timings {
    double parse = 0;    // from the text to documents
    double check = 0;    // from documents to the wanted state, and whether this node can do it
    double store = 0;    // until it is on disk
    double host = 0;     // all else: links, programs, ways to other nodes
    double plan = 0;     // from the wanted state to tables
    double publish = 0;  // until they are in force
};

// Says how long it is since it was made, and since it was asked for a lap last.
class Stopwatch {
   public:
    double lap_ms() {
        const auto now = Clock::now();
        return ms_between(std::exchange(lap_began_, now), now);
    }
    double ms() const { return ms_between(began_, Clock::now()); }

   private:
    using Clock = std::chrono::steady_clock;
    static double ms_between(Clock::time_point from, Clock::time_point to) {
        return std::chrono::duration<double, std::milli>(to - from).count();
    }
    Clock::time_point began_ = Clock::now();
    Clock::time_point lap_began_ = began_;
};

}  // namespace biplane
