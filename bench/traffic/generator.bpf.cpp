// Writes a fresh header into every frame that the kernel's test run hands out (they are recycled with everybody's edits) and
// sends it through the interface, as if its owner had.
#include "traffic/fresh_headers.hpp"

using namespace biplane;

namespace {

inline void note_time() {
    frame_plan.last_ns = bpf::ktime_get_ns();
    if (frame_plan.first_ns == 0) frame_plan.first_ns = frame_plan.last_ns;
}

}  // namespace

extern "C" __attribute__((section("xdp"), used)) int generate(xdp_md* xdp) {
    auto* data = reinterpret_cast<uint8_t*>(static_cast<uint64_t>(xdp->data));
    const auto* end = reinterpret_cast<const uint8_t*>(static_cast<uint64_t>(xdp->data_end));
    if ((frame_plan.next & 63) == 0) note_time();
    if (!traffic::write_next_frame(data, end)) return XDP_ABORTED;
    return static_cast<int>(bpf::redirect(frame_plan.ifindex, 0));
}

extern "C" __attribute__((section("license"), used)) const char _license[] = "GPL";
