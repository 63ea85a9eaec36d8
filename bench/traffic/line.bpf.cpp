// The limit of a table in memory: reads one line at a random place of one as large, waits for it, and does nothing else.
#include "planes/kernel/bpf_helpers.hpp"
#include "traffic/line_plan.hpp"

using namespace biplane;

struct lines_map {
    int (*type)[BPF_MAP_TYPE_ARRAY];
    int (*max_entries)[1];  // set by the loader
    int (*key_size)[4];
    int (*value_size)[64];
};
extern "C" {
__attribute__((section(".maps"), used)) lines_map lines;
__attribute__((section(".data"), used)) traffic::LinePlan line_plan = {};
}

extern "C" __attribute__((section("xdp"), used)) int read_line([[maybe_unused]] xdp_md* xdp) {
    const uint32_t key = traffic::scattered(line_plan.next) & line_plan.mask;
    const auto* line = static_cast<const uint32_t*>(bpf::map_lookup_elem(&lines, &key));
    if (line) line_plan.next += *line + 1;  // all lines are zero: it is the wait for them that counts
    return XDP_DROP;
}

extern "C" __attribute__((section("license"), used)) const char _license[] = "GPL";
