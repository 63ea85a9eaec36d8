#include "engines/policy_suite.hpp"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "packets/packet.hpp"

namespace biplane::engines {

namespace {

using nlohmann::json;

uint8_t protocol_of(const std::string& name) {
    if (name == "TCP") return packets::protocol::tcp;
    if (name == "UDP") return packets::protocol::udp;
    if (name == "SCTP") return packets::protocol::sctp;
    return name == "ICMP" ? packets::protocol::icmp : packets::protocol::icmpv6;
}

// The letters of suite.py.
DropReason verdict_of(char letter) {
    switch (letter) {
        case 'e':
            return DropReason::policy_egress_denied;
        case 'i':
            return DropReason::policy_ingress_denied;
        case 'r':
            return DropReason::policy_rule_denied;
        default:
            return DropReason::none;
    }
}

std::vector<Service> services_of(const json& written) {
    std::vector<Service> services;
    for (const json& one : written) services.push_back({protocol_of(one[0]), one[1]});
    return services;
}

Truth truth_of(const json& line, const json& services) {
    Truth truth{line[0], line[1], line[2], line[3], line[4], {}, {}};
    const bool is_ipv6 = truth.source_address.find(':') != std::string::npos;
    truth.services = services_of(services[is_ipv6 ? "ipv6" : "ipv4"]);
    for (const char letter : line[5].get<std::string>()) truth.verdicts.push_back(verdict_of(letter));
    return truth;
}

}  // namespace

Result<std::vector<PolicyStep>> load_policy_suite(const std::string& path) {
    std::ifstream file(path);
    const json suite = json::parse(file, nullptr, false);
    if (suite.is_discarded()) return failure("cannot read the policy suite from " + path);
    std::vector<PolicyStep> steps;
    for (const json& written : suite["steps"]) {
        PolicyStep& step = steps.emplace_back();
        step.shows = written["shows"];
        const auto documents = parse_documents(written["documents"].get<std::string>(), step.shows);
        if (!documents) return tl::unexpected(documents.error());
        auto desired = put_documents({}, *documents);
        if (!desired) return desired.error().within(step.shows);
        step.desired = std::move(*desired);
        for (const json& line : written["truth"]) step.truth.push_back(truth_of(line, suite["services"]));
    }
    return steps;
}

}  // namespace biplane::engines
