// Sends what the fuzzers' packet source makes through a real interface, past the sender's own stack:
//
//     send_hostile --interface eth0 --source MAC --destination MAC [--fabric] --seconds 5 --rate 20000 --seed 1
//
// --fabric sends what the source means for the fabric port (tunnel packets), else what it means for workloads. Most frames get the
// given Ethernet addresses, so that they come further than the first check. Prints how many frames were sent.
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "cases/world.hpp"
#include "fuzz/packet_source.hpp"

using namespace biplane;

namespace {

using Clock = std::chrono::steady_clock;
using Mac = std::array<uint8_t, 6>;

constexpr size_t frame_bytes_max = 1500;
constexpr uint32_t burst = 32;

Mac parse_mac(const std::string& text) {
    Mac mac{};
    if (std::sscanf(text.c_str(), "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]) != 6)
        throw CLI::ValidationError(text + " is no Ethernet address");
    return mac;
}

int open_wire(const std::string& interface) {
    const int wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    if (wire < 0 || address.sll_ifindex == 0 || bind(wire, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        throw CLI::ValidationError("cannot send through " + interface);
    return wire;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("send_hostile: hostile frames through a real interface");
    std::string interface, source_text, destination_text;
    double seconds = 5, rate = 20000;
    uint64_t seed = 1;
    bool wants_fabric = false;
    app.add_option("--interface", interface)->required();
    app.add_option("--source", source_text)->required();
    app.add_option("--destination", destination_text)->required();
    app.add_option("--seconds", seconds);
    app.add_option("--rate", rate, "frames a second");
    app.add_option("--seed", seed);
    app.add_flag("--fabric", wants_fabric);
    CLI11_PARSE(app, argc, argv);

    int wire = -1;
    Mac source_mac{}, destination_mac{};
    try {
        wire = open_wire(interface);
        source_mac = parse_mac(source_text);
        destination_mac = parse_mac(destination_text);
    } catch (const CLI::Error& error) {
        return app.exit(error);
    }
    fuzz::PacketSource packets(seed);
    const auto begun = Clock::now();
    uint64_t sent = 0;
    for (uint64_t made = 1; Clock::now() - begun < std::chrono::duration<double>(seconds); ++made) {
        const fuzz::Arrival* arrival = &packets.next();
        while ((arrival->port == world::fabric) != wants_fabric) arrival = &packets.next();
        packets::Bytes frame = arrival->frame;
        if (frame.size() > frame_bytes_max) frame.resize(frame_bytes_max);
        if (!packets.random().one_in(16)) std::copy(destination_mac.begin(), destination_mac.end(), frame.begin());
        if (!packets.random().one_in(16)) std::copy(source_mac.begin(), source_mac.end(), frame.begin() + 6);
        if (send(wire, frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size())) ++sent;
        if (made % burst == 0) std::this_thread::sleep_until(begun + std::chrono::duration<double>(double(made) / rate));
    }
    fmt::print("{}\n", sent);
    close(wire);
    return 0;
}
