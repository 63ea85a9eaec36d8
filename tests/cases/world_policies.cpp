// The policies of the amber network, as tables written by hand.
#include <cstdio>
#include <cstdlib>

#include "cases/world.hpp"
#include "datapath/hash.hpp"
#include "datapath/wire/headers.hpp"

namespace biplane::world {
namespace {

enum Subject : uint16_t { web_egress = 1, db_ingress };
enum Peer : uint16_t { peer_web = 1, peer_db, peer_node_b };

constexpr uint32_t buckets = 4;

constexpr uint32_t allow(Rule rule) { return policy_allow | rule; }
constexpr uint32_t isolated(Rule rule) { return policy_isolated | rule; }

struct Allowed {
    uint8_t protocol;
    uint16_t first, last;
    uint32_t decision;
};

// `exceptions` in rising order, everything else as `otherwise`.
PolicyList add_list(TableImage& image, uint32_t otherwise, std::initializer_list<Allowed> exceptions) {
    const uint32_t first = static_cast<uint32_t>(image.policy_ranges.size());
    image.policy_ranges.push_back({0, otherwise});
    for (const Allowed& range : exceptions) {
        const uint32_t start = policy_position(range.protocol, range.first);
        if (image.policy_ranges.back().start == start) image.policy_ranges.pop_back();
        image.policy_ranges.push_back({start, range.decision});
        image.policy_ranges.push_back({policy_position(range.protocol, range.last) + 1, otherwise});
    }
    return {first, static_cast<uint32_t>(image.policy_ranges.size()) - first};
}

void add_pair(TableImage& image, const uint32_t (&secret)[10], Subject subject, Peer peer, PolicyList list) {
    const uint32_t key = uint32_t{subject} << 16 | peer;
    const BucketPlace place = place_policy_pair(key, secret, buckets - 1);
    for (const uint32_t bucket : {place.first_bucket, place.second_bucket})
        for (PolicyPair& pair : image.policy_buckets[bucket].pairs)
            if (pair.key == 0) {
                pair = {key, list};
                return;
            }
    std::fprintf(stderr, "the world's policies do not fit\n");
    std::abort();
}

}  // namespace

uint16_t class_of(Network network, std::string_view prefix) {
    if (network != amber) return no_address_class;
    if (prefix == "10.0.0.10" || prefix == "fd00:a::10") return class_of_web;
    if (prefix == "10.0.0.11" || prefix == "fd00:a::11") return class_of_db;
    if (prefix == "10.0.0.20" || prefix == "fd00:a::20") return class_of_node_b;
    if (prefix == "10.0.0.1" || prefix == "fd00:a::1") return class_of_node;
    return no_address_class;
}

void write_policies(TableImage& image, const uint32_t (&secret)[10]) {
    using namespace protocol;
    constexpr uint16_t echo = icmp_type::echo_request << 8, echo6 = icmpv6_type::echo_request << 8;
    image.address_classes = {
        {}, {web_egress, 0, peer_web, 0}, {0, db_ingress, peer_db, 0}, {0, 0, peer_node_b, 0}, {0, 0, no_peer, address_class_node}};
    image.policy_buckets.assign(buckets, {});
    image.policy_subjects = {{0, buckets}, add_list(image, isolated(web_isolated), {}), add_list(image, isolated(db_isolated), {})};
    add_pair(image, secret, web_egress, peer_db,
             add_list(image, isolated(web_isolated),
                      {{icmp, echo, echo, allow(web_to_db)},
                       {tcp, 23, 23, allow(web_to_db)},
                       {tcp, 5432, 5433, allow(web_to_db)},
                       {icmpv6, echo6, echo6, allow(web_to_db)},
                       {sctp, 0, 65535, allow(web_to_db)}}));
    add_pair(image, secret, web_egress, peer_node_b, add_list(image, allow(web_to_node_b), {}));
    add_pair(image, secret, db_ingress, peer_web,
             add_list(image, isolated(db_isolated),
                      {{icmp, echo, echo, allow(db_ping)},
                       {tcp, 23, 23, policy_log | db_no_telnet},
                       {tcp, 5432, 5432, allow(db_from_web)},
                       {icmpv6, echo6, echo6, allow(db_ping)}}));
    add_pair(image, secret, db_ingress, peer_node_b,
             add_list(image, isolated(db_isolated), {{udp, 53, 59, allow(db_from_node_b)}}));
}

}  // namespace biplane::world
