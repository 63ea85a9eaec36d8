// The words of documents that are both read and written.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "control/documents/policies.hpp"
#include "datapath/wire/headers.hpp"

namespace biplane {

// In the order of LabelRequirement::Operator.
inline const std::vector<std::string> operator_names = {"In", "NotIn", "Exists", "DoesNotExist"};
// In the order of PolicyAction.
inline const std::vector<std::string> action_names = {"allow", "deny", "pass"};

struct ProtocolWord {
    const char* name;
    uint8_t number;
};
// The first three are those of Kubernetes.
inline constexpr std::array<ProtocolWord, 5> protocol_words = {{{"TCP", protocol::tcp},
                                                                {"UDP", protocol::udp},
                                                                {"SCTP", protocol::sctp},
                                                                {"ICMP", protocol::icmp},
                                                                {"ICMPv6", protocol::icmpv6}}};
inline constexpr size_t kubernetes_protocols = 3;

inline const char* protocol_name(uint8_t number) {
    for (const ProtocolWord& word : protocol_words)
        if (word.number == number) return word.name;
    return "";
}
inline bool is_icmp(uint8_t number) { return number == protocol::icmp || number == protocol::icmpv6; }

struct TimeoutKey {
    const char* key;
    std::optional<uint32_t> NetworkTimeouts::* seconds;
};
inline constexpr std::array<TimeoutKey, 8> timeout_keys = {{{"tcpOpening", &NetworkTimeouts::tcp_opening},
                                                            {"tcpEstablished", &NetworkTimeouts::tcp_established},
                                                            {"tcpClosing", &NetworkTimeouts::tcp_closing},
                                                            {"tcpClosed", &NetworkTimeouts::tcp_closed},
                                                            {"udpSingle", &NetworkTimeouts::udp_single},
                                                            {"udpStream", &NetworkTimeouts::udp_stream},
                                                            {"icmp", &NetworkTimeouts::icmp},
                                                            {"other", &NetworkTimeouts::other}}};

}  // namespace biplane
