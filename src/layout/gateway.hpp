// What workloads use as first hop: the router itself, the same everywhere (Config::gateway_ipv4, gateway_ipv6).
#pragma once
#include "layout/address.hpp"

namespace biplane {

constexpr Address default_gateway_ipv4 = address_from_ipv4(be32::from_host(0xa9fe0101));                // 169.254.1.1
constexpr Address default_gateway_ipv6{{__builtin_bswap64(0xfe80000000000000), __builtin_bswap64(1)}};  // fe80::1

}  // namespace biplane
