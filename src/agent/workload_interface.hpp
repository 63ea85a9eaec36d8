// The container's end of a workload's veth pair: addresses, routes, MTU.
//
//     10.0.0.10/32                     169.254.1.1 dev eth0 scope link       fe80::1 dev eth0
//     fd00:a::10/128 nodad             default via 169.254.1.1               default via fe80::1
#pragma once
#include <cstdint>

#include "base/result.hpp"
#include "control/documents/desired_state.hpp"
#include "host/links.hpp"

namespace biplane {

// In the workload's network namespace (that of the calling thread), of the interface at the other end of `host_end`. What is right
// already stays as it is; addresses on the interface that the workload does not have are removed. Offloads are touched only with hook
// xdp, or to be restored after it.
Status configure_workload_interface(const Workload& workload, const Link& host_end, uint32_t mtu, bool restores_offloads);

}  // namespace biplane
