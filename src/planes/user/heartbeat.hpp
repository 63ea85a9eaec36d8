// The user plane's signs of life, in the shared table UserPlaneStatus: the kernel plane reads whether packets may be punted, the
// agent whether a bank of the tables may be written to. Owner: the user plane's loop; borrows the tables. One thread.
//
// The quiet point (D9): whoever publishes waits until `epoch_seen` is the new epoch or `sleeping` is 1. So `sleeping` goes back to 0
// before the epoch is read again, and both sides use sequentially consistent accesses.
#pragma once
#include <unistd.h>

#include "datapath/atomics.hpp"
#include "planes/shared_tables.hpp"

namespace biplane {

class Heartbeat {
   public:
    explicit Heartbeat(const SharedTables& tables) : config_(*tables.config()), status_(*tables.user_plane()) {
        store(status_.sleeping, uint32_t{0});  // a predecessor may have been killed in its sleep
        store(status_.pid, static_cast<uint32_t>(getpid()));
        store(status_.laps, uint64_t{0});
    }
    ~Heartbeat() { stop(); }
    Heartbeat(const Heartbeat&) = delete;
    Heartbeat& operator=(const Heartbeat&) = delete;

    // A lap begins. Returns the epoch it may rely on.
    uint32_t begin_lap() {
        const uint32_t epoch = __atomic_load_n(&config_.epoch, __ATOMIC_SEQ_CST);
        store(status_.epoch_seen, epoch);
        ++status_.laps;
        return epoch;
    }
    // Packets may be punted. `now` in ticks.
    void beat(uint32_t now) { store(status_.heartbeat, now == 0 ? 1 : now); }
    // Packets may not be punted: as late a beat as the kernel plane takes for death. Publishers, who are more patient, still
    // wait for the laps of this process, which reads the tables.
    void beat_too_late(uint32_t now) { beat(now - load(config_.user_plane_timeout) - 1); }
    // This process reads no table any more.
    void stop() { store(status_.heartbeat, uint32_t{0}); }

    // Between these two no table is read.
    void fall_asleep() { store(status_.sleeping, uint32_t{1}); }
    void wake_up() { store(status_.sleeping, uint32_t{0}); }

    void report(uint64_t rx_lost, uint64_t tx_full, uint64_t frames_free, uint64_t frames_total) {
        store(status_.rx_lost, rx_lost);
        store(status_.tx_full, tx_full);
        store(status_.frames_free, frames_free);
        store(status_.frames_total, frames_total);
    }

   private:
    template <typename T>
    static void store(T& place, T value) {
        __atomic_store_n(&place, value, __ATOMIC_SEQ_CST);
    }

    const Config& config_;
    UserPlaneStatus& status_;
};

}  // namespace biplane
