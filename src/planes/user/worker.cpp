#include "planes/user/worker.hpp"

#include <array>

#include "planes/punt_tag.hpp"
#include "planes/user_packet.hpp"

namespace biplane {
namespace {

constexpr uint32_t batch_max = 256;  // packets; bounds the time of a lap to well below a heartbeat

// What a packet needs was written by another processor a moment ago: the frame by the kernel, which also looked at the flow's entry.
// Each is asked for so many packets before its turn; nearer by, much of the way from the other processor is waited for.
constexpr uint32_t frames_ahead = 16;
constexpr uint32_t flows_ahead = 8;

// Asks for a line that will be written. One that was asked for to be read is asked for again at the first write, and each time is a
// way to another processor. g++ 12 makes a request to read of __builtin_prefetch here; a processor that lacks the instruction ignores it.
inline void prefetch_to_write(const void* place) {
#if defined(__x86_64__)
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(place)));
#else
    __builtin_prefetch(place, 1);
#endif
}

}  // namespace

uint32_t Worker::run_batch(uint32_t now) {
    std::array<Packet, batch_max> batch;
    const uint32_t count = sockets_.receive(batch);
    const uint32_t steps = count == 0 ? 0 : count + frames_ahead;
    constexpr uint32_t flow_step = frames_ahead - flows_ahead;
    for (uint32_t step = 0; step < steps; ++step) {
        if (step < count) prefetch_to_write(sockets_.frame(batch[step].frame) + batch[step].offset);
        if (step >= flow_step && step - flow_step < count) prefetch_flow(batch[step - flow_step]);
        if (step >= frames_ahead) handle(batch[step - frames_ahead], now);
    }
    sockets_.flush();
    return count;
}

// The kernel plane says which entry is the packet's flow. Whether that holds is for the pipeline to find out.
void Worker::prefetch_flow(const Packet& packet) {
    const PuntTag* tag = punt_tag_of(sockets_.frame(packet.frame) + packet.offset, packet.length);
    const FlowEntry* entry = tag ? tables_.flow(tag->flow) : nullptr;
    if (!entry) return;
    prefetch_to_write(entry);
    __builtin_prefetch(tables_.flow_bucket(tag->flow / flow_bucket_ways)->signatures);
}

void Worker::handle(const Packet& packet, uint32_t now) {
    uint8_t* frame = sockets_.frame(packet.frame);
    const PuntTag* tag = punt_tag_of(frame + packet.offset, packet.length);
    if (!tag) {
        ++untagged_;
        return sockets_.release(packet);
    }
    const uint16_t port_number = tag->port;
    const Port* port = tables_.port(load(tables_.config()->epoch), port_number);
    if (port->kind == PortKind::none) {  // removed since the kernel plane punted it
        count_fate(*tables_.counters(port_number), drop(DropReason::port_unconfigured), 1, packet.length);
        return sockets_.release(packet);
    }
    restore_addresses(frame + packet.offset, *port);
    UserPacket user_packet(frame + packet.offset, packet.length, packet.offset);
    const Outcome outcome = process(user_packet, tables_, port->ifindex, now);
    const Packet result{packet.frame, static_cast<uint32_t>(user_packet.frame() - frame), user_packet.length()};
    if (outcome.egress_ifindex == 0) return sockets_.release(result);
    if (sockets_.transmit(outcome.egress_ifindex, result)) return;
    count_egress_full(outcome, result.length);
    sockets_.release(result);
}

// The pipeline has counted the packet as sent. It was not: it is counted as dropped instead.
void Worker::count_egress_full(const Outcome& outcome, uint32_t bytes) {
    ++egress_full_;
    const uint16_t egress = port_of_interface(tables_, load(tables_.config()->epoch), outcome.egress_ifindex);
    PortCounters& transmitted = *tables_.counters(egress);
    --transmitted.transmitted;
    transmitted.transmitted_bytes -= bytes;

    PortCounters& ingress = *tables_.counters(outcome.port);
    switch (outcome.fate.verdict) {
        case Verdict::forward:
            --ingress.forwarded;
            break;
        case Verdict::deliver:
            --ingress.delivered;
            break;
        case Verdict::answer:
            --ingress.forwarded;
            --ingress.answered;
            break;
        case Verdict::drop:  // the packet is counted under its own reason; what did not leave is the router's answer to it
            --ingress.answered;
            return;
        case Verdict::punt:
        case Verdict::cut:
        case Verdict::undecided:
            return;
    }
    ++ingress.drops[static_cast<uint32_t>(DropReason::egress_queue_full)];
}

}  // namespace biplane
