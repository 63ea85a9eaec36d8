// Plays a case on an engine, and says what was not as wanted.
#pragma once
#include <string>
#include <vector>

#include "cases/case.hpp"
#include "engines/engine.hpp"

namespace biplane::engines {

struct Played {
    bool was_possible = true;  // false: the engine cannot take one of the frames
    std::string why_impossible = {};
    std::vector<std::string> complaints;  // empty: all as wanted
};

Played play(const cases::Case& c, Engine& engine);

}  // namespace biplane::engines
