#include "control/documents/desired_state.hpp"

#include <fmt/format.h>

#include <string_view>

namespace biplane {
namespace {

// FNV-1a, 64 bit (draft-eastlake-fnv): stable for ever, which std::hash is not.
uint64_t stable_hash(std::string_view text) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    return hash;
}

}  // namespace

MacAddress mac_of(const Workload& workload) {
    if (workload.mac) return *workload.mac;
    const uint64_t hash = stable_hash(workload.network + "/" + workload.key());
    MacAddress mac{{0x02}};  // unicast, locally administered
    for (int i = 1; i < 6; ++i) mac.bytes[i] = static_cast<uint8_t>(hash >> 8 * i);
    return mac;
}

std::string host_interface_of(const std::string& workload_key) {
    const uint64_t hash = stable_hash(workload_key);
    return fmt::format("bp-{:08x}", static_cast<uint32_t>(hash ^ hash >> 32));
}

}  // namespace biplane
