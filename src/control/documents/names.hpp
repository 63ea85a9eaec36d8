// What may be called what. Each function gives back the text it accepts; its error says what was found and expected.
#pragma once
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace biplane {

// A DNS label (RFC 1123, section 2.1): 1 to 63 of a-z, 0-9 and '-', the first and last no '-'.
Result<std::string> parse_name(std::string_view text);

// A DNS name (RFC 1123): DNS labels with dots between them, at most 253 characters. What Kubernetes calls most of its objects.
Result<std::string> parse_dns_name(std::string_view text);

// A port's name (RFC 6335, section 5.1, in small letters): 1 to 15 of a-z, 0-9 and '-', at least one letter; '-' neither first nor
// last nor beside another.
Result<std::string> parse_port_name(std::string_view text);

// NAMESPACE/NAME of a workload; "default" is the namespace of a bare name.
Result<std::string> parse_workload_key(std::string_view text);

// What Linux takes as the name of an interface: 1 to 15 bytes, no '/', ':' or white space, neither "." nor "..". Only printable
// ASCII is accepted here.
Result<std::string> parse_interface_name(std::string_view text);

// A network namespace: a name as `ip netns` knows it, an absolute path, or a process id.
Result<std::string> parse_netns(std::string_view text);

// Labels in Kubernetes' syntax: [PREFIX/]NAME, NAME and value up to 63 of A-Z, a-z, 0-9, '-', '_' and '.', the first and last
// alphanumeric; PREFIX a DNS name; the value may be empty.
Result<std::string> parse_label_key(std::string_view text);
Result<std::string> parse_label_value(std::string_view text);

}  // namespace biplane
