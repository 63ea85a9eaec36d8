#include "control/policy/port_words.hpp"

#include <fmt/format.h>

#include "control/documents/document_words.hpp"

namespace biplane {
namespace {

struct TypeName {
    uint8_t type;
    const char* name;
};

// IANA, "Internet Control Message Protocol (ICMP) Parameters".
constexpr TypeName icmp_types[] = {
    {0, "echo reply"},          {3, "destination unreachable"}, {4, "source quench"},        {5, "redirect"},
    {8, "echo request"},        {9, "router advertisement"},    {10, "router solicitation"}, {11, "time exceeded"},
    {12, "parameter problem"},  {13, "timestamp request"},      {14, "timestamp reply"},     {15, "information request"},
    {16, "information reply"},  {17, "address mask request"},   {18, "address mask reply"},  {42, "extended echo request"},
    {43, "extended echo reply"}};
// IANA, "Internet Control Message Protocol version 6 (ICMPv6) Parameters".
constexpr TypeName icmpv6_types[] = {{1, "destination unreachable"},
                                     {2, "packet too big"},
                                     {3, "time exceeded"},
                                     {4, "parameter problem"},
                                     {128, "echo request"},
                                     {129, "echo reply"},
                                     {130, "multicast listener query"},
                                     {131, "multicast listener report"},
                                     {132, "multicast listener done"},
                                     {133, "router solicitation"},
                                     {134, "router advertisement"},
                                     {135, "neighbour solicitation"},
                                     {136, "neighbour advertisement"},
                                     {137, "redirect"},
                                     {143, "multicast listener report"},
                                     {160, "extended echo request"},
                                     {161, "extended echo reply"}};

template <size_t Count>
std::string name_in(const TypeName (&names)[Count], uint8_t type) {
    for (const TypeName& named : names)
        if (named.type == type) return named.name;
    return "";
}

std::string icmp_range_text(uint8_t protocol, PortRange range) {
    const auto type = static_cast<uint8_t>(range.first >> 8);
    const bool is_one_type = type == range.last >> 8;
    if (!is_one_type) return fmt::format("{} types {} to {}", protocol_text(protocol), type, range.last >> 8);
    const bool has_every_code = (range.first & 0xff) == 0 && (range.last & 0xff) == 0xff;
    const std::string name = icmp_type_name(protocol, type);
    const std::string numbers =
        has_every_code ? fmt::format("type {}", type) : fmt::format("type {}, code {}", type, range.first & 0xff);
    return name.empty() ? fmt::format("{} {}", protocol_text(protocol), numbers)
                        : fmt::format("{} {} ({})", protocol_text(protocol), name, numbers);
}

}  // namespace

std::string protocol_text(uint8_t protocol) {
    const std::string name = protocol_name(protocol);
    return name.empty() ? fmt::format("protocol {}", protocol) : name;
}

std::string icmp_type_name(uint8_t number, uint8_t type) {
    if (number == protocol::icmp) return name_in(icmp_types, type);
    return number == protocol::icmpv6 ? name_in(icmpv6_types, type) : "";
}

std::string range_text(uint8_t protocol, PortRange range) {
    if (range == PortRange{0, 65535}) return "all of " + protocol_text(protocol);
    if (is_icmp(protocol)) return icmp_range_text(protocol, range);
    if (range.first == range.last) return fmt::format("{} {}", protocol_text(protocol), range.first);
    return fmt::format("{} {} to {}", protocol_text(protocol), range.first, range.last);
}

}  // namespace biplane
