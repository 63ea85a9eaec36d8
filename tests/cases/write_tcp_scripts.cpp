// Prints the TCP scripts as JSON: each segment as the IP packet that it is, between 10.0.0.10 and .11 and between fd00:a::10 and ::11.
#include <fmt/format.h>

#include "cases/tcp_scripts.hpp"

using namespace biplane;
using namespace biplane::cases;

namespace {

const char* name_of(FlowState state) {
    constexpr const char* names[] = {"none", "opening", "answered", "established", "closing", "closed"};
    return names[static_cast<size_t>(state)];
}

std::string ip_packet(const TcpSegment& segment, const char* client_address, const char* server_address) {
    const auto header = segment.from_server ? packets::Packet().ethernet({}, {}).ip(server_address, client_address)
                                            : packets::Packet().ethernet({}, {}).ip(client_address, server_address);
    std::string text;
    const packets::Bytes bytes = with_segment(header, segment).bytes();
    for (size_t i = 14; i < bytes.size(); ++i) text += fmt::format("{:02x}", bytes[i]);
    return text;
}

std::string json_of(const TcpLine& line) {
    return fmt::format(R"({{"from_server": {}, "passes": {}, "state": "{}", "linux_differs": "{}", "ipv4": "{}", "ipv6": "{}"}})",
                       line.segment.from_server, line.dropped == DropReason::none, name_of(line.state), line.linux_differs,
                       ip_packet(line.segment, "10.0.0.10", "10.0.0.11"), ip_packet(line.segment, "fd00:a::10", "fd00:a::11"));
}

}  // namespace

int main() {
    std::string all;
    for (const TcpScript& script : tcp_scripts()) {
        std::string lines;
        for (const TcpLine& line : script.lines) lines += (lines.empty() ? "" : ",\n   ") + json_of(line);
        all += fmt::format("{} {{\"name\": \"{}\", \"pickup\": {}, \"lines\": [\n   {}]}}", all.empty() ? "" : ",\n", script.name,
                           script.pickup, lines);
    }
    fmt::print("[{}]\n", all);
}
