#include "engines/flows.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <map>

namespace biplane::engines {

namespace {

std::string text_of(const Address& address) {
    char text[INET6_ADDRSTRLEN];
    const uint32_t four = ipv4_of(address).raw;
    inet_ntop(is_ipv4(address) ? AF_INET : AF_INET6, is_ipv4(address) ? static_cast<const void*>(&four) : address.words, text,
              sizeof text);
    return text;
}

bool is_reverse_of(const FlowEntry& a, const FlowEntry& b) { return has_key(a, reverse_of(key_of(b))); }

// An entry must be found where its key says, with the signature its key says.
void check_place(const SharedTables& tables, uint32_t number, std::vector<std::string>& complaints) {
    const FlowKey key = key_of(*tables.flow(number));
    const FlowPlace place = place_flow(hash_flow(key, tables.config()->hash_secret), tables.config()->flow_buckets);
    const uint32_t bucket = number / flow_bucket_ways;
    const uint32_t signature = tables.flow_bucket(bucket)->signatures[number % flow_bucket_ways];
    if ((bucket != place.first_bucket && bucket != place.second_bucket) || signature != place.signature)
        complaints.push_back(fmt::format("entry {} cannot be found by its key", number));
    else if (find_flow(tables, place, key) != number)
        complaints.push_back(fmt::format("the key of entry {} stands in another entry too", number));
}

void check_pair(const Pair& pair, uint32_t number, std::vector<std::string>& complaints) {
    constexpr uint8_t shared = static_cast<uint8_t>(~(flow_mode_reverse | flow_mode_user_plane | flow_mode_cut));
    if (!is_reverse_of(pair.forward, pair.reverse)) complaints.push_back(fmt::format("half pair: {} has another partner", number));
    if ((pair.reverse.mode & flow_mode_reverse) == 0 || (pair.forward.mode & shared) != (pair.reverse.mode & shared))
        complaints.push_back(fmt::format("the two entries of pair {} do not agree on its state", number));
    if (pair.forward.next_hop != pair.reverse.source_hop || pair.forward.source_hop != pair.reverse.next_hop)
        if (pair.forward.epoch == pair.reverse.epoch)
            complaints.push_back(fmt::format("the two entries of pair {} do not agree on the way", number));
}

// What the owners are said to have is what they have.
void check_shares(const SharedTables& tables, const std::vector<Pair>& pairs, std::vector<std::string>& complaints) {
    std::map<uint32_t, int64_t> had;
    for (const Pair& pair : pairs) {
        ++had[flow_owner_of_port(pair.detail.ingress_port)];
        ++had[flow_owner_of_zone(pair.forward.zone)];
    }
    int64_t borrowed = 0;
    for (uint32_t owner = 1; owner < flow_owners_max; ++owner) {
        const FlowShare& share = *tables.flow_share(owner);
        borrowed += share.borrowed;
        const int64_t counted = int64_t{share.own} + share.borrowed;
        if (counted != had[owner])
            complaints.push_back(fmt::format("owner {} has {} flows, and is said to have {}", owner, had[owner], counted));
    }
    const int64_t said = tables.flow_share(flow_owner_node)->own;
    if (said != borrowed) complaints.push_back(fmt::format("{} flows are borrowed, the pool says {}", borrowed, said));
}

}  // namespace

std::vector<Pair> read_pairs(const SharedTables& tables, std::vector<std::string>& complaints) {
    std::vector<Pair> pairs;
    uint32_t entries = 0;
    for (uint32_t n = 0; n < tables.flow_entries(); ++n) {
        const uint32_t signature = tables.flow_bucket(n / flow_bucket_ways)->signatures[n % flow_bucket_ways];
        if (signature == signature_free) continue;
        if (is_claimed(signature)) {
            complaints.push_back(fmt::format("way {} is claimed and was left so", n));
            continue;
        }
        ++entries;
        check_place(tables, n, complaints);
        if ((tables.flow(n)->mode & flow_mode_reverse) != 0) continue;
        const FlowDetail& detail = *tables.flow_detail(n);
        if (detail.other >= tables.flow_entries() || tables.flow_detail(detail.other)->other != n) {
            complaints.push_back(fmt::format("half pair: entry {} has no partner that knows it", n));
            continue;
        }
        pairs.push_back({*tables.flow(n), *tables.flow(detail.other), detail});
        check_pair(pairs.back(), n, complaints);
    }
    if (entries != 2 * pairs.size()) complaints.push_back(fmt::format("{} entries for {} pairs", entries, pairs.size()));
    check_shares(tables, pairs, complaints);
    for (uint32_t n = 0; n < flow_lock_slots; ++n)
        if (tables.flow_lock(n)->holder != 0) complaints.push_back(fmt::format("the lock {} was left behind", n));
    return pairs;
}

std::string print(const Pair& pair) {
    const FlowEntry& f = pair.forward;
    return fmt::format("zone {} protocol {} {} {} > {} {}, mode {:#x}, packets {}/{}, bytes {}/{}, next hops {}/{}, from port {}",
                       f.zone, f.protocol, text_of(f.source), f.source_port.to_host(), text_of(f.destination),
                       f.destination_port.to_host(), f.mode, f.packets, pair.reverse.packets, f.bytes, pair.reverse.bytes,
                       f.next_hop, pair.reverse.next_hop, pair.detail.ingress_port);
}

std::string print(const cases::WantedFlow& w) {
    return fmt::format("zone {} protocol {} {} {} > {} {}, state {}, packets {}/{}", static_cast<uint16_t>(w.network), w.protocol,
                       w.source, w.source_port, w.destination, w.destination_port, static_cast<int>(w.state), w.packets,
                       w.reply_packets);
}

bool is_about(const cases::WantedFlow& w, const Pair& pair) {
    return pair.forward.zone == w.network && pair.forward.protocol == w.protocol &&
           pair.forward.source == packets::address(w.source) && pair.forward.destination == packets::address(w.destination) &&
           pair.forward.source_port.to_host() == w.source_port && pair.forward.destination_port.to_host() == w.destination_port;
}

std::string compare(const cases::WantedFlow& w, const Pair& pair, Plane plane) {
    std::string text;
    const auto want = [&text](const char* what, uint64_t wanted, uint64_t got) {
        if (wanted != got) text += fmt::format("    {}: wanted {}, got {}\n", what, wanted, got);
    };
    const auto want_if_told = [&](const char* what, uint64_t wanted, uint64_t got) {
        if (wanted != 0) want(what, wanted, got);
    };
    want("state", static_cast<uint64_t>(w.state), pair.forward.mode & flow_state_mask);
    want("packets", w.packets, pair.forward.packets);
    want("reply packets", w.reply_packets, pair.reverse.packets);
    want("identifier of the network", world::vni_of(w.network), pair.detail.vni);
    want_if_told("bytes", w.bytes, pair.forward.bytes);
    want_if_told("reply bytes", w.reply_bytes, pair.reverse.bytes);
    want_if_told("next hop", w.next_hop, pair.forward.next_hop);
    want_if_told("next hop of the reply", w.reply_next_hop, pair.reverse.next_hop);
    want_if_told("port of the first packet", w.ingress_port, pair.detail.ingress_port);
    if (plane == Plane::user) want("placed in the user plane", 1, (pair.forward.mode & flow_mode_user_plane) != 0);
    return text;
}

}  // namespace biplane::engines
