// The programs of the kernel plane. Each one wraps its context as a Packet, runs the pipeline and carries the outcome to the
// kernel: redirect, punt, pass or drop.
// Everything is inlined but what says noinline: a BPF function returns no struct, takes five arguments, and libbpf looks for
// subprograms in .text only, where inline functions that clang leaves out of line do not go.
#pragma clang attribute push(__attribute__((always_inline)), apply_to = function)
#include "planes/kernel/kernel_tables.hpp"
#include "planes/kernel/skb_packet.hpp"
#include "planes/kernel/xdp_packet.hpp"
#include "planes/punt_tag.hpp"
#pragma clang attribute pop

using namespace biplane;

namespace {

// Return codes of tc programs (include/uapi/linux/pkt_cls.h); tcx understands the same numbers.
constexpr int tc_next = -1;  // TC_ACT_UNSPEC: on to the next program, then the stack
constexpr int tc_drop = 2;   // TC_ACT_SHOT

// How much of a socket buffer must lie in one piece to be read directly: Ethernet, IPv4 and TCP without options, in a tunnel or
// not. Stacks keep the headers they made or merged in one piece; only odd senders need the copy.
constexpr uint32_t workload_linear_bytes = 54;
constexpr uint32_t fabric_linear_bytes = 54 + tunnel_ipv4_bytes;
constexpr uint32_t pulled_bytes = 256;

// The kernel inlines jiffies64(), and calls for the time. A tick of another processor (see processors_max) is as good.
inline uint32_t now_tick(const KernelTables& tables) {
    ProcessorClock* clock = tables.clock();
    const uint64_t jiffies = bpf::jiffies64();
    if (clock && clock->jiffies == jiffies) return clock->tick;
    const auto tick = static_cast<uint32_t>(bpf::ktime_get_coarse_ns() >> tick_shift);
    if (clock) {
        clock->tick = tick;
        clock->jiffies = jiffies;
    }
    return tick;
}

template <typename Packet>
inline bool write_punt_tag(Packet& packet, const Outcome& outcome, uint8_t magic) {
    auto* tag = packet.template at<PuntTag>(0);
    if (!tag) return false;
    *tag = PuntTag{outcome.port, outcome.fate.detail, magic, outcome.flow, 0};
    return true;
}

// A punted frame that nobody takes is dropped after all: counted as that, and not as punted. always_inline: clang 19 leaves it out of line
// once it has enough callers, and the kernel refuses the BTF of a function with a reference ("Invalid arg#1"), so that all is verified as one.
__attribute__((always_inline)) inline void take_back_punt(const KernelTables& tables, uint32_t port, uint64_t frames) {
    auto* counters = tables.counters(port);
    if (!counters) return;
    counters->punted -= frames;
    counters->drops[static_cast<uint32_t>(DropReason::user_plane_down)] += frames;
}

template <uint32_t LinearBytes>
inline void pull_headers(__sk_buff* skb) {
    const uint32_t linear = skb->data_end - skb->data;
    if (linear < LinearBytes && linear < skb->len) bpf::skb_pull_data(skb, skb->len < pulled_bytes ? skb->len : pulled_bytes);
}

inline int carry_skb(SkbPacket& packet, const KernelTables& tables, uint32_t ifindex) {
    const Outcome outcome = process(packet, tables, ifindex, now_tick(tables));
    if (outcome.is_traced) return tc_drop;
    if (outcome.egress_ifindex)
        return static_cast<int>(outcome.to_peer ? bpf::redirect_peer(outcome.egress_ifindex, 0)
                                                : bpf::redirect(outcome.egress_ifindex, 0));
    if (outcome.fate.verdict == Verdict::deliver) return tc_next;
    const Config* config = tables.config();
    if (!config) return tc_drop;
    if (outcome.fate.verdict == Verdict::cut)
        return write_punt_tag(packet, outcome, cut_magic) ? static_cast<int>(bpf::redirect(config->cut_ifindex, 0)) : tc_drop;
    if (outcome.fate.verdict != Verdict::punt) return tc_drop;
    if (config->punt_ifindex == 0 || !write_punt_tag(packet, outcome, punt_magic)) {
        take_back_punt(tables, outcome.port, packet.wire_frames());
        return tc_drop;
    }
    return static_cast<int>(bpf::redirect(config->punt_ifindex, 0));
}

template <uint32_t LinearBytes>
inline int run_tcx(__sk_buff* skb) {
    pull_headers<LinearBytes>(skb);
    SkbPacket packet(skb);
    return carry_skb(packet, KernelTables{}, skb->ifindex);
}

}  // namespace

