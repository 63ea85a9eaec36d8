#include "control/documents/document_addresses.hpp"

#include <fmt/format.h>

#include <vector>

#include "base/in_quotes.hpp"

namespace biplane {
namespace {

struct ReservedRange {
    const char* prefix;
    const char* name;
};

// RFC 6890, section 2.2.
constexpr ReservedRange reserved_ranges[] = {
    {"0.0.0.0/8", "unspecified"}, {"127.0.0.0/8", "loopback"}, {"169.254.0.0/16", "link-local"},
    {"224.0.0.0/4", "multicast"}, {"240.0.0.0/4", "reserved"}, {"::/128", "unspecified"},
    {"::1/128", "loopback"},      {"fe80::/10", "link-local"}, {"ff00::/8", "multicast"},
};

struct KnownRange {
    Prefix prefix;
    const char* name;
};

const std::vector<KnownRange>& known_ranges() {
    static const std::vector<KnownRange> ranges = [] {
        std::vector<KnownRange> parsed;
        for (const auto& range : reserved_ranges) parsed.push_back({parse_prefix(range.prefix).value(), range.name});
        return parsed;
    }();
    return ranges;
}

Result<Prefix> parse_without_host_bits(std::string_view text) {
    auto prefix = parse_prefix(text);
    if (!prefix) return prefix;
    const Prefix corrected{network_of(*prefix), prefix->length};
    if (!(corrected == *prefix))
        return failure(fmt::format("found {} with host bits set, expected {}", in_quotes(text), to_string(corrected)));
    return prefix;
}

tl::unexpected<Error> refused(std::string_view text, const char* relation, const KnownRange& range, const char* expected) {
    return failure(fmt::format("found {}, which {} {} ({}), expected {}", in_quotes(text), relation, to_string(range.prefix),
                               range.name, expected));
}

// Its last address: every host bit set.
Address broadcast_of(const Prefix& subnet) {
    const uint32_t host_bits = static_cast<uint32_t>((uint64_t{1} << (address_bits - subnet.length)) - 1);
    return address_from_ipv4(be32::from_host(ipv4_of(network_of(subnet)).to_host() | host_bits));
}

bool has_broadcast(const Prefix& subnet) { return is_ipv4(subnet.address) && subnet.length < address_bits - 1; }

}  // namespace

Result<Address> parse_unicast_address(std::string_view text) {
    const auto address = parse_address(text);
    if (!address) return address;
    for (const auto& range : known_ranges())
        if (contains(range.prefix, *address)) return refused(text, "lies in", range, "a unicast address");
    return address;
}

Result<Prefix> parse_subnet(std::string_view text) {
    const auto prefix = parse_without_host_bits(text);
    if (!prefix) return prefix;
    for (const auto& range : known_ranges())
        if (overlap(range.prefix, *prefix)) return refused(text, "overlaps", range, "a subnet of unicast addresses");
    return prefix;
}

Result<Prefix> parse_destination(std::string_view text) {
    const auto prefix = parse_without_host_bits(text);
    if (!prefix) return prefix;
    for (const auto& range : known_ranges())
        if (prefix->length >= range.prefix.length && contains(range.prefix, prefix->address))
            return refused(text, "lies in", range, "unicast destinations");
    return prefix;
}

Result<Prefix> parse_block(std::string_view text) {
    const auto prefix = parse_prefix(text);
    if (!prefix) return prefix;
    if (text.find('/') == text.npos)
        return failure(fmt::format("found {}, expected a prefix with its length, like {}/{}", in_quotes(text),
                                   to_string(prefix->address), is_ipv4(prefix->address) ? 32 : 128));
    return Prefix{network_of(*prefix), prefix->length};
}

Result<MacAddress> parse_unicast_mac(std::string_view text) {
    const auto mac = parse_mac(text);
    if (!mac) return mac;
    if (mac->bytes[0] & 1 || *mac == MacAddress{})
        return failure(
            fmt::format("found {}, expected the MAC address of one interface, not a group and not all zero", in_quotes(text)));
    return mac;
}

bool is_network_address(const Prefix& subnet, const Address& address) {
    return has_broadcast(subnet) && address == network_of(subnet);
}

bool is_broadcast_address(const Prefix& subnet, const Address& address) {
    return has_broadcast(subnet) && address == broadcast_of(subnet);
}

}  // namespace biplane
