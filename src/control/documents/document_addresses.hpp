// Which addresses and prefixes may stand in which place of a document. Each error says what was found and expected.
#pragma once
#include <string_view>

#include "base/addresses.hpp"

namespace biplane {

// A unicast address that may go over a wire: not unspecified, loopback, link-local, multicast or reserved (RFC 6890).
Result<Address> parse_unicast_address(std::string_view text);
// A prefix without host bits, of such addresses alone.
Result<Prefix> parse_subnet(std::string_view text);
// A prefix without host bits; it may cover reserved ranges (0.0.0.0/0), but not lie in one.
Result<Prefix> parse_destination(std::string_view text);
// What a policy may speak of: any prefix, written with its length. As in Kubernetes, host bits may be set; they are cleared.
Result<Prefix> parse_block(std::string_view text);
// Not a group address, not all zero.
Result<MacAddress> parse_unicast_mac(std::string_view text);

// The first or last address of an IPv4 subnet shorter than /31 (RFC 1122 section 3.2.1.3, RFC 3021): no host has it.
bool is_network_address(const Prefix& subnet, const Address& address);
bool is_broadcast_address(const Prefix& subnet, const Address& address);

}  // namespace biplane
