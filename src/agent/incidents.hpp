// What happened to the node and was mended at once: status tells of it for a while, so that an operator who comes later still sees it.
#pragma once
#include <chrono>
#include <deque>
#include <string>
#include <vector>

namespace biplane {

class Incidents {
   public:
    static constexpr auto shown_for = std::chrono::minutes(10);
    static constexpr size_t kept_max = 20;  // the latest ones

    void add(std::string text);
    // With the time in front, the oldest first.
    std::vector<std::string> recent() const;

   private:
    struct Incident {
        std::chrono::steady_clock::time_point when;
        std::string text;
    };
    std::deque<Incident> incidents_;
};

}  // namespace biplane
