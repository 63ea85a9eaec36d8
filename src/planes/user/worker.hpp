// The worker: takes punted packets from the sockets, a batch at a time, has the pipeline decide about each, and sends them on.
//
// Owner: the user plane's loop. Borrows tables and sockets, which must outlive it. One thread; it is the one writer of the user
// plane's counters.
#pragma once
#include <cstdint>

#include "datapath/pipeline.hpp"
#include "planes/shared_tables.hpp"
#include "planes/user/packet_sockets.hpp"

namespace biplane {

class Worker {
   public:
    Worker(const SharedTables& tables, PacketSockets& sockets) : tables_(tables), sockets_(sockets) {}

    // One batch: what the sockets have, up to a bound. Returns how many packets that were. `now` in ticks.
    uint32_t run_batch(uint32_t now);

    uint64_t untagged() const { return untagged_; }        // frames that the kernel plane did not punt; ignored
    uint64_t egress_full() const { return egress_full_; }  // dropped as egress-queue-full

   private:
    void prefetch_flow(const Packet& packet);
    void handle(const Packet& packet, uint32_t now);
    void count_egress_full(const Outcome& outcome, uint32_t bytes);

    const SharedTables& tables_;
    PacketSockets& sockets_;
    uint64_t untagged_ = 0;
    uint64_t egress_full_ = 0;
};

}  // namespace biplane
