#include "planes/user/worker.hpp"

#include <array>

#include "planes/user/punt_tag.hpp"
#include "planes/user_packet.hpp"

namespace biplane {
namespace {

constexpr uint32_t batch_max = 256;  // packets; bounds the time of a lap to well below a heartbeat

}  // namespace

uint32_t Worker::run_batch(uint32_t now) {
    std::array<Packet, batch_max> batch;
    const uint32_t count = sockets_.receive(batch);
    for (uint32_t i = 0; i < count; ++i) {
        if (i + 1 < count) __builtin_prefetch(sockets_.frame(batch[i + 1].frame) + batch[i + 1].offset);
        handle(batch[i], now);
    }
    sockets_.flush();
    return count;
}

void Worker::handle(const Packet& packet, uint32_t now) {
    uint8_t* frame = sockets_.frame(packet.frame);
    const auto tag = read_punt_tag(frame + packet.offset, packet.length);
    if (!tag) {
        ++untagged_;
        return sockets_.release(packet);
    }
    const Port* port = tables_.port(load(tables_.config()->epoch), tag->port);
    if (port->kind == PortKind::none) {  // removed since the kernel plane punted it
        count_fate(*tables_.counters(tag->port), drop(DropReason::port_unconfigured), 1, packet.length);
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
        case Verdict::undecided:
            return;
    }
    ++ingress.drops[static_cast<uint32_t>(DropReason::egress_queue_full)];
}

}  // namespace biplane
