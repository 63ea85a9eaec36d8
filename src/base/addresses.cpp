#include "base/addresses.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <optional>

#include "base/in_quotes.hpp"

namespace biplane {
namespace {

// inet_pton wants a terminated string; what is longer than the longest address is none.
bool read_address(int family, std::string_view text, void* bytes) {
    char terminated[INET6_ADDRSTRLEN];
    if (text.empty() || text.size() >= sizeof terminated || text.find('\0') != text.npos) return false;
    std::memcpy(terminated, text.data(), text.size());
    terminated[text.size()] = '\0';
    return inet_pton(family, terminated, bytes) == 1;
}

// A number without sign and without leading zeros.
std::optional<uint8_t> read_length(std::string_view text, unsigned max) {
    if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
    return static_cast<uint8_t>(value);
}

uint8_t offset_of_family(const Address& address) { return is_ipv4(address) ? ipv4_prefix_offset : 0; }

uint64_t high_bits(unsigned count) { return count == 0 ? 0 : count >= 64 ? ~uint64_t{0} : ~uint64_t{0} << (64 - count); }

Address clear_host_bits(const Address& address, uint8_t length) {
    const uint64_t first = __builtin_bswap64(high_bits(length));
    const uint64_t second = __builtin_bswap64(high_bits(length > 64 ? length - 64 : 0));
    return Address{{address.words[0] & first, address.words[1] & second}};
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
    be32 ipv4{};
    if (read_address(AF_INET, text, &ipv4)) return address_from_ipv4(ipv4);
    Address address{};
    if (!read_address(AF_INET6, text, &address))
        return failure(fmt::format("found {}, expected an IPv4 or IPv6 address", in_quotes(text)));
    if (is_ipv4(address))
        return failure(fmt::format("found {}, an IPv4-mapped IPv6 address; write it as {}", in_quotes(text), to_string(address)));
    return address;
}

Result<Prefix> parse_prefix(std::string_view text) {
    const size_t slash = text.find('/');
    const auto address = parse_address(text.substr(0, slash));
    if (!address) {
        if (slash == text.npos) return tl::unexpected(address.error());
        Address mapped{};
        if (read_address(AF_INET6, text.substr(0, slash), &mapped) && is_ipv4(mapped))
            return failure(fmt::format("found {}, an IPv4-mapped IPv6 prefix; write it with the IPv4 address {}", in_quotes(text),
                                       to_string(mapped)));
        return failure(fmt::format("found {}, expected an address and a prefix length, like 10.0.0.0/24", in_quotes(text)));
    }
    if (slash == text.npos) return Prefix{*address, address_bits};
    const uint8_t offset = offset_of_family(*address);
    const auto length = read_length(text.substr(slash + 1), address_bits - offset);
    if (!length)
        return failure(fmt::format("found {}, expected a prefix length from 0 to {}", in_quotes(text), address_bits - offset));
    return Prefix{*address, static_cast<uint8_t>(offset + *length)};
}

Result<MacAddress> parse_mac(std::string_view text) {
    const auto refused = [&] {
        return failure(fmt::format("found {}, expected a MAC address, like 02:00:5e:10:00:01", in_quotes(text)));
    };
    constexpr size_t written_length = 17;  // six times two digits, five colons
    if (text.size() != written_length) return refused();
    MacAddress mac{};
    for (size_t i = 0; i < 6; ++i) {
        const int high = hex_digit(text[3 * i]), low = hex_digit(text[3 * i + 1]);
        if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':')) return refused();
        mac.bytes[i] = static_cast<uint8_t>(high << 4 | low);
    }
    return mac;
}

std::string to_string(const Address& address) {
    char text[INET6_ADDRSTRLEN];
    if (is_ipv4(address)) {
        const be32 ipv4 = ipv4_of(address);
        return inet_ntop(AF_INET, &ipv4, text, sizeof text);
    }
    return inet_ntop(AF_INET6, &address, text, sizeof text);
}

std::string to_string(const Prefix& prefix) {
    return to_string(prefix.address) + "/" + std::to_string(prefix.length - offset_of_family(prefix.address));
}

std::string to_string(const MacAddress& mac) {
    const auto& b = mac.bytes;
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4], b[5]);
}

Address network_of(const Prefix& prefix) { return clear_host_bits(prefix.address, prefix.length); }

bool contains(const Prefix& prefix, const Address& address) {
    return same_family(prefix.address, address) && clear_host_bits(address, prefix.length) == network_of(prefix);
}

bool overlap(const Prefix& a, const Prefix& b) { return a.length <= b.length ? contains(a, b.address) : contains(b, a.address); }

bool same_family(const Address& a, const Address& b) { return is_ipv4(a) == is_ipv4(b); }

std::strong_ordering compare(const Address& a, const Address& b) {
    const auto first = __builtin_bswap64(a.words[0]) <=> __builtin_bswap64(b.words[0]);
    return first != 0 ? first : __builtin_bswap64(a.words[1]) <=> __builtin_bswap64(b.words[1]);
}

}  // namespace biplane
