// Putting planned tables into force.
#pragma once
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/result.hpp"
#include "layout/table_image.hpp"
#include "planes/shared_tables.hpp"

namespace biplane {

// A bank may be written when nobody reads it any more. It was left `banks - 1` epochs ago, and since then a grace period has to have
// passed for the kernel programs (RCU; some milliseconds), and a lap of the user plane. A thread waits for the grace periods, one
// after another as long as epochs are published, so that a publisher waits only if he publishes faster than that several times in a row.
class Publisher {
   public:
    explicit Publisher(SharedTables& tables);
    Publisher(const Publisher&) = delete;
    ~Publisher();

    // Writes the next bank, only entries that differ, then stores the new epoch, which is returned: from there on each packet is judged by
    // it. Fails if a reader does not come to a quiet point, or if `image` is larger than the tables; nothing is in force then.
    // One publisher at a time, of all processes.
    Result<uint32_t> publish(const TableImage& image);

   private:
    void watch_grace_periods();
    Status wait_for_kernel_programs(uint32_t epoch);

    SharedTables& tables_;
    std::mutex mutex_;
    std::condition_variable changed_;
    uint32_t published_;  // the newest epoch
    uint32_t settled_;    // no kernel program that still runs began before this epoch was published
    Status outcome_;      // of the last wait for a grace period
    bool ends_ = false;
    std::thread watcher_;
};

// Whether publishing `image` would change nothing: all its tables are what the bank in force holds.
bool is_in_force(const SharedTables& tables, const TableImage& image);

}  // namespace biplane
