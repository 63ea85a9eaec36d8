// Who may have how many flows, and how fast new ones (design, D3): nobody's flood takes what is another's.
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;

namespace {

Packet datagram(uint16_t port, uint16_t number) {
    return frame_from(port).ipv4("10.0.0.10", "10.0.0.11").udp(5000 + number, 53).filler(16);
}
Packet tcp_segment(uint8_t flags) { return frame_from(red_web).ipv4("10.0.0.10", "10.0.0.11").tcp(40000, 80, flags); }

// The first packet of flow `number`, or another one.
Step opens(uint16_t from, uint16_t to, uint16_t number) {
    return arrives(from, datagram(from, number)).is(delivered(to, at(to, datagram(from, number)).ttl(63)));
}
Step red_opens(uint16_t number) { return opens(red_web, red_db, number); }
Step blue_opens(uint16_t number) { return opens(blue_web, blue_db, number); }
Step is_refused(const Step& step, DropReason reason) { return step.is(dropped(reason)); }

WantedFlow red_flow(uint16_t number) {
    return flow(red, 17, "10.0.0.10", 5000 + number, "10.0.0.11", 53).to(red_db).from(red_web, red_web);
}
WantedFlow blue_flow(uint16_t number) {
    return flow(blue, 17, "10.0.0.10", 5000 + number, "10.0.0.11", 53).to(blue_db).from(blue_web, blue_web);
}

using Change = std::function<void(SharedTables&)>;

Change limits(uint32_t owner, FlowLimit limit) {
    return [=](SharedTables& tables) {
        for (uint32_t bank = 0; bank < banks; ++bank) *tables.flow_limit(bank, owner) = limit;
    };
}
Change both(const Change& first, const Change& second) {
    return [=](SharedTables& tables) {
        first(tables);
        second(tables);
    };
}

FlowLimit at_most(int32_t own, int32_t borrowed = 0) { return {.own = own, .borrowed = borrowed}; }
FlowLimit per_second(uint64_t rate, uint64_t burst) {
    const uint64_t cost = (uint64_t{ticks_from_ms(1000)} << flow_token_shift) / rate;  // a second as time_passes() has it
    return {.token_cost = cost, .token_burst = cost * (burst - 1)};
}

const uint32_t web = flow_owner_of_port(red_web), red_zone = flow_owner_of_zone(red), blue_zone = flow_owner_of_zone(blue);

std::vector<Case> quota_cases() {
    using enum DropReason;
    const Packet syn = tcp_segment(tcp::syn), reset = tcp_segment(tcp::rst).sequence(1001, 0);
    const Packet inner = inner_frame().ipv4("10.0.0.20", "10.0.0.10").udp(5000, 53).filler(16);
    const Packet second = inner_frame().ipv4("10.0.0.20", "10.0.0.10").udp(5001, 53).filler(16);
    return {
        {"a workload over its quota opens no new flow, and keeps those it has",
         {red_opens(1).after(limits(web, at_most(1))), is_refused(red_opens(2), flow_quota_workload), red_opens(1)},
         {red_flow(1).seen(2, 0)}},
        {"a workload's quota does not touch its neighbour",
         {red_opens(1).after(limits(web, at_most(1))), is_refused(red_opens(2), flow_quota_workload),
          arrives(red_db, frame_from(red_db).ipv4("10.0.0.11", "10.0.0.10").udp(9, 9).filler(8))
              .is(delivered(red_web, frame_to(red_web).ipv4("10.0.0.11", "10.0.0.10").ttl(63).udp(9, 9).filler(8)))},
         {red_flow(1), flow(red, 17, "10.0.0.11", 9, "10.0.0.10", 9)}},
        {"a flow that is over does not count any more",
         {red_opens(1).after(limits(web, at_most(1))), red_opens(2).after(time_passes(3600)),
          is_refused(red_opens(3), flow_quota_workload)},
         {red_flow(2)}},
        {"a closed connection gives way to a new flow of a workload that is over its quota",
         {arrives(red_web, syn).is(delivered(red_db, at(red_db, syn).ttl(63))).after(limits(web, at_most(1))),
          is_refused(red_opens(1), flow_quota_workload), arrives(red_web, reset).is(delivered(red_db, at(red_db, reset).ttl(63))),
          red_opens(2).after(time_passes(2))},
         {red_flow(2)}},
        {"a network over its share opens no new flow, and others do",
         {red_opens(1).after(limits(red_zone, at_most(1))), is_refused(red_opens(2), flow_quota_network), blue_opens(1),
          blue_opens(2), red_opens(1)},
         {red_flow(1).seen(2, 0), blue_flow(1), blue_flow(2)}},
        {"a network borrows from the pool what it needs beyond its share, up to its limit",
         {red_opens(1).after(both(limits(red_zone, at_most(1, 1)), limits(flow_owner_node, at_most(9)))), red_opens(2),
          is_refused(red_opens(3), flow_quota_network)},
         {red_flow(1), red_flow(2)}},
        {"a network that has emptied the pool leaves the others their share",
         {red_opens(1).after(
              both(both(limits(red_zone, at_most(1, 9)), limits(blue_zone, at_most(1, 9))), limits(flow_owner_node, at_most(1)))),
          red_opens(2), is_refused(red_opens(3), flow_quota_network), blue_opens(1), is_refused(blue_opens(2), flow_quota_network)},
         {red_flow(1), red_flow(2), blue_flow(1)}},
        {"what was borrowed goes back to the pool when the flow is over",
         {red_opens(1).after(
              both(both(limits(red_zone, at_most(1, 9)), limits(blue_zone, at_most(1, 9))), limits(flow_owner_node, at_most(1)))),
          red_opens(2), is_refused(red_opens(3), flow_quota_network), blue_opens(1).after(time_passes(3600)), blue_opens(2)},
         {blue_flow(1), blue_flow(2)}},
        {"flows that come from other nodes count to their network, not to the workload they go to",
         {arrives(fabric, coming_from_node(to_node_b, red, inner))
              .is(delivered(red_web, at(red_web, inner)))
              .after(both(limits(red_zone, at_most(2)), limits(web, at_most(1)))),
          red_opens(1), is_refused(arrives(fabric, coming_from_node(to_node_b, red, second)), flow_quota_network)},
         {flow(red, 17, "10.0.0.20", 5000, "10.0.0.10", 53), red_flow(1)}},
    };
}

std::vector<Case> rate_cases() {
    using enum DropReason;
    return {
        {"a workload opens no more new flows than its burst and its rate allow",
         {red_opens(1).after(limits(web, per_second(1, 2))), red_opens(2), is_refused(red_opens(3), flow_rate_workload),
          red_opens(1), red_opens(4).after(time_passes(1)), is_refused(red_opens(5), flow_rate_workload)},
         {red_flow(1).seen(2, 0), red_flow(2), red_flow(4)}},
        {"what was not used for long is worth one burst",
         {red_opens(1).after(limits(web, per_second(1, 2))), red_opens(2).after(time_passes(60)), red_opens(3),
          is_refused(red_opens(4), flow_rate_workload)},
         {red_flow(1), red_flow(2), red_flow(3)}},
        {"a network opens no more new flows than its rate allows, and others do",
         {red_opens(1).after(limits(red_zone, per_second(1, 1))), is_refused(red_opens(2), flow_rate_network), blue_opens(1),
          blue_opens(2)},
         {red_flow(1), blue_flow(1), blue_flow(2)}},
    };
}

}  // namespace

std::vector<Case> fairness_cases() {
    std::vector<Case> all = quota_cases();
    for (Case& one : rate_cases()) all.push_back(std::move(one));
    return all;
}

}  // namespace biplane::cases
