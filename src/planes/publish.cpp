#include "planes/publish.hpp"

#include <chrono>
#include <cstring>
#include <thread>

#include "datapath/atomics.hpp"
#include "planes/grace_period.hpp"

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

template <typename T>
void write_bank(const std::vector<T>& image, T* bank) {
    for (size_t i = 0; i < image.size(); ++i)
        if (std::memcmp(&bank[i], &image[i], sizeof(T)) != 0) std::memcpy(&bank[i], &image[i], sizeof(T));
}

template <typename T>
bool is_written(const std::vector<T>& image, const T* bank) {
    return image.empty() || std::memcmp(image.data(), bank, image.size() * sizeof(T)) == 0;
}

Status check_sizes(const TableImage& image, [[maybe_unused]] const TableSizes& sizes) {
    Status status;
    const auto check = [&](const char* name, size_t planned, size_t room) {
        if (status && planned > room)
            status = failure("table " + std::string(name) + ": " + std::to_string(planned) +
                             " entries are planned, it has room for " + std::to_string(room));
    };
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) check(#table, image.table.size(), entries);
#include "layout/table_list.def"
    return status;
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

void Publisher::watch_grace_periods() {
    GracePeriod grace_period;
    std::unique_lock lock(mutex_);
    while (!ends_ && outcome_) {
        const uint32_t epoch = published_;
        if (settled_ == epoch) {
            changed_.wait(lock);
            continue;
        }
        lock.unlock();
        Status waited = grace_period.wait();
        lock.lock();
        outcome_ = std::move(waited);
        settled_ = epoch;
        changed_.notify_all();
    }
}

Status Publisher::wait_for_kernel_programs(uint32_t epoch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !outcome_ || has_reached(settled_, epoch); });
    return outcome_;
}

Result<uint32_t> Publisher::publish(const TableImage& image) {
    if (auto fits = check_sizes(image, tables_.sizes()); !fits) return tl::unexpected(fits.error());
    const uint32_t next = load(tables_.config()->epoch) + 1;
    const uint32_t left = next - (banks - 1);  // the epoch that followed the one whose bank is written now
    if (auto status = wait_for_user_plane(tables_, left); !status) return tl::unexpected(status.error());
    if (auto status = wait_for_kernel_programs(left); !status) return tl::unexpected(status.error());

#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) write_bank(image.table, tables_.entry(next, 0));
#include "layout/table_list.def"
    publish_value(tables_.config()->epoch, next);
    {
        std::lock_guard lock(mutex_);
        published_ = next;
    }
    changed_.notify_all();
    return next;
}

bool is_in_force(const SharedTables& tables, const TableImage& image) {
    if (!check_sizes(image, tables.sizes())) return false;
    const uint32_t epoch = load(tables.config()->epoch);
    bool is_same = true;
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries) is_same = is_same && is_written(image.table, tables.entry(epoch, 0));
#include "layout/table_list.def"
    return is_same;
}

}  // namespace biplane
