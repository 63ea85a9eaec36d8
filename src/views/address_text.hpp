// Addresses as text, many times faster than to_string() of base/addresses.hpp and byte for byte the same: for lists of flows.
#pragma once
#include "layout/address.hpp"

namespace biplane {

constexpr unsigned address_size_max = 45;  // an IPv6 address with an IPv4 address in it, as inet_ntop(3) counts

// Returns the end of the text; it is not terminated.
char* put_address(char* at, const Address& address);

}  // namespace biplane
