#include "planes/publish.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "datapath/atomics.hpp"

namespace biplane {
namespace {

// Every kernel program that began before the call has ended after it: MEMBARRIER_CMD_GLOBAL is an RCU grace period.
Status wait_for_kernel_programs() {
    if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0)
        return failed_call("wait for a grace period (membarrier)", errno);
    return {};
}

// The user plane reads only the bank of the epoch it saw at the start of its lap. A dead one reads nothing.
Status wait_for_user_plane(const SharedTables& tables, uint32_t epoch) {
    const UserPlaneStatus& user = *tables.user_plane();
    constexpr auto patience = std::chrono::seconds(2);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
        const uint32_t heartbeat = load(user.heartbeat);
        const bool is_dead = heartbeat == 0 || current_tick() - heartbeat > ticks_from_ms(1000);
        if (is_dead || load(user.epoch_seen) == epoch || load(user.sleeping) == 1) return {};
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return failure("the user plane did not finish its lap within 2 s");
}

template <typename T, typename EntryOf>
void write_bank(const std::vector<T>& image, const EntryOf& entry_of) {
    for (uint32_t i = 0; i < image.size(); ++i) {
        T* entry = entry_of(i);
        if (entry && std::memcmp(entry, &image[i], sizeof(T)) != 0) std::memcpy(entry, &image[i], sizeof(T));
    }
}

}  // namespace

Result<uint32_t> publish(SharedTables& tables, const TableImage& image) {
    if (image.ports.size() > ports_max || image.routes.size() > tables.sizes().route_buckets)
        return failure("the planned tables are larger than the shared ones");
    const uint32_t current = load(tables.config()->epoch);
    // What still reads the other bank began before `current` was published.
    if (auto status = wait_for_user_plane(tables, current); !status) return tl::unexpected(status.error());
    if (auto status = wait_for_kernel_programs(); !status) return tl::unexpected(status.error());

    const uint32_t next = current + 1;
    write_bank(image.ports, [&](uint32_t i) { return tables.port(next, i); });
    write_bank(image.port_index, [&](uint32_t i) { return tables.port_index(next, i); });
    write_bank(image.zones, [&](uint32_t i) { return tables.zone(next, i); });
    write_bank(image.vni_index, [&](uint32_t i) { return tables.vni_index(next, i); });
    write_bank(image.nodes, [&](uint32_t i) { return tables.node(next, i); });
    write_bank(image.routes, [&](uint32_t i) { return tables.route_bucket(next, i); });
    write_bank(image.next_hops, [&](uint32_t i) { return tables.next_hop(next, i); });
    write_bank(image.address_classes, [&](uint32_t i) { return tables.address_class(next, i); });
    write_bank(image.policy_subjects, [&](uint32_t i) { return tables.policy_subject(next, i); });
    write_bank(image.policy_buckets, [&](uint32_t i) { return tables.policy_bucket(next, i); });
    write_bank(image.policy_ranges, [&](uint32_t i) { return tables.policy_range(next, i); });
    write_bank(image.flow_limits, [&](uint32_t i) { return tables.flow_limit(next, i); });
    publish_value(tables.config()->epoch, next);
    return next;
}

}  // namespace biplane
