// Protocols, ports and types of ICMP in words.
#pragma once
#include <cstdint>
#include <string>

#include "control/documents/policies.hpp"

namespace biplane {

// "TCP", "ICMPv6", "protocol 47".
std::string protocol_text(uint8_t protocol);

// IANA's name of a type of ICMP or ICMPv6 in small letters, "echo request"; empty if it has none here.
std::string icmp_type_name(uint8_t protocol, uint8_t type);

// What a port of a policy says: "TCP 80", "UDP 6000 to 6100", "all of SCTP", "ICMP echo request (type 8)",
// "ICMP destination unreachable (type 3, code 4)".
std::string range_text(uint8_t protocol, PortRange range);

}  // namespace biplane