extern "C" __attribute__((noinline, used)) uint32_t bp_parse_skb(__sk_buff* skb, Headers* headers) {
    if (!headers) return drop(DropReason::frame_truncated).packed();
    SkbPacket packet(skb);
    return parse(packet, *headers).packed();
}

extern "C" __attribute__((noinline, used)) uint32_t bp_parse_xdp(xdp_md* xdp, Headers* headers) {
    if (!headers) return drop(DropReason::frame_truncated).packed();
    XdpPacket packet(xdp);
    return parse(packet, *headers).packed();
}

extern "C" __attribute__((noinline, used)) uint32_t bp_rare_step_skb(__sk_buff* skb, Headers* headers, uint32_t step,
                                                                     uint32_t offset, uint32_t end) {
    if (!headers) return drop(DropReason::frame_truncated).packed();
    SkbPacket packet(skb);
    return take_rare_step(packet, *headers, static_cast<RareStep>(step), offset, end);
}

extern "C" __attribute__((noinline, used)) uint32_t bp_sum_bytes_skb(__sk_buff* skb, uint32_t offset, uint32_t bytes) {
    SkbPacket packet(skb);
    return sum_piece(packet, offset, bytes);
}

extern "C" __attribute__((noinline, used)) uint32_t bp_rare_step_xdp(xdp_md* xdp, Headers* headers, uint32_t step, uint32_t offset,
                                                                     uint32_t end) {
    if (!headers) return drop(DropReason::frame_truncated).packed();
    XdpPacket packet(xdp);
    return take_rare_step(packet, *headers, static_cast<RareStep>(step), offset, end);
}

extern "C" __attribute__((noinline, used)) uint32_t bp_sum_bytes_xdp(xdp_md* xdp, uint32_t offset, uint32_t bytes) {
    XdpPacket packet(xdp);
    return sum_piece(packet, offset, bytes);
}

extern "C" __attribute__((noinline, used)) uint64_t bp_route_to(uint32_t epoch, uint32_t zone, uint64_t destination_high,
                                                                uint64_t destination_low) {
    return longest_route(KernelTables{}, epoch, static_cast<uint16_t>(zone), Address{{destination_high, destination_low}}).packed();
}

extern "C" __attribute__((noinline, used)) uint32_t bp_route_with_length(uint32_t epoch, uint32_t zone_and_length,
                                                                         uint64_t destination_high, uint64_t destination_low) {
    return route_of_length(KernelTables{}, epoch, static_cast<uint16_t>(zone_and_length >> 8),
                           static_cast<uint8_t>(zone_and_length), Address{{destination_high, destination_low}});
}

extern "C" __attribute__((noinline, used)) uint32_t bp_policy_decision(uint32_t epoch, uint32_t subject_and_peer,
                                                                       uint32_t position) {
    return decision_at(KernelTables{}, epoch, list_for(KernelTables{}, epoch, subject_and_peer), position);
}

extern "C" __attribute__((noinline, used)) uint32_t bp_reclaim_rank(uint32_t flow, uint32_t zone, uint32_t now) {
    return rank_for_reclaim(KernelTables{}, flow, static_cast<uint16_t>(zone), now);
}

extern "C" __attribute__((noinline, used)) uint32_t bp_claim_flow_way(uint32_t first_bucket, uint32_t second_bucket,
                                                                      uint32_t home_way, uint32_t zone, uint32_t now) {
    return claim_way(KernelTables{}, FlowPlace{first_bucket, second_bucket, 0, home_way}, static_cast<uint16_t>(zone), now);
}

extern "C" __attribute__((noinline, used)) int bp_take_flow_back(uint32_t flow, uint32_t now) {
    return take_back(KernelTables{}, flow, now) ? 1 : 0;
}

extern "C" __attribute__((noinline, used)) int bp_charge_flow(uint32_t epoch, uint32_t port_and_zone, uint32_t now) {
    return static_cast<int>(
        charge_flow(KernelTables{}, epoch, static_cast<uint16_t>(port_and_zone >> 16), static_cast<uint16_t>(port_and_zone), now));
}

extern "C" __attribute__((noinline, used)) uint32_t bp_tidy_flow_bucket(uint32_t bucket, uint32_t least_rank, uint32_t now) {
    return tidy_bucket(KernelTables{}, bucket, least_rank, now);
}

extern "C" __attribute__((noinline, used)) uint32_t bp_tidy_flows(uint32_t is_over_quota, uint32_t now) {
    return tidy(KernelTables{}, is_over_quota != 0, now);
}

