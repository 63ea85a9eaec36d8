// What stands over the Ethernet addresses of a punted frame (PuntTag, layout/tables.hpp), and how they are put back.
#pragma once
#include "datapath/wire/headers.hpp"
#include "layout/tables.hpp"

namespace biplane {

// Null if the frame was not tagged by the kernel plane: the kernel's own chatter on the punt port, or a stranger's.
inline const PuntTag* punt_tag_of(const uint8_t* frame, uint32_t length) {
    if (length < sizeof(EthernetHeader)) return nullptr;
    const auto* tag = reinterpret_cast<const PuntTag*>(frame);
    return tag->magic == punt_magic && tag->port != no_port && tag->port < ports_max ? tag : nullptr;
}

// The kernel plane let the frame pass, so it was sent to the router, and by the only one who may send through this port. Who sent it
// over the fabric is not kept: nothing in the pipeline asks for it.
inline void restore_addresses(uint8_t* frame, const Port& port) {
    auto& ethernet = *reinterpret_cast<EthernetHeader*>(frame);
    ethernet.destination = port.router_mac;
    ethernet.source = port.kind == PortKind::fabric ? MacAddress{} : port.peer_mac;
}

}  // namespace biplane
