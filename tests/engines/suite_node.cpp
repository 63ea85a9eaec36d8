#include "engines/suite_node.hpp"

#include <fmt/format.h>

#include "cases/world.hpp"

namespace biplane::engines {

namespace {

using packets::Packet;

constexpr char other_node[] = "192.0.2.2", own_address[] = "192.0.2.1", fabric_name[] = "fabric0";
constexpr uint16_t vxlan_port = 4789;

// The port of the world on whose interface a workload is: "x/a", "x/b-blue"; two of each namespace live here.
uint16_t ground_port_of(const std::string& workload) {
    return static_cast<uint16_t>(1 + (workload[0] - 'x') * 2 + (workload[2] - 'a'));
}

MacAddress mac_of(uint8_t kind, uint16_t port) { return {{0x02, 0, 0, 0, kind, static_cast<uint8_t>(port)}}; }
MacAddress router_mac_of(uint16_t port) { return mac_of(1, port); }
MacAddress peer_mac_of(uint16_t port) { return mac_of(2, port); }
MacAddress other_node_mac() { return mac_of(3, 2); }

}  // namespace

bool NodeOutcome::is(DropReason wanted) const {
    if (received != 1) return false;
    if (wanted == DropReason::none) return passed == 1;
    return drops.count(wanted) != 0 && drops.at(wanted) == 1;
}

std::string NodeOutcome::print() const {
    std::string text = fmt::format("received {}, passed {}", received, passed);
    for (const auto& [reason, count] : drops)
        if (count != 0) text += fmt::format(", {} {}", drop_reason_table[static_cast<size_t>(reason)].name, count);
    return text;
}

NodeFacts SuiteNode::facts() const {
    NodeFacts facts;
    facts.node = name;
    for (const auto& [key, workload] : step_->desired.workloads) {
        if (workload.node != name || workload.network != network_) continue;
        const uint16_t port = ground_port_of(key);
        facts.workloads[key] = {world::ifindex_of(port), router_mac_of(port), peer_mac_of(port), world::workload_mtu};
    }
    facts.fabrics[fabric_name] = {.ifindex = world::ifindex_of(world::fabric), .mac = router_mac_of(world::fabric), .mtu = 1500};
    facts.underlay[packets::address(other_node)] = {fabric_name, other_node_mac(), packets::address(own_address)};
    return facts;
}

Status SuiteNode::enter(const PolicyStep& step) {
    step_ = &step;
    SharedTables& t = engine_.tables();
    TableShape shape{};
    std::copy(std::begin(t.config()->hash_secret), std::end(t.config()->hash_secret), std::begin(shape.hash_secret));
    shape.route_bucket_mask = t.sizes().route_buckets - 1;
    auto made = plan(step.desired, facts(), numbering_, shape);
    if (!made) return made.error().within(step.shows);
    numbering_ = made->numbering;
    if (engine_.plane() == Plane::kernel)  // what the kernel hands over is judged by the user plane's engine
        for (Zone& zone : made->image.zones) zone.plane = Plane::kernel;
    write_tables(engine_, made->image);
    ++t.config()->epoch;
    return {};
}

Packet SuiteNode::encapsulated(const Packet& packet) const {
    return Packet()
        .ethernet(other_node_mac(), router_mac_of(world::fabric))
        .ip(other_node, own_address)
        .dont_fragment()
        .udp(50000, vxlan_port)
        .vxlan(step_->desired.networks.at(network_).vni)
        .ethernet(packets::mac("02:62:70:00:00:02"), packets::mac("02:62:70:00:00:01"))
        .carrying(packet);
}

NodeOutcome SuiteNode::run(const std::string& sender, const Packet& packet) {
    const bool from_here = is_here(sender);
    const uint16_t ground_port = from_here ? ground_port_of(sender) : uint16_t{world::fabric};
    const uint16_t port = numbering_.ports.at(from_here ? "workload/" + sender : std::string("fabric/") + fabric_name);
    const Packet frame =
        from_here ? Packet().ethernet(peer_mac_of(ground_port), router_mac_of(ground_port)).carrying(packet) : encapsulated(packet);
    const NodeOutcome before = count(port);
    engine_.run(ground_port, frame.bytes());
    NodeOutcome outcome = count(port);
    outcome.received -= before.received;
    outcome.passed -= before.passed;
    for (const auto& [reason, earlier] : before.drops) outcome.drops[reason] -= earlier;
    return outcome;
}

NodeOutcome SuiteNode::count(uint16_t port) {
    NodeOutcome sum;
    for (uint32_t slot = 0; slot < engine_.tables().sizes().counter_slots; ++slot) {
        const PortCounters& counters = *engine_.tables().counters(slot, port);
        sum.received += counters.received;
        sum.passed += counters.forwarded + counters.delivered;
        for (uint32_t reason = 0; reason < drop_reasons; ++reason)
            if (counters.drops[reason] != 0) sum.drops[static_cast<DropReason>(reason)] += counters.drops[reason];
    }
    return sum;
}

}  // namespace biplane::engines
