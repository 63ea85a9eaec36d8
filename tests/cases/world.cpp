#include "cases/world.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "datapath/hash.hpp"

namespace biplane::world {

using packets::address;
using packets::mac;

namespace {

struct PortFacts {
    uint16_t number;
    const char* name;
    PortKind kind;
    uint16_t zone;
    uint16_t mtu;
    const char* ipv4;
    const char* ipv6;
};

constexpr PortFacts port_facts[] = {
    {red_web, "red/web", PortKind::workload, red, workload_mtu, "10.0.0.10", "fd00:a::10"},
    {red_db, "red/db", PortKind::workload, red, workload_mtu, "10.0.0.11", "fd00:a::11"},
    {red_narrow, "red/narrow", PortKind::workload, red, narrow_mtu, "10.0.0.12", "fd00:a::12"},
    {red_host, "host/red", PortKind::host, red, workload_mtu, "0.0.0.0/0", "::/0"},
    {blue_web, "blue/web", PortKind::workload, blue, workload_mtu, "10.0.0.10", "fd00:a::10"},
    {blue_db, "blue/db", PortKind::workload, blue, workload_mtu, "10.0.0.11", "fd00:a::11"},
    {green_web, "green/web", PortKind::workload, green, workload_mtu, "10.0.0.10", "fd00:a::10"},
    {green_db, "green/db", PortKind::workload, green, workload_mtu, "10.0.0.11", "fd00:a::11"},
    {teal_web, "teal/web", PortKind::workload, teal, workload_mtu, "10.0.0.10", "fd00:a::10"},
    {teal_db, "teal/db", PortKind::workload, teal, workload_mtu, "10.0.0.11", "fd00:a::11"},
    {amber_web, "amber/web", PortKind::workload, amber, workload_mtu, "10.0.0.10", "fd00:a::10"},
    {amber_db, "amber/db", PortKind::workload, amber, workload_mtu, "10.0.0.11", "fd00:a::11"},
    {amber_host, "host/amber", PortKind::host, amber, workload_mtu, "10.0.0.1", "fd00:a::1"},
    {fabric, "fabric", PortKind::fabric, 0, 1500, nullptr, nullptr},
};

struct RouteFacts {
    const char* prefix;
    uint16_t next_hop;
};

constexpr RouteFacts routes_of_all[] = {
    {"10.0.0.20", to_node_b},      {"10.0.0.30", to_node_c},    {"10.0.0.40", to_node_d},  {"10.0.0.50", next_hop_gone},
    {"10.0.0.0/24", to_nowhere},   {"fd00:a::20", to_node_b},   {"fd00:a::30", to_node_c}, {"fd00:a::40", to_node_d},
    {"fd00:a::50", next_hop_gone}, {"fd00:a::/64", to_nowhere},
};
constexpr RouteFacts routes_of_red[] = {
    {"198.51.100.0/24", to_node_b}, {"198.51.100.128/25", to_node_c},    {"198.51.100.200", to_nowhere},
    {"2001:db8:1::/48", to_node_b}, {"2001:db8:1:8000::/49", to_node_c}, {"2001:db8:1:8000::200", to_nowhere},
    {"172.16.0.0/24", red_narrow},  {"2001:db8:2::/48", red_narrow},
};

uint8_t length_in_128_bits(std::string_view prefix) {
    const bool ipv4 = prefix.find(':') == std::string_view::npos;
    const size_t slash = prefix.find('/');
    const int length = slash == std::string_view::npos ? (ipv4 ? 32 : 128) : std::atoi(prefix.substr(slash + 1).data());
    return static_cast<uint8_t>(ipv4 ? ipv4_prefix_offset + length : length);
}

[[noreturn]] void no_room(const char* table) {
    std::fprintf(stderr, "the world does not fit into the table of %s\n", table);
    std::abort();
}

template <typename Entry, typename IsFree>
void insert_open(std::vector<Entry>& table, uint32_t home, const Entry& entry, IsFree is_free) {
    for (uint32_t i = 0; i < probe_limit; ++i) {
        Entry& slot = table[(home + i) & (table.size() - 1)];
        if (!is_free(slot)) continue;
        slot = entry;
        return;
    }
    no_room("indexes");
}

void add_route(TableImage& image, const uint32_t (&secret)[10], uint32_t mask, uint16_t zone, const char* prefix, uint16_t next_hop,
               uint8_t flags = 0) {
    const std::string_view text = prefix;
    const uint8_t length = length_in_128_bits(text);
    const Address network = address(text.substr(0, text.find('/')));
    const BucketPlace place = place_route(zone, length, network, secret, mask);
    for (const uint32_t bucket : {place.first_bucket, place.second_bucket})
        for (RouteEntry& entry : image.routes[bucket].entries)
            if (entry.zone == 0) {
                entry = {network, zone, next_hop, length, flags, class_of(static_cast<Network>(zone), text)};
                return;
            }
    no_room("routes");
}

void add_port(TableImage& image, const PortFacts& facts) {
    Port& port = image.ports[facts.number];
    port.ifindex = ifindex_of(facts.number);
    port.zone = facts.zone;
    port.kind = facts.kind;
    port.mtu = facts.mtu;
    port.router_mac = router_mac(facts.number);
    insert_open(image.port_index, port_index_home(port.ifindex), PortIndexEntry{port.ifindex, facts.number, 0},
                [](const PortIndexEntry& e) { return e.ifindex == 0; });
    if (facts.kind == PortKind::fabric) {
        port.underlay_ipv4 = address(node_a_ipv4);
        port.underlay_ipv6 = address(node_a_ipv6);
        port.socket_slot = fabric_socket_slot;
        return;
    }
    port.next_hop = facts.number;
    port.peer_mac = peer_mac(facts.number);
    NextHop& hop = image.next_hops[facts.number];
    hop.kind = facts.kind == PortKind::host ? NextHopKind::host : NextHopKind::deliver;
    hop.port = facts.number;
    hop.ifindex = port.ifindex;
    hop.mtu = facts.mtu;
    hop.destination_mac = port.peer_mac;
    hop.source_mac = port.router_mac;
}

void add_node(TableImage& image, uint16_t next_hop, uint16_t mtu, std::string_view source, std::string_view destination,
              const MacAddress& link_address) {
    NextHop& hop = image.next_hops[next_hop];
    hop.kind = NextHopKind::encapsulate;
    hop.port = fabric;
    hop.ifindex = ifindex_of(fabric);
    hop.mtu = mtu;
    hop.destination_mac = link_address;
    hop.source_mac = router_mac(fabric);
    hop.tunnel_source = address(source);
    hop.tunnel_destination = address(destination);
    NodeEntry node{};
    node.address = hop.tunnel_destination;
    node.next_hop = next_hop;
    insert_open(image.nodes, node_home(node.address), node,
                [](const NodeEntry& e) { return (e.address.words[0] | e.address.words[1]) == 0; });
}

void add_zone(TableImage& image, Network network) {
    Zone& zone = image.zones[network];
    zone.vni = vni_of(network);
    zone.plane = network == green || network == teal ? Plane::user : Plane::kernel;
    zone.fallback_to_kernel = network == teal;
    const std::vector<uint8_t> ipv4 =
        network == red ? std::vector<uint8_t>{128, 96 + 25, 96 + 24, 96} : std::vector<uint8_t>{128, 96 + 24};
    const std::vector<uint8_t> ipv6 = network == red ? std::vector<uint8_t>{128, 64, 49, 48, 0} : std::vector<uint8_t>{128, 64};
    zone.ipv4_lengths = static_cast<uint8_t>(ipv4.size());
    zone.ipv6_lengths = static_cast<uint8_t>(ipv6.size());
    std::copy(ipv6.begin(), ipv6.end(), std::copy(ipv4.begin(), ipv4.end(), zone.lengths));
    insert_open(image.vni_index, vni_index_home(zone.vni), VniIndexEntry{zone.vni, network, 0},
                [](const VniIndexEntry& e) { return e.vni == 0; });
}

}  // namespace

const MacAddress node_b_mac = mac("02:00:00:00:0f:0b");
const MacAddress node_c_mac = mac("02:00:00:00:0f:0c");
const MacAddress broadcast_mac = mac("ff:ff:ff:ff:ff:ff");

MacAddress peer_mac(uint16_t port) { return {{0x02, 0, 0, 0, 0x01, static_cast<uint8_t>(port)}}; }
MacAddress router_mac(uint16_t port) { return {{0x02, 0, 0, 0, 0x02, static_cast<uint8_t>(port)}}; }

const char* name_of(uint16_t port) {
    for (const PortFacts& facts : port_facts)
        if (facts.number == port) return facts.name;
    return "no port";
}

TableImage tables(const uint32_t (&secret)[10], uint32_t route_bucket_mask) {
    TableImage image;
    image.ports.resize(ports_max);
    image.port_index.resize(port_index_slots);
    image.zones.resize(zones_max);
    image.vni_index.resize(vni_index_slots);
    image.nodes.resize(node_slots);
    image.routes.resize(route_bucket_mask + 1);
    image.next_hops.resize(next_hops_max);

    for (const Network network : {red, blue, green, teal, amber}) {
        add_zone(image, network);
        for (const RouteFacts& route : routes_of_all)
            add_route(image, secret, route_bucket_mask, network, route.prefix, route.next_hop);
    }
    for (const RouteFacts& route : routes_of_red)
        add_route(image, secret, route_bucket_mask, red, route.prefix, route.next_hop,
                  route.next_hop == to_nowhere ? uint8_t{0} : route_leads_on);
    for (const PortFacts& facts : port_facts) {
        add_port(image, facts);
        if (facts.ipv4 == nullptr) continue;
        const uint8_t flags = facts.kind == PortKind::host ? route_leads_on : uint8_t{0};
        add_route(image, secret, route_bucket_mask, facts.zone, facts.ipv4, facts.number, flags);
        add_route(image, secret, route_bucket_mask, facts.zone, facts.ipv6, facts.number, flags);
    }
    add_node(image, to_node_b, tunnel_ipv4_mtu, node_a_ipv4, node_b_ipv4, node_b_mac);
    add_node(image, to_node_c, tunnel_ipv6_mtu, node_a_ipv6, node_c_ipv6, node_c_mac);
    add_node(image, to_node_d, tunnel_ipv4_mtu, node_a_ipv4, node_d_ipv4, MacAddress{});
    image.next_hops[to_nowhere].kind = NextHopKind::discard;
    write_policies(image, secret);
    return image;
}

}  // namespace biplane::world
