#include "views/table_names.hpp"

#include <algorithm>

namespace biplane {

TableNames::TableNames(const Numbering& numbering) {
    for (const auto& [name, number] : numbering.ports) ports_[number] = name;
    for (const auto& [name, number] : numbering.zones) zones_[number] = name;
    for (const auto& [name, number] : numbering.next_hops) next_hops_[number] = name;
    for (const auto& [name, number] : numbering.rules) rules_[number] = name;
}

std::string TableNames::port_name(uint16_t number) const {
    const std::string name = port(number);
    return name.substr(name.find('/') + 1);
}

std::vector<std::pair<uint16_t, std::string>> TableNames::rules() const {
    std::vector<std::pair<uint16_t, std::string>> rules(rules_.begin(), rules_.end());
    std::sort(rules.begin(), rules.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    return rules;
}

std::vector<std::string> TableNames::networks() const {
    std::vector<std::string> networks;
    for (const auto& [number, name] : zones_) networks.push_back(name);
    std::sort(networks.begin(), networks.end());
    return networks;
}

std::string TableNames::find(const Names& names, uint16_t number) {
    const auto found = names.find(number);
    return found == names.end() ? "#" + std::to_string(number) : found->second;
}

}  // namespace biplane
