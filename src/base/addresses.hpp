// Reading and printing of addresses, prefixes and MAC addresses, in the forms of RFC 4291, RFC 5952 and RFC 4632.
#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "layout/address.hpp"

namespace biplane {

// An address and how many of its leading bits count. `length` is in 128-bit space: IPv4 /n is 96 + n.
struct Prefix {
    Address address;  // as written: host bits are kept (see network_of)
    uint8_t length;

    friend bool operator==(const Prefix&, const Prefix&) = default;
};

// "10.0.0.1" or "fd00:a::1". IPv4-mapped IPv6 ("::ffff:10.0.0.1") is refused: it would be taken for IPv4.
Result<Address> parse_address(std::string_view text);
// "10.0.0.0/24" or "fd00::/64"; without a length the whole address counts.
Result<Prefix> parse_prefix(std::string_view text);
Result<MacAddress> parse_mac(std::string_view text);

std::string to_string(const Address& address);  // IPv4 dotted, IPv6 by RFC 5952
std::string to_string(const Prefix& prefix);    // length as the family writes it
std::string to_string(const MacAddress& mac);

Address network_of(const Prefix& prefix);  // host bits cleared
bool contains(const Prefix& prefix, const Address& address);
bool overlap(const Prefix& a, const Prefix& b);
bool same_family(const Address& a, const Address& b);

// An order for maps and stable output: by the bytes in network order.
std::strong_ordering compare(const Address& a, const Address& b);
struct AddressLess {
    bool operator()(const Address& a, const Address& b) const { return compare(a, b) < 0; }
};

}  // namespace biplane
