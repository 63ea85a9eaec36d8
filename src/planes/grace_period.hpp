// Waiting until every kernel program that runs now has ended (an RCU grace period, some milliseconds).
#pragma once
#include "base/fd.hpp"
#include "base/result.hpp"

namespace biplane {

// By membarrier(2), where the kernel has it: it is refused where processors run without a tick (nohz_full=), and by some sandboxes.
// There by an update of a map of maps, after which the kernel waits for programs that may still use the old element. One thread.
class GracePeriod {
   public:
    Status wait();

   private:
    Status wait_by_map();
    Fd inner_, outer_;  // made when membarrier(2) was refused
};

}  // namespace biplane
