// Policies (layout/policy.hpp): both ends must agree, replies pass, a new epoch is judged in the initiator's direction.
#include "cases/case.hpp"

namespace biplane::cases {

using namespace world;
using namespace packets;
using namespace packets::tcp;

namespace {

constexpr uint16_t client = 40000, database = 5432;

struct Family {
    const char* name;
    const char *web, *db, *node_b, *node;
    uint8_t echo_protocol;
};
constexpr Family families[] = {{"IPv4", "10.0.0.10", "10.0.0.11", "10.0.0.20", "10.0.0.1", 1},
                               {"IPv6", "fd00:a::10", "fd00:a::11", "fd00:a::20", "fd00:a::1", 58}};

struct Story {
    const Family& family;

    std::string about(const char* sentence) const { return std::string(family.name) + ": " + sentence; }
    Packet web_to_db() const { return frame_from(amber_web).ip(family.web, family.db); }
    Packet db_to_web() const { return frame_from(amber_db).ip(family.db, family.web); }
    Packet host_to_db() const { return frame_from(amber_host).ip(family.node, family.db); }
    Packet node_b_to_db() const { return inner_frame().ip(family.node_b, family.db); }

    static Step passes(uint16_t from, uint16_t to, const Packet& packet) {
        return arrives(from, packet).is(delivered(to, at(to, packet).ttl(63)));
    }
    static Step denied(uint16_t from, const Packet& packet, DropReason reason) { return arrives(from, packet).is(dropped(reason)); }

