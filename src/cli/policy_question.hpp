// May SRC reach DST by PROTO/PORT? How people ask that, and what it means among the documents.
#pragma once
#include <string>

#include "base/result.hpp"
#include "control/policy/policy_explain.hpp"

namespace biplane {

// What a first packet is: layout/policy.hpp's position, and how it is written.
struct PolicyProbe {
    uint32_t position;
    std::string text;       // "tcp/80", "icmp/8.0", "47"
    std::string type_name;  // "echo request"; empty if it is no ICMP, or has no name
    uint8_t protocol() const { return static_cast<uint8_t>(position >> 16); }
    uint16_t port_or_type_and_code() const { return static_cast<uint16_t>(position); }
};
// "tcp/80", "udp/53", "sctp/1", "icmp" (an echo), "icmp/8.0" or "icmp/8", the same with icmpv6, or a protocol's number with a port
// ("6/80") or, if it has none, alone ("47"). An error is a usage_error.
Result<PolicyProbe> parse_policy_probe(const std::string& text);

struct AskedEnd {
    std::string name;  // NAMESPACE/NAME of a workload, if it was asked for by name or has this address; else empty
    PolicyEnd end;
};
struct PolicyQuestion {
    AskedEnd source, destination;
    PolicyProbe probe;
};
// SRC and DST are each a workload ([NAMESPACE/]NAME) or an address. The network is that of the workloads, else `network`, else the only
// one there is. Of a workload the first address is taken whose family the other end has, too (and ICMP needs IPv4, ICMPv6 IPv6).
Result<PolicyQuestion> read_policy_question(const DesiredState& desired, const std::string& source, const std::string& destination,
                                            const std::string& probe, const std::string& network);

}  // namespace biplane