extern "C" __attribute__((noinline, used)) int bp_create_flow() {
    NewFlow* flow = KernelTables{}.new_flow();
    if (!flow) return static_cast<int>(FlowCreation::table_full);
    return static_cast<int>(make_pair(KernelTables{}, *flow));
}

extern "C" __attribute__((noinline, used)) uint32_t bp_join_fragment(Headers* headers, uint32_t source_hop, uint32_t now) {
    if (!headers) return drop(DropReason::fragment_first_missing).packed();
    return join_datagram(KernelTables{}, *headers, static_cast<uint16_t>(source_hop), now).packed();
}

extern "C" __attribute__((noinline, used)) int bp_remember_fragment(const Headers* headers, uint32_t source_hop, uint32_t now,
                                                                    uint32_t is_handed_over) {
    if (headers) remember_datagram(KernelTables{}, *headers, static_cast<uint16_t>(source_hop), now, is_handed_over != 0);
    return 0;
}

extern "C" __attribute__((noinline, used)) uint32_t bp_judge_tracked(uint32_t flow, uint32_t mode, const Headers* headers) {
    return headers ? judge_tracked(KernelTables{}, flow, static_cast<uint8_t>(mode), *headers) : 0;
}

extern "C" __attribute__((noinline, used)) uint32_t bp_write_tracked(uint32_t flow, const Headers* headers) {
    return headers ? write_tracked(KernelTables{}, flow, *headers) : 0;
}

extern "C" __attribute__((section("biplane/tcx"), used)) int prog_tcx(__sk_buff* skb) {
    return run_tcx<workload_linear_bytes>(skb);
}

extern "C" __attribute__((section("biplane/tcx"), used)) int prog_tcx_fabric(__sk_buff* skb) {
    return run_tcx<fabric_linear_bytes>(skb);
}

// On the inner end of the cut port: takes up again what the other two had cut.
extern "C" __attribute__((section("biplane/tcx"), used)) int prog_cut(__sk_buff* skb) {
    pull_headers<fabric_linear_bytes>(skb);
    SkbPacket packet(skb, true);
    const KernelTables tables;
    const Config* config = tables.config();
    auto* tag = packet.at<PuntTag>(0);
    if (!config || !tag || tag->magic != cut_magic) return tc_drop;
    const Port* port = tables.port(load(config->epoch), tag->port);
    if (!port) return tc_drop;
    const uint32_t ifindex = port->ifindex;
    restore_addresses(reinterpret_cast<uint8_t*>(tag), *port);
    return carry_skb(packet, tables, ifindex);
}

extern "C" __attribute__((section("biplane/xdp"), used)) int prog_xdp(xdp_md* xdp) {
    XdpPacket packet(xdp);
    const KernelTables tables;
    const Outcome outcome = process(packet, tables, xdp->ingress_ifindex, now_tick(tables));
    if (outcome.is_traced) return XDP_DROP;
    if (outcome.egress_ifindex) return static_cast<int>(bpf::redirect(outcome.egress_ifindex, 0));
    if (outcome.fate.verdict == Verdict::deliver) return XDP_PASS;
    if (outcome.fate.verdict != Verdict::punt) return XDP_DROP;
    uint32_t slot = outcome.socket_slot + xdp->rx_queue_index;
    if (outcome.socket_slot == 0 || !bpf::map_lookup_elem(&bp_sockets, &slot) || !write_punt_tag(packet, outcome, punt_magic)) {
        take_back_punt(tables, outcome.port, packet.wire_frames());
        return XDP_DROP;
    }
    return static_cast<int>(bpf::redirect_map(&bp_sockets, slot, XDP_DROP));
}

// On the inner end of the punt port: hands what the tcx programs redirected there to the user plane's socket.
extern "C" __attribute__((section("biplane/xdp"), used)) int prog_punt(xdp_md* xdp) {
    XdpPacket packet(xdp);
    const auto* tag = packet.at<PuntTag>(0);
    if (!tag || tag->magic != punt_magic) return XDP_DROP;
    uint32_t slot = xdp->rx_queue_index;
    if (!bpf::map_lookup_elem(&bp_sockets, &slot)) {
        take_back_punt(KernelTables{}, tag->port, 1);
        return XDP_DROP;
    }
    return static_cast<int>(bpf::redirect_map(&bp_sockets, slot, XDP_DROP));
}

extern "C" __attribute__((section("license"), used)) const char _license[] = "GPL";