    WantedFlow connection() const {
        return flow(amber, 6, family.web, client, family.db, database).to(amber_db).from(amber_web, amber_web);
    }
    Step opens() const { return passes(amber_web, amber_db, web_to_db().tcp(client, database, syn).sequence(1000, 0)); }
    Step accepts() const { return passes(amber_db, amber_web, db_to_web().tcp(database, client, syn | ack).sequence(2000, 1001)); }
};

std::vector<Case> first_packet_cases(const Story& s) {
    using enum DropReason;
    const Family& f = s.family;
    const auto from_node_b = [&](uint16_t port) { return coming_from_node(to_node_b, amber, s.node_b_to_db().udp(client, port)); };
    return {
        {s.about("what both ends allow is delivered, and so is its reply"),
         {s.opens(), s.accepts()},
         {s.connection().in_state(FlowState::answered).seen(1, 1)}},
        {s.about("what the sender's policies do not allow is dropped and leaves no flow"),
         {s.denied(amber_web, s.web_to_db().tcp(client, 5434, syn), policy_egress_denied),
          s.denied(amber_web, s.web_to_db().tcp(client, 5431, syn), policy_egress_denied)}},
        {s.about("what the receiver's policies do not allow is dropped and leaves no flow"),
         {s.denied(amber_web, s.web_to_db().tcp(client, 5433, syn), policy_ingress_denied)}},
        {s.about("a rule that denies is a reason of its own"),
         {s.denied(amber_web, s.web_to_db().tcp(client, 23, syn), policy_rule_denied)}},
        {s.about("the same port of another protocol is another port"),
         {s.denied(amber_web, s.web_to_db().udp(client, database), policy_egress_denied)}},
        {s.about("who is isolated in one direction is not in the other"),
         {s.passes(amber_db, amber_web, s.db_to_web().tcp(client, 9999, syn))},
         {flow(amber, 6, f.db, client, f.web, 9999).to(amber_web).from(amber_db, amber_db)}},
        {s.about("a reply passes where its sender could not have begun"),
         {s.passes(amber_db, amber_web, s.db_to_web().udp(client, 9999)),
          s.passes(amber_web, amber_db, s.web_to_db().udp(9999, client))},
         {flow(amber, 17, f.db, client, f.web, 9999)
              .to(amber_web)
              .from(amber_db, amber_db)
              .in_state(FlowState::established)
              .seen(1, 1)}},
        {s.about("the node reaches its workloads whatever their policies say"),
         {s.passes(amber_host, amber_db, s.host_to_db().tcp(client, 22, syn))},
         {flow(amber, 6, f.node, client, f.db, 22).to(amber_db).from(amber_host, amber_host)}},
        {s.about("the ports of a range are allowed, those beside it are not"),
         {arrives(fabric, from_node_b(52)).is(dropped(policy_ingress_denied)),
          arrives(fabric, from_node_b(60)).is(dropped(policy_ingress_denied)),
          arrives(fabric, from_node_b(53)).is(delivered(amber_db, at(amber_db, s.node_b_to_db().udp(client, 53)))),
          arrives(fabric, from_node_b(59)).is(delivered(amber_db, at(amber_db, s.node_b_to_db().udp(client, 59))))},
         {flow(amber, 17, f.node_b, client, f.db, 53).to(amber_db).from(to_node_b, fabric),
          flow(amber, 17, f.node_b, client, f.db, 59).to(amber_db).from(to_node_b, fabric)}},
    };
}

std::vector<Case> epoch_cases(const Story& s) {
    using enum DropReason;
    const Packet data = s.web_to_db().tcp(client, database, ack | psh).sequence(1001, 2001),
                 answer = s.db_to_web().tcp(database, client, ack | psh).sequence(2001, 1001);
    const WantedFlow wanted = s.connection();
    return {
        {s.about("a connection that is still allowed goes on under the new epoch"),
         {s.opens(), s.accepts(), s.passes(amber_web, amber_db, data).after(a_new_epoch()), s.passes(amber_db, amber_web, answer)},
         {wanted.in_state(FlowState::established).seen(2, 2)}},
        {s.about("a deny cuts the connection with its next packet, in both directions"),
         {s.opens(), s.accepts(),
          s.denied(amber_web, data, policy_ingress_denied).after(a_rule_becomes(db_from_web, policy_isolated | db_isolated)),
          s.denied(amber_db, answer, policy_ingress_denied)},
         {wanted.in_state(FlowState::answered).seen(1, 1)}},
        {s.about("a connection that was denied and is allowed again goes on"),
         {s.opens(), s.accepts(), s.denied(amber_web, data, policy_rule_denied).after(a_rule_becomes(web_to_db, web_to_db)),
          s.passes(amber_db, amber_web, answer).after(a_rule_becomes(web_to_db, policy_allow | web_to_db))},
         {wanted.in_state(FlowState::answered).seen(1, 2)}},
        {s.about("a reply under a new epoch is judged in the direction of whoever began"),
         {s.passes(amber_db, amber_web, s.db_to_web().udp(client, 9999)),
          s.passes(amber_web, amber_db, s.web_to_db().udp(9999, client)).after(a_new_epoch())},
         {flow(amber, 17, s.family.db, client, s.family.web, 9999)
              .to(amber_web)
              .from(amber_db, amber_db)
              .in_state(FlowState::established)
              .seen(1, 1)}},
    };
}

std::vector<Case> ping_cases() {
    const Packet ping = frame_from(amber_web).ipv4("10.0.0.10", "10.0.0.11").icmp(8, 0, 77u << 16 | 1);
    const Packet pong = frame_from(amber_db).ipv4("10.0.0.11", "10.0.0.10").icmp(0, 0, 77u << 16 | 1);
    const Packet timestamp = frame_from(amber_web).ipv4("10.0.0.10", "10.0.0.11").icmp(13, 0, 77u << 16 | 1);
    return {
        {"a ping that is allowed by its type is answered",
         {Story::passes(amber_web, amber_db, ping), Story::passes(amber_db, amber_web, pong),
          Story::passes(amber_db, amber_web, pong).after(a_new_epoch())},
         {flow(amber, 1, "10.0.0.10", 77, "10.0.0.11", 0)
              .to(amber_db)
              .from(amber_web, amber_web)
              .in_state(FlowState::established)
              .seen(1, 2)}},
        {"an ICMP query of another type is not allowed with it",
         {Story::denied(amber_web, timestamp, DropReason::policy_egress_denied)}},
    };
}

}  // namespace

std::vector<Case> policy_cases() {
    std::vector<Case> cases = ping_cases();
    for (const Family& family : families) {
        const Story story{family};
        for (auto part : {first_packet_cases(story), epoch_cases(story)}) cases.insert(cases.end(), part.begin(), part.end());
    }
    return cases;
}

}  // namespace biplane::cases
