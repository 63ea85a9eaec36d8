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

// Whether `epoch` was reached; epochs wrap.
bool has_reached(uint32_t epoch, uint32_t wanted) { return static_cast<int32_t>(epoch - wanted) >= 0; }

// The user plane reads no bank older than the epoch that it saw at the start of its lap. A dead one reads nothing.
Status wait_for_user_plane(const SharedTables& tables, uint32_t epoch) {
    const UserPlaneStatus& user = *tables.user_plane();
    constexpr auto patience = std::chrono::seconds(2);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
        const uint32_t heartbeat = load(user.heartbeat);
        const bool is_dead = heartbeat == 0 || current_tick() - heartbeat > ticks_from_ms(1000);
        if (is_dead || has_reached(load(user.epoch_seen), epoch) || load(user.sleeping) == 1) return {};
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

Publisher::Publisher(SharedTables& tables)
    : tables_(tables),
      published_(load(tables.config()->epoch)),
      settled_(published_ - banks),  // whoever published before may have done so just now
      watcher_([this] { watch_grace_periods(); }) {}

Publisher::~Publisher() {
    {
        std::lock_guard lock(mutex_);
        ends_ = true;
    }
    changed_.notify_all();
    watcher_.join();
}

// Every kernel program that began before the call has ended after it: MEMBARRIER_CMD_GLOBAL is an RCU grace period.
void Publisher::watch_grace_periods() {
    std::unique_lock lock(mutex_);
    while (!ends_ && error_ == 0) {
        const uint32_t epoch = published_;
        if (settled_ == epoch) {
            changed_.wait(lock);
            continue;
        }
        lock.unlock();
        const int error = syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0 ? 0 : errno;
        lock.lock();
        error_ = error;
        settled_ = epoch;
        changed_.notify_all();
    }
}

Status Publisher::wait_for_kernel_programs(uint32_t epoch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ != 0 || has_reached(settled_, epoch); });
    return error_ == 0 ? Status{} : failed_call("wait for a grace period (membarrier)", error_);
}

Result<uint32_t> Publisher::publish(const TableImage& image) {
    if (image.ports.size() > ports_max || image.routes.size() > tables_.sizes().route_buckets)
        return failure("the planned tables are larger than the shared ones");
    const uint32_t next = load(tables_.config()->epoch) + 1;
    const uint32_t left = next - (banks - 1);  // the epoch that followed the one whose bank is written now
    if (auto status = wait_for_user_plane(tables_, left); !status) return tl::unexpected(status.error());
    if (auto status = wait_for_kernel_programs(left); !status) return tl::unexpected(status.error());

    write_bank(image.ports, [&](uint32_t i) { return tables_.port(next, i); });
    write_bank(image.port_index, [&](uint32_t i) { return tables_.port_index(next, i); });
    write_bank(image.zones, [&](uint32_t i) { return tables_.zone(next, i); });
    write_bank(image.vni_index, [&](uint32_t i) { return tables_.vni_index(next, i); });
    write_bank(image.nodes, [&](uint32_t i) { return tables_.node(next, i); });
    write_bank(image.routes, [&](uint32_t i) { return tables_.route_bucket(next, i); });
    write_bank(image.next_hops, [&](uint32_t i) { return tables_.next_hop(next, i); });
    write_bank(image.address_classes, [&](uint32_t i) { return tables_.address_class(next, i); });
    write_bank(image.policy_subjects, [&](uint32_t i) { return tables_.policy_subject(next, i); });
    write_bank(image.policy_buckets, [&](uint32_t i) { return tables_.policy_bucket(next, i); });
    write_bank(image.policy_ranges, [&](uint32_t i) { return tables_.policy_range(next, i); });
    write_bank(image.flow_limits, [&](uint32_t i) { return tables_.flow_limit(next, i); });
    publish_value(tables_.config()->epoch, next);
    {
        std::lock_guard lock(mutex_);
        published_ = next;
    }
    changed_.notify_all();
    return next;
}

}  // namespace biplane
