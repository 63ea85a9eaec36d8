#include "planes/user_trace.hpp"

#include "planes/user_packet.hpp"

namespace biplane {

TraceRecord trace_in_user_plane(const SharedTables& tables, uint16_t port, std::vector<uint8_t> frame) {
    constexpr bool is_traced = true;
    UserPacket packet(frame.data(), static_cast<uint32_t>(frame.size()), 0, is_traced);
    const Port* entry = tables.port(tables.config()->epoch, port);
    process(packet, tables, entry ? entry->ifindex : 0, current_tick());
    return *tables.trace();
}

}  // namespace biplane
