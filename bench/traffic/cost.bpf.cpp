// Writes a fresh header and goes on to the program whose cost is asked for: a test run repeats on the same bytes, and a router's second
// look at a packet that it has rewritten itself is another path. With nothing in the program array, only the writing is measured.
#include "traffic/fresh_headers.hpp"

using namespace biplane;

struct next_program_map {
    int (*type)[BPF_MAP_TYPE_PROG_ARRAY];
    int (*max_entries)[1];
    int (*key_size)[4];
    int (*value_size)[4];
};
extern "C" {
__attribute__((section(".maps"), used)) next_program_map next_xdp;
__attribute__((section(".maps"), used)) next_program_map next_tcx;
}

namespace {

template <typename Context, typename Map>
inline void go_on(Context* context, Map* map) {
    bpf::helper<12, long, Context*, Map*, uint32_t>(context, map, 0);
}

}  // namespace

extern "C" __attribute__((section("xdp"), used)) int run_xdp(xdp_md* xdp) {
    auto* data = reinterpret_cast<uint8_t*>(static_cast<uint64_t>(xdp->data));
    if (traffic::write_next_frame(data, reinterpret_cast<const uint8_t*>(static_cast<uint64_t>(xdp->data_end))))
        go_on(xdp, &next_xdp);
    return XDP_DROP;
}

extern "C" __attribute__((section("tc"), used)) int run_tcx(__sk_buff* skb) {
    auto* data = reinterpret_cast<uint8_t*>(static_cast<uint64_t>(skb->data));
    if (traffic::write_next_frame(data, reinterpret_cast<const uint8_t*>(static_cast<uint64_t>(skb->data_end))))
        go_on(skb, &next_tcx);
    return 2;  // TC_ACT_SHOT
}

extern "C" __attribute__((section("license"), used)) const char _license[] = "GPL";
