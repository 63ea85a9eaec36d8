#include "agent/incidents.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <ctime>

namespace biplane {

void Incidents::add(std::string text) {
    spdlog::warn("{}", text);
    incidents_.push_back(
        {std::chrono::steady_clock::now(), fmt::format("{:%H:%M:%S}Z: {}", fmt::gmtime(std::time(nullptr)), text)});
    if (incidents_.size() > kept_max) incidents_.pop_front();
}

std::vector<std::string> Incidents::recent() const {
    std::vector<std::string> texts;
    const auto now = std::chrono::steady_clock::now();
    for (const Incident& incident : incidents_)
        if (now - incident.when < shown_for) texts.push_back(incident.text);
    return texts;
}

}  // namespace biplane
