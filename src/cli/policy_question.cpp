#include "cli/policy_question.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/in_quotes.hpp"
#include "cli/command.hpp"
#include "cli/names.hpp"
#include "control/documents/names.hpp"
#include "control/policy/port_words.hpp"
#include "datapath/wire/headers.hpp"
#include "layout/policy.hpp"
#include "views/flow_view.hpp"

namespace biplane {
namespace {

constexpr char probes_expected[] =
    "expected tcp/PORT, udp/PORT, sctp/PORT, icmp[/TYPE[.CODE]], icmpv6[/TYPE[.CODE]] or a protocol number";

template <typename T>
std::optional<T> number_in(std::string_view text) {
    T number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<uint16_t> type_and_code_in(std::string_view text) {
    const size_t dot = text.find('.');
    const auto type = number_in<uint8_t>(text.substr(0, dot));
    const auto code = dot == std::string_view::npos ? std::optional<uint8_t>(0) : number_in<uint8_t>(text.substr(dot + 1));
    if (!type || !code) return std::nullopt;
    return static_cast<uint16_t>(*type << 8 | *code);
}

bool has_ports(uint8_t number) { return number == protocol::tcp || number == protocol::udp || number == protocol::sctp; }
bool is_icmp(uint8_t number) { return number == protocol::icmp || number == protocol::icmpv6; }
uint16_t echo_of(uint8_t number) {
    return static_cast<uint16_t>((number == protocol::icmp ? icmp_type::echo_request : icmpv6_type::echo_request) << 8);
}

std::string probe_text(uint8_t number, uint16_t port) {
    const std::string name = number == protocol::sctp ? "sctp" : protocol_name(number);
    if (is_icmp(number)) return fmt::format("{}/{}.{}", name, port >> 8, port & 0xff);
    return has_ports(number) ? fmt::format("{}/{}", name, port) : name;
}

// An end as it was asked for: a workload, or an address.
struct Asked {
    const Workload* workload = nullptr;
    std::optional<Address> address;
    std::vector<Address> addresses() const { return workload ? workload->addresses : std::vector<Address>{*address}; }
};

Result<Asked> read_end(const DesiredState& desired, const std::string& text) {
    if (const auto address = parse_address(text)) return Asked{nullptr, *address};
    if (!parse_workload_key(text))
        return failure(fmt::format("{} is neither an address nor a workload's name", in_quotes(text)), usage_error);
    const auto workload = find_workload(desired, text);
    if (!workload) return tl::unexpected(workload.error());
    return Asked{*workload, std::nullopt};
}

Result<std::string> network_of_ends(const DesiredState& desired, const Asked& source, const Asked& destination,
                                    const std::string& network) {
    std::string found = network;
    for (const Asked* end : {&source, &destination}) {
        if (!end->workload) continue;
        if (!found.empty() && end->workload->network != found)
            return failure(fmt::format("workload {} is in network {}, not in {}: nothing leads from one network to another",
                                       end->workload->key(), end->workload->network, found));
        found = end->workload->network;
    }
    if (found.empty() && desired.networks.size() == 1) found = desired.networks.begin()->first;
    if (found.empty()) return failure("give --network: an address alone does not say whose it is", usage_error);
    if (!desired.networks.contains(found)) return failure(fmt::format("there is no network {}", in_quotes(found)));
    return found;
}

AskedEnd end_of(const DesiredState& desired, const std::string& network, const Asked& asked, const Address& address) {
    if (asked.workload) return {asked.workload->key(), {network, address}};
    for (const auto& [key, workload] : desired.workloads) {
        const auto& own = workload.addresses;
        if (workload.network == network && std::find(own.begin(), own.end(), address) != own.end())
            return {key, {network, address}};
    }
    return {"", {network, address}};
}

bool is_carried_by(uint8_t number, const Address& address) {
    return !is_icmp(number) || (number == protocol::icmp) == is_ipv4(address);
}

}  // namespace

Result<PolicyProbe> parse_policy_probe(const std::string& text) {
    const auto refused = [&] { return failure(fmt::format("{}: {}", in_quotes(text), probes_expected), usage_error); };
    const size_t slash = text.find('/');
    const std::string name = text.substr(0, slash);
    const auto known = name == "sctp" ? Result<uint8_t>(protocol::sctp) : parse_protocol(name);
    if (!known) return refused();
    const uint8_t number = *known;
    std::optional<uint16_t> port;
    if (slash != std::string::npos) {
        const std::string_view rest = std::string_view(text).substr(slash + 1);
        port = is_icmp(number) ? type_and_code_in(rest) : number_in<uint16_t>(rest);
        if (!port || (!is_icmp(number) && !has_ports(number))) return refused();
    }
    if (!port && has_ports(number)) return refused();
    const uint16_t value = port.value_or(is_icmp(number) ? echo_of(number) : uint16_t{0});
    const std::string type = is_icmp(number) ? icmp_type_name(number, static_cast<uint8_t>(value >> 8)) : "";
    return PolicyProbe{policy_position(number, value), probe_text(number, value), type};
}

Result<PolicyQuestion> read_policy_question(const DesiredState& desired, const std::string& source, const std::string& destination,
                                            const std::string& probe_text, const std::string& network_wanted) {
    const auto probe = parse_policy_probe(probe_text);
    if (!probe) return tl::unexpected(probe.error());
    const auto from = read_end(desired, source), to = read_end(desired, destination);
    if (!from) return tl::unexpected(from.error());
    if (!to) return tl::unexpected(to.error());
    const auto network = network_of_ends(desired, *from, *to, network_wanted);
    if (!network) return tl::unexpected(network.error());
    for (const Address& first : from->addresses())
        for (const Address& second : to->addresses())
            if (same_family(first, second) && is_carried_by(probe->protocol(), first))
                return PolicyQuestion{end_of(desired, *network, *from, first), end_of(desired, *network, *to, second), *probe};
    return failure(fmt::format("{} and {} have no addresses of one family that carries {}", source, destination, probe->text),
                   usage_error);
}

}  // namespace biplane
