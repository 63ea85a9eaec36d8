#include "engines/live_engine.hpp"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "cases/world.hpp"

namespace biplane::engines {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto tcx_ingress = static_cast<bpf_attach_type>(46);  // BPF_TCX_INGRESS, younger than Debian's headers

// On a machine with other things to do; under emulation (BIPLANE_SLOWNESS, see tests/netns/lab.py) as many times longer.
std::chrono::duration<double> patience() {
    static const char* const slowness = std::getenv("BIPLANE_SLOWNESS");
    static const double times = slowness != nullptr ? std::atof(slowness) : 1;
    return 2s * std::max(times, 1.0);
}

// Ports of the world, and the interface that is none: where it is a port, frames are refused; punted frames come out there.
std::vector<uint16_t> all_ports() {
    std::vector<uint16_t> ports{world::no_such_port};
    for (uint16_t port = 1; port < world::ports_end; ++port) ports.push_back(port);
    return ports;
}

Result<Fd> open_wire(uint16_t port) {
    Fd wire(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL)));
    if (!wire) return failed_call("open a packet socket", errno);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(far_ifindex_of(port));
    if (bind(wire.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return failed_call(fmt::format("bind a packet socket to the far end of port {}", port), errno);
    return wire;
}

// As the agent does it: by tcx, before Linux 6.6 by clsact. A filter goes with its interface; then there is no link.
Result<Fd> attach_to_ingress(int program, uint32_t ifindex) {
    Fd link(bpf_link_create(program, static_cast<int>(ifindex), tcx_ingress, nullptr));
    if (link || errno != EINVAL) return link ? Result<Fd>(std::move(link)) : failed_call("attach by tcx", errno);
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = static_cast<int>(ifindex), .attach_point = BPF_TC_INGRESS);
    LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = program);
    int status = bpf_tc_hook_create(&hook);
    if (status == 0) status = bpf_tc_attach(&hook, &filter);
    return status == 0 ? Result<Fd>(Fd()) : failed_call("attach by clsact", -status);
}

Result<Fd> attach_to_xdp(int program, uint32_t ifindex) {
    Fd link(bpf_link_create(program, static_cast<int>(ifindex), BPF_XDP, nullptr));
    return link ? Result<Fd>(std::move(link)) : failed_call("attach by XDP", errno);
}

// Without it a veth drops what XDP redirects to its other end.
Status switch_on_gro(uint16_t port) {
    const Fd socket_fd(socket(AF_UNIX, SOCK_DGRAM, 0));
    ethtool_value value{ETHTOOL_SGRO, 1};
    ifreq request{};
    std::snprintf(request.ifr_name, sizeof request.ifr_name, "far%u", port);
    request.ifr_data = reinterpret_cast<char*>(&value);
    return ioctl(socket_fd.get(), SIOCETHTOOL, &request) == 0 ? Status{} : failed_call("switch GRO on", errno);
}

}  // namespace

Status LiveEngine::attach() {
    for (const uint16_t port : all_ports())
        if (const Status done = attach(port); !done) return done;
    if (hook_ == FabricHook::tcx) return {};
    auto sink = open_sink_socket(world::ifindex_of(world::fabric));
    if (!sink) return tl::unexpected(sink.error());
    sink_ = std::move(*sink);
    return object_.give_socket(world::fabric_socket_slot, sink_.socket.get());
}

Status LiveEngine::attach(uint16_t port) {
    auto wire = open_wire(port);
    if (!wire) return tl::unexpected(wire.error());
    wires_.push_back({port, std::move(*wire)});
    if (const Status done = switch_on_gro(port); !done) return done;
    const int program = is_xdp(port) ? object_.fabric_xdp : port == world::fabric ? object_.fabric_tcx : object_.workload;
    const uint32_t ifindex = world::ifindex_of(port);
    auto link = is_xdp(port) ? attach_to_xdp(program, ifindex) : attach_to_ingress(program, ifindex);
    if (!link) return link.error().within(fmt::format("attach a program to the interface of port {}", port));
    links_.push_back(std::move(*link));
    return {};
}

Observation LiveEngine::run(uint16_t port, const Bytes& frame) {
    const auto impossible = [](const char* why) { return Observation{false, {}, false, 0, {}, why}; };
    if (frame.size() < ETH_HLEN) return impossible("no interface sends a frame without an Ethernet header");
    const Totals before = totals();
    drain();
    if (send(wire_of(port), frame.data(), frame.size(), 0) < 0) return impossible("the interface refuses to send such a frame");
    if (!wait_until([&] { return totals().received != before.received; })) return impossible("the program has not seen the frame");
    wait_until_carried();
    const Totals after = totals();
    if (after.leaving == before.leaving)
        return {true, after.delivered != before.delivered ? Disposal::passed : Disposal::dropped, true, 0, frame};
    if (is_xdp(port) && after.punted != before.punted) return impossible("it is in a socket that nobody reads");
    Observation seen{true, Disposal::sent, true, 0, {}};
    if (!wait_until([&] { return caught(seen); })) seen.disposal = Disposal::dropped;  // counted as sent, but lost
    return seen;
}

int LiveEngine::wire_of(uint16_t port) const {
    for (const Wire& wire : wires_)
        if (wire.port == port) return wire.socket.get();
    return -1;
}

LiveEngine::Totals LiveEngine::totals() {
    Totals sum;
    for (uint16_t port = 0; port < world::ports_end; ++port) {
        PortCounts added = counts(port);
        sum.received += added["received"];
        sum.leaving += added["transmitted"] + added["punted"];
        sum.delivered += added["delivered"];
        sum.punted += added["punted"];
    }
    return sum;
}

bool LiveEngine::wait_until(const std::function<bool()>& condition) {
    const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(patience());
    while (!condition()) {
        if (Clock::now() > deadline) return false;
        poll(nullptr, 0, 1);
    }
    return true;
}

// The frame that arrived at a far end, if there is one. What was sent there is seen by the socket too, and left out.
bool LiveEngine::caught(Observation& seen) {
    for (const Wire& wire : wires_) {
        std::array<uint8_t, 65536> buffer;
        sockaddr_ll from{};
        socklen_t length = sizeof from;
        const ssize_t bytes =
            recvfrom(wire.socket.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
        if (bytes < 0 || from.sll_pkttype == PACKET_OUTGOING) continue;
        seen.frame.assign(buffer.begin(), buffer.begin() + bytes);
        seen.knows_egress = wire.port != world::no_such_port;  // a punted frame: the punt port is no egress
        seen.egress_ifindex = world::ifindex_of(wire.port);
        return true;
    }
    return false;
}

void LiveEngine::drain() {
    Observation ignored;
    while (caught(ignored)) {
    }
}

Result<std::unique_ptr<Engine>> live_engine(FabricHook hook, const std::string& object_path, uint64_t seed) {
    auto object = load_object(object_path, hook == FabricHook::xdp ? "live_xdp" : "live_tcx", seed);
    if (!object) return tl::unexpected(object.error());
    auto engine = std::make_unique<LiveEngine>(hook, std::move(*object));
    if (const Status attached = engine->attach(); !attached) return tl::unexpected(attached.error());
    return engine;
}

}  // namespace biplane::engines
