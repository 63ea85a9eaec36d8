// Fragments (RFC 791, 1858, 3128; RFC 8200 section 4.5, RFC 5722, 6946): a later one passes as part of the flow that its first was
// let through with, and not before it. Each in both families.
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

namespace {

struct Family {
    const char* name;
    std::string web, db, narrow, nowhere, behind_b;
    bool is_ipv6;
};

const Family families[] = {{"IPv4", "10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.99", "10.0.0.20", false},
                           {"IPv6", "fd00:a::10", "fd00:a::11", "fd00:a::12", "fd00:a::99", "fd00:a::20", true}};

// The packets of one datagram: 24 bytes in the first fragment, as many in the others.
struct Datagram {
    Family family;
    Packet frame;  // an Ethernet header
    std::string source, destination;
    uint16_t identification = 7;

    Packet fragment(uint16_t offset, bool more) const {
        const Packet header = frame.ip(source, destination);
        return family.is_ipv6 ? header.fragment_header(offset, more, identification)
                              : header.identification(identification).fragment(offset, more);
    }
    Packet first(uint16_t from = 5000, uint16_t to = 53) const { return fragment(0, true).udp(from, to).udp_length(72).filler(16); }
    Packet later(uint16_t offset, bool more = false, uint8_t protocol = 17) const {
        return fragment(offset, more).protocol(protocol).filler(24);
    }
};

Datagram to_db(const Family& f) { return {f, frame_from(red_web), f.web, f.db}; }
WantedFlow flow_to_db(const Family& f) { return flow(red, 17, f.web, 5000, f.db, 53).to(red_db).from(red_web, red_web); }

Step passes(uint16_t from, uint16_t to, const Packet& packet) {
    return arrives(from, packet).is(delivered(to, at(to, packet).ttl(63)));
}
Step passes(const Packet& packet) { return passes(red_web, red_db, packet); }
Step is_dropped(const Packet& packet, DropReason reason) { return arrives(red_web, packet).is(dropped(reason)); }
Step lacks_its_first(const Packet& packet) { return is_dropped(packet, DropReason::fragment_first_missing); }

std::vector<Case> joining_cases(const Family& f) {
    const std::string family = std::string(" ") + f.name + " ";
    const Datagram d = to_db(f), other{f, frame_from(red_web), f.web, f.db, 8};
    const Datagram in_blue{f, frame_from(blue_web), f.web, f.db}, claimed{f, frame_from(red_narrow), f.web, f.db};
    const Datagram back{f, frame_from(red_db), f.db, f.web};
    const uint8_t icmp = f.is_ipv6 ? 58 : 1;
    const Packet ping = d.fragment(0, true).echo_request(77).filler(16);
    const Packet pong = back.fragment(0, true).echo_reply(77).filler(16);
    const Packet gre = d.fragment(0, true).protocol(47).filler(24);
    return {
        {"all fragments of an" + family + "datagram travel as its flow",
         {passes(d.first()), passes(d.later(24, true)), passes(d.later(48))},
         {flow_to_db(f).seen(3, 0)}},
        {"later" + family + "fragments may come in any order behind their first",
         {passes(d.first()), passes(d.later(48)), passes(d.later(24, true)), passes(d.later(24, true))},
         {flow_to_db(f).seen(4, 0)}},
        {"a later" + family + "fragment alone is dropped and leaves no flow", {lacks_its_first(d.later(24))}},
        {"a later" + family + "fragment that comes before its first is dropped",
         {lacks_its_first(d.later(48)), passes(d.first()), passes(d.later(24, true))},
         {flow_to_db(f).seen(2, 0)}},
        {"a later" + family + "fragment of another identification is dropped",
         {passes(d.first()), lacks_its_first(other.later(24))},
         {flow_to_db(f).seen(1, 0)}},
        {"a later" + family + "fragment of another network is dropped",
         {passes(d.first()), arrives(blue_web, in_blue.later(24)).is(dropped(DropReason::fragment_first_missing))},
         {flow_to_db(f).seen(1, 0)}},
        {"a later" + family + "fragment that another workload sends in the first one's name is dropped",
         {passes(d.first()), arrives(red_narrow, claimed.later(24)).is(dropped(DropReason::fragment_first_missing))},
         {flow_to_db(f).seen(1, 0)}},
        {"a later" + family + "fragment does not join a known flow without its first",
         {passes(d.frame.ip(d.source, d.destination).udp(5000, 53).filler(16)), lacks_its_first(d.later(24))},
         {flow_to_db(f).seen(1, 0)}},
        {"later" + family + "fragments follow their first for 30 seconds",
         {passes(d.first()), passes(d.later(24, true)).after(time_passes(29)), lacks_its_first(d.later(48)).after(time_passes(2))},
         {flow_to_db(f).seen(2, 0)}},
        {"the identification of an old" + family + "datagram may be used again",
         {passes(d.first()), passes(d.first(5001)).after(time_passes(31)), passes(d.later(24))},
         {flow_to_db(f).seen(1, 0), flow(red, 17, f.web, 5001, f.db, 53).seen(2, 0)}},
        {"an" + family + "echo request and its reply in fragments are one flow",
         {passes(ping), passes(d.later(24, false, icmp)), passes(red_db, red_web, pong),
          passes(red_db, red_web, back.later(24, false, icmp))},
         {flow(red, icmp, f.web, 77, f.db, 0).in_state(FlowState::established).seen(2, 2)}},
        {std::string(f.name) + " fragments of a protocol without ports are carried by address",
         {passes(gre), passes(d.later(24, false, 47))},
         {flow(red, 47, f.web, 0, f.db, 0).seen(2, 0)}},
        {"the first" + family + "fragment sent twice is no harm",
         {passes(d.first()), passes(d.first()), passes(d.later(24))},
         {flow_to_db(f).seen(3, 0)}},
    };
}

// What an ICMP error quotes: the IP packet of a frame, `length` bytes of it.
Bytes quote(const Packet& frame, ptrdiff_t length) {
    const Bytes bytes = frame.bytes();
    return Bytes(bytes.begin() + 14, bytes.begin() + 14 + length);
}

// Errors about fragments: the first one has the ports that tell which flow it is about.
std::vector<Case> error_cases(const Family& f) {
    using enum DropReason;
    const std::string family = std::string(" ") + f.name + " ";
    const Datagram d = to_db(f), narrow{f, frame_from(red_web), f.web, f.narrow};
    const Packet old = d.first().ttl(1), big = narrow.fragment(0, true).udp(5000, 53).udp_length(2000).filler(1432);
    const Packet told = frame_to(red_web).ip(f.is_ipv6 ? "fe80::1" : "169.254.1.1", f.web);
    const ptrdiff_t quoted = f.is_ipv6 ? 40 + 20 : 20 + 8;
    // What the router quotes: all of the first, and of the other as much as an error may carry.
    const ptrdiff_t all_quoted = f.is_ipv6 ? 40 + 8 + 24 : 20 + 24, most_quoted = f.is_ipv6 ? 1280 - 48 : 576 - 28;
    const Packet lost = frame_from(red_db).ip(f.db, f.web).icmp(f.is_ipv6 ? 3 : 11, 1);
    return {
        {"the sender of a first" + family + "fragment whose TTL runs out is told so",
         {arrives(red_web, old)
              .is({drop(ttl_expired), red_web, told.icmp(f.is_ipv6 ? 3 : 11, 0).payload(quote(old, all_quoted))})}},
        {"the sender of a first" + family + "fragment that is too large is told the MTU",
         {arrives(red_web, big)
              .is({drop(mtu_exceeded), red_web,
                   told.icmp(f.is_ipv6 ? 2 : 3, f.is_ipv6 ? 0 : 4, narrow_mtu).payload(quote(big, most_quoted))})}},
        {"nobody is told about a later" + family + "fragment whose TTL runs out",
         {passes(d.first()), is_dropped(d.later(24).ttl(1), ttl_expired)},
         {flow_to_db(f).seen(1, 0)}},
        {"that" + family + "fragments were lost is told to their sender",
         {passes(d.first()), passes(red_db, red_web, lost.payload(quote(d.first().ttl(63), quoted)))},
         {flow_to_db(f).seen(1, 0)}},
        {"an error that quotes a later" + family + "fragment tells nobody",
         {passes(d.first()), arrives(red_db, lost.payload(quote(d.later(24).ttl(63), quoted))).is(dropped(icmp_unrelated))},
         {flow_to_db(f).seen(1, 0)}},
    };
}

// 10.0.0.11 and fd00:a::11 let in datagrams to port 53, and nothing else.
void isolate_db(SharedTables& tables) {
    const uint32_t rule = 2, isolation = 1;
    for (uint32_t bank = 0; bank < banks; ++bank) {
        for (uint32_t n = 0; n < tables.sizes().route_buckets; ++n)
            for (RouteEntry& route : tables.route_bucket(bank, n)->entries)
                if (route.zone == red && (route.prefix == address("10.0.0.11") || route.prefix == address("fd00:a::11")))
                    route.address_class = 1;
        *tables.address_class(bank, 1) = {no_subject, 1, no_peer, 0};
        *tables.policy_subject(bank, 1) = {0, 3};
        *tables.policy_range(bank, 0) = {0, policy_isolated | isolation};
        *tables.policy_range(bank, 1) = {policy_position(17, 53), policy_allow | rule};
        *tables.policy_range(bank, 2) = {policy_position(17, 54), policy_isolated | isolation};
    }
}

// What no fragment may do: get past what is judged by the first one's ports.
std::vector<Case> evasion_cases(const Family& f) {
    using enum DropReason;
    const std::string family = std::string(" ") + f.name + " ";
    const Datagram d = to_db(f);
    const Datagram to_nowhere{f, frame_from(red_web), f.web, f.nowhere};
    const Packet options_cut_off = d.fragment(0, true).tcp(40000, 80, packets::tcp::syn).data_offset(7).filler(4);
    const Packet syn = d.fragment(0, true).tcp(40000, 80, packets::tcp::syn).filler(4);
    const Packet ack = d.fragment(0, true).tcp(40000, 80, packets::tcp::ack).filler(4);
    const uint8_t icmp = f.is_ipv6 ? 58 : 1;
    return {
        {"a" + family + "datagram in fragments passes a policy that allows its port",
         {passes(d.first()).after(isolate_db), passes(d.later(24))},
         {flow_to_db(f).seen(2, 0)}},
        {"no" + family + "fragment of a datagram to a port that no policy allows passes",
         {is_dropped(d.first(5000, 80), policy_ingress_denied).after(isolate_db), lacks_its_first(d.later(24))}},
        {"a denied" + family + "first fragment takes no allowed one's place",
         {passes(d.first()).after(isolate_db), is_dropped(d.first(5000, 80), f.is_ipv6 ? fragment_conflict : policy_ingress_denied),
          passes(d.later(24))},
         {flow_to_db(f).seen(2, 0)}},
        {"later" + family + "fragments are judged anew like their flow",
         {passes(d.first(5000, 80)), is_dropped(d.later(24), policy_ingress_denied).after([](SharedTables& tables) {
              isolate_db(tables), a_new_epoch()(tables);
          })},
         {flow(red, 17, f.web, 5000, f.db, 80).seen(1, 0)}},
        {"a" + family + "first fragment that goes nowhere lets nothing follow",
         {is_dropped(to_nowhere.first(), route_discard), lacks_its_first(to_nowhere.later(24))}},
        {"a later" + family + "fragment that overlaps the first one is dropped, and the rest passes",
         {passes(d.first()), is_dropped(d.later(16), fragment_overlap), passes(d.later(24))},
         {flow_to_db(f).seen(2, 0)}},
        {"a" + family + "first fragment without its whole TCP header is dropped",
         {is_dropped(d.fragment(0, true).protocol(6).filler(16), fragment_tiny)}},
        {"a" + family + "first fragment without all its TCP options is dropped", {is_dropped(options_cut_off, fragment_tiny)}},
        {"a" + family + "first fragment without its whole UDP header is dropped",
         {is_dropped(d.fragment(0, true).protocol(17).filler(4), fragment_tiny)}},
        {"a" + family + "first fragment of an echo request without its identifier is dropped",
         {is_dropped(d.fragment(0, true).protocol(icmp).filler(4), fragment_tiny)}},
        {"a" + family + "fragment before others must be a multiple of eight bytes long",
         {is_dropped(d.fragment(0, true).udp(5000, 53).udp_length(72).filler(17), fragment_invalid),
          is_dropped(d.fragment(24, true).protocol(17).filler(23), fragment_invalid)}},
        {"an empty later" + family + "fragment is dropped", {is_dropped(d.fragment(24, false).protocol(17), fragment_invalid)}},
        {"no" + family + "fragment may end beyond 65535 bytes",
         {passes(d.first()), passes(d.fragment(65528, false).protocol(17).filler(7)),
          is_dropped(d.fragment(65528, false).protocol(17).filler(8), fragment_invalid)},
         {flow_to_db(f).seen(2, 0)}},
        {"a SYN in" + family + "fragments opens one flow, which its later fragments do not move",
         {passes(syn), passes(d.later(24, false, 6))},
         {flow(red, 6, f.web, 40000, f.db, 80).in_state(FlowState::opening).seen(2, 0)}},
        {"an ACK of no connection does not pass in" + family + "fragments",
         {is_dropped(ack, tcp_no_flow), lacks_its_first(d.later(24, false, 6))}},
        {"an ICMP error in" + family + "fragments is dropped",
         {is_dropped(d.fragment(0, true).icmp(f.is_ipv6 ? 1 : 3, 3).filler(56), icmp_unrelated)}},
    };
}

std::vector<Case> family_cases() {
    using enum DropReason;
    const Family &f4 = families[0], &f6 = families[1];
    const Datagram d4 = to_db(f4), d6 = to_db(f6);
    const Packet atomic = d6.fragment(0, false).udp(5000, 53).filler(16);
    const Packet with_options = d6.fragment(0, true).destination_options().udp(5000, 53).udp_length(64).filler(16);
    return {
        {"a fragment that would write over the TCP header of an IPv4 first one is dropped",
         {is_dropped(d4.later(8, false, 6), fragment_tiny)}},
        {"a later IPv4 fragment of another protocol belongs to another datagram",
         {passes(d4.first()), lacks_its_first(d4.later(24, false, 6))},
         {flow_to_db(f4).seen(1, 0)}},
        {"of two IPv4 first fragments with one identification the newer one counts (RFC 4963)",
         {passes(d4.first()), passes(d4.first(5001)), passes(d4.later(24))},
         {flow_to_db(f4).seen(1, 0), flow(red, 17, f4.web, 5001, f4.db, 53).seen(2, 0)}},
        {"a second first fragment of an IPv6 packet with other ports is dropped (RFC 5722)",
         {passes(d6.first()), is_dropped(d6.first(5001), fragment_conflict), passes(d6.later(24))},
         {flow_to_db(f6).seen(2, 0)}},
        {"a second first fragment of an IPv6 packet of another length is dropped (RFC 5722)",
         {passes(d6.first()), is_dropped(d6.fragment(0, true).udp(5000, 53).udp_length(72).filler(24), fragment_conflict)},
         {flow_to_db(f6).seen(1, 0)}},
        {"the next header of a later IPv6 fragment does not count (RFC 8200)",
         {passes(with_options), passes(d6.later(32, false, 60))},
         {flow_to_db(f6).seen(2, 0)}},
        {"an atomic fragment is no fragment, and nothing follows it (RFC 6946)",
         {passes(atomic), lacks_its_first(d6.later(24))},
         {flow_to_db(f6)}},
        {"an IPv6 first fragment that ends before its transport header is dropped",
         {is_dropped(d6.fragment(0, true).protocol(17), fragment_tiny)}},
        {"a router advertisement does not pass in fragments (RFC 6980)",
         {is_dropped(d6.fragment(0, true).icmp(134, 0).filler(8), nd_unsolicited), lacks_its_first(d6.later(24, false, 58))}},
        {"a neighbour solicitation in fragments is not answered (RFC 6980)",
         {is_dropped(d6.fragment(0, true).ttl(255).neighbour_solicitation("fe80::1", nullptr), nd_invalid)}},
    };
}

std::vector<Case> tunnel_cases(const Family& f) {
    const std::string family = std::string(" ") + f.name + " ";
    const Datagram d{f, inner_frame(), f.behind_b, f.web};
    const Datagram out{f, frame_from(red_web), f.web, f.behind_b};
    const auto leaves = [&](const Packet& packet) {
        const Packet inner = packet.macs(packets::mac("02:62:70:00:00:02"), packets::mac("02:62:70:00:00:01")).ttl(63);
        return arrives(red_web, packet).is(forwarded(towards_node(to_node_b, red, inner)));
    };
    const auto comes = [&](uint16_t node, const Packet& packet) { return arrives(fabric, coming_from_node(node, red, packet)); };
    const auto is_delivered = [](const Packet& packet) { return delivered(red_web, at(red_web, packet)); };
    const WantedFlow in = flow(red, 17, f.behind_b, 5000, f.web, 53).to(red_web).from(to_node_b, fabric);
    return {
        {std::string(f.name) + " fragments leave for a node, each in a tunnel packet of its own",
         {leaves(out.first()), leaves(out.later(24))},
         {flow(red, 17, f.web, 5000, f.behind_b, 53).to(to_node_b).from(red_web, red_web).seen(2, 0)}},
        {std::string(f.name) + " fragments that come from a node are delivered",
         {comes(to_node_b, d.first()).is(is_delivered(d.first())), comes(to_node_b, d.later(24)).is(is_delivered(d.later(24)))},
         {in.seen(2, 0)}},
        {"a later" + family + "fragment alone from a node is dropped",
         {comes(to_node_b, d.later(24)).is(dropped(DropReason::fragment_first_missing))}},
        {"a later" + family + "fragment from another node than its first's is dropped",
         {comes(to_node_b, d.first()).is(is_delivered(d.first())),
          comes(to_node_c, d.later(24)).is(dropped(DropReason::fragment_first_missing))},
         {in.seen(1, 0)}},
    };
}

// Who is handed the first fragment is handed the others, and only he may say that they pass.
std::vector<Case> plane_cases(const Family& f) {
    using enum PuntReason;
    const std::string family = std::string(" ") + f.name + " ";
    const Datagram d = to_db(f), green{f, frame_from(green_web), f.web, f.db};
    const Packet whole = frame_from(red_web).ip(f.web, f.db).udp(5000, 53).filler(16);
    const auto flows_move_to_the_user_plane = [](SharedTables& tables) {
        for (uint32_t n = 0; n < tables.flow_entries(); ++n)
            if (tables.flow(n)->zone != no_zone) tables.flow(n)->mode |= flow_mode_user_plane;
        user_plane_is(true)(tables);
    };
    const auto entries_are_handed_over = [](SharedTables& tables) {
        for (uint32_t n = 0; n < fragment_buckets; ++n)
            for (FragmentEntry& entry : tables.fragment_bucket(n)->entries) entry.is_handed_over = entry.state != 0;
    };
    return {
        {"all" + family + "fragments of a network that is placed in the user plane are handed over",
         {arrives(green_web, green.later(48)).is(punted(placed)).after(user_plane_is(true)),
          arrives(green_web, green.first()).is(punted(placed)), arrives(green_web, green.later(24)).is(punted(placed))},
         {},
         Holds::in_the_kernel_plane},
        {"all" + family + "fragments of a flow that was moved to the user plane are handed over",
         {passes(whole), arrives(red_web, d.first()).is(punted(flow_placed)).after(flows_move_to_the_user_plane),
          arrives(red_web, d.later(24)).is(punted(flow_placed))},
         {flow_to_db(f).seen(1, 0)},
         Holds::in_the_kernel_plane},
        {"what the kernel plane handed over lets no" + family + "fragment pass before the user plane has judged it",
         {passes(d.first()), lacks_its_first(d.later(24)).after(entries_are_handed_over)},
         {flow_to_db(f).seen(1, 0)}},
    };
}

}  // namespace

std::vector<Case> fragment_cases() {
    std::vector<Case> all = family_cases();
    for (const Family& f : families)
        for (const auto& some : {joining_cases(f), error_cases(f), evasion_cases(f), tunnel_cases(f), plane_cases(f)})
            all.insert(all.end(), some.begin(), some.end());
    return all;
}

}  // namespace biplane::cases
