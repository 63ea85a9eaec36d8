#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;

Wanted dropped(DropReason reason) { return {drop(reason)}; }
Wanted delivered(uint16_t port, const Packet& output) { return {decided(Verdict::deliver), port, output}; }
Wanted forwarded(const Packet& output) { return {decided(Verdict::forward), fabric, output, true}; }
Wanted answered(uint16_t port, const Packet& output) { return {decided(Verdict::answer), port, output}; }
Wanted punted(PuntReason reason) { return {punt(reason)}; }
Wanted left_to_the_node() { return {decided(Verdict::deliver)}; }

Step arrives(uint16_t port, const Packet& packet) { return {port, packet, {}}; }

Step Step::is(Wanted fate) const {
    Step copy = *this;
    copy.wanted = std::move(fate);
    return copy;
}

Step Step::after(std::function<void(SharedTables&)> change) const {
    Step copy = *this;
    copy.before = std::move(change);
    return copy;
}

WantedFlow flow(Network network, uint8_t protocol, std::string source, uint16_t source_port, std::string destination,
                uint16_t destination_port) {
    return {network, protocol, std::move(source), source_port, std::move(destination), destination_port};
}

WantedFlow WantedFlow::in_state(FlowState value) const {
    WantedFlow copy = *this;
    copy.state = value;
    return copy;
}

WantedFlow WantedFlow::from(uint16_t hop, uint16_t port) const {
    WantedFlow copy = *this;
    copy.reply_next_hop = hop;
    copy.ingress_port = port;
    return copy;
}

WantedFlow WantedFlow::to(uint16_t hop) const {
    WantedFlow copy = *this;
    copy.next_hop = hop;
    return copy;
}

WantedFlow WantedFlow::seen(uint32_t forward, uint32_t backward) const {
    WantedFlow copy = *this;
    copy.packets = forward;
    copy.reply_packets = backward;
    return copy;
}

WantedFlow WantedFlow::of_bytes(uint64_t forward, uint64_t backward) const {
    WantedFlow copy = *this;
    copy.bytes = forward;
    copy.reply_bytes = backward;
    return copy;
}

// --- packets on the wires of the world ---

Packet frame_from(uint16_t port) { return Packet().ethernet(peer_mac(port), router_mac(port)); }
Packet frame_to(uint16_t port) { return Packet().ethernet(router_mac(port), peer_mac(port)); }
Packet at(uint16_t port, const Packet& packet) { return packet.macs(router_mac(port), peer_mac(port)); }

namespace {

struct Tunnel {
    std::string_view here, there;
    MacAddress there_mac;
};

Tunnel tunnel_of(uint16_t next_hop) {
    switch (next_hop) {
        case to_node_c:
            return {node_a_ipv6, node_c_ipv6, node_c_mac};
        case to_node_d:
            return {node_a_ipv4, node_d_ipv4, MacAddress{}};
        default:
            return {node_a_ipv4, node_b_ipv4, node_b_mac};
    }
}

// RFC 7348, section 5: UDP checksum zero; don't fragment, so that the tunnel never does.
Packet encapsulated(const Packet& outer, Network network, const Packet& inner) {
    constexpr uint16_t any_source_port = 50000, vxlan_port = 4789;
    return outer.udp(any_source_port, vxlan_port).transport_checksum(0).vxlan(vni_of(network)).carrying(inner);
}

}  // namespace

Packet towards_node(uint16_t next_hop, Network network, const Packet& inner) {
    const Tunnel t = tunnel_of(next_hop);
    const Packet outer = Packet().ethernet(router_mac(fabric), t.there_mac).ip(t.here, t.there);
    return encapsulated(next_hop == to_node_c ? outer : outer.dont_fragment(), network, inner);
}

Packet coming_from_node(uint16_t next_hop, Network network, const Packet& inner) {
    const Tunnel t = tunnel_of(next_hop);
    const Packet outer = Packet().ethernet(t.there_mac, router_mac(fabric)).ip(t.there, t.here);
    return encapsulated(next_hop == to_node_c ? outer : outer.dont_fragment(), network, inner);
}

// Locally administered, the same on every node: nobody looks at them.
Packet inner_frame() { return Packet().ethernet(packets::mac("02:62:70:00:00:02"), packets::mac("02:62:70:00:00:01")); }

// --- changes to the tables ---

// All banks hold the world when a case starts, so the next one is as good.
std::function<void(SharedTables&)> a_new_epoch() {
    return [](SharedTables& tables) { ++tables.config()->epoch; };
}

std::function<void(SharedTables&)> a_rule_becomes(world::Rule rule, uint32_t decision) {
    return [=](SharedTables& tables) {
        for (uint32_t bank = 0; bank < banks; ++bank)
            for (uint32_t n = 0; n < policy_ranges_max && tables.policy_range(bank, n)->decision != 0; ++n)
                if (PolicyRange& range = *tables.policy_range(bank, n); rule_of(range.decision) == rule) range.decision = decision;
        ++tables.config()->epoch;
    };
}

std::function<void(SharedTables&)> time_passes(uint64_t seconds) {
    return [seconds](SharedTables& tables) {
        for (uint32_t n = 0; n < tables.flow_entries(); ++n) {
            tables.flow(n)->last_seen -= ticks_from_ms(seconds * 1000);
            tables.flow_detail(n)->created -= ticks_from_ms(seconds * 1000);
        }
        for (uint32_t n = 0; n < fragment_buckets; ++n)
            for (FragmentEntry& entry : tables.fragment_bucket(n)->entries)
                if (entry.state != 0) entry.state -= uint64_t{ticks_from_ms(seconds * 1000)} << 32;
        for (uint32_t owner = 0; owner < flow_owners_max; ++owner) {
            tables.flow_share(owner)->next_token -= uint64_t{ticks_from_ms(seconds * 1000)} << flow_token_shift;
            tables.flow_share(owner)->tidied_at -= ticks_from_ms(seconds * 1000);
        }
    };
}

std::function<void(SharedTables&)> user_plane_is(bool alive) {
    return [alive](SharedTables& tables) {
        // Alive for the next minutes, or silent since a minute. 0 would be: never started.
        const uint32_t now = current_tick();
        tables.user_plane()->heartbeat = alive ? now : now - ticks_from_ms(60000);
        tables.config()->user_plane_timeout = ticks_from_ms(30000);
    };
}

std::vector<Case> all_cases() {
    std::vector<Case> all;
    for (const auto& some : {link_cases(), ipv4_cases(), ipv6_cases(), fragment_cases(), transport_cases(), icmp_cases(),
                             icmp_path_cases(), routing_cases(), tunnel_cases(), flow_cases(), tcp_script_cases(), sctp_cases(),
                             plane_cases(), policy_cases(), fairness_cases()})
        all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
