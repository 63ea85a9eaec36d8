#include "views/reachability.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "control/policy/port_words.hpp"
#include "views/flow_view.hpp"

namespace biplane {
namespace {

constexpr uint64_t kind_pairs_max = 4'000'000;
constexpr uint32_t positions_per_protocol = 1u << 16;

using Ranges = std::vector<PositionRange>;

// --- texts ---

std::string port_text(uint8_t number, uint32_t port) {
    const bool is_icmp = number == protocol::icmp || number == protocol::icmpv6;
    return is_icmp ? fmt::format("{}.{}", port >> 8, port & 0xff) : std::to_string(port);
}

// " (echo request)" of ICMP, if one type is meant and has a name.
std::string name_of_type(uint8_t number, uint32_t first, uint32_t last) {
    const std::string name = first >> 8 == last >> 8 ? icmp_type_name(number, static_cast<uint8_t>(first >> 8)) : "";
    return name.empty() ? "" : " (" + name + ")";
}

// `range` lies inside one protocol.
std::string text_in_protocol(PositionRange range) {
    const auto number = static_cast<uint8_t>(range.first / positions_per_protocol);
    const uint32_t first = range.first % positions_per_protocol, last = (range.end - 1) % positions_per_protocol;
    if (first == 0 && last == positions_per_protocol - 1) return protocol_text(number);
    std::string text = protocol_text(number) + " " + port_text(number, first);
    if (first != last) text += "-" + port_text(number, last);
    return text + name_of_type(number, first, last);
}

void add_texts(std::vector<std::string>& texts, PositionRange range) {
    while (range.first < range.end) {
        const uint32_t next_protocol = (range.first / positions_per_protocol + 1) * positions_per_protocol;
        const uint32_t whole_end = range.end / positions_per_protocol * positions_per_protocol;
        if (range.first % positions_per_protocol == 0 && whole_end > next_protocol) {
            texts.push_back(
                fmt::format("protocols {}-{}", range.first / positions_per_protocol, whole_end / positions_per_protocol - 1));
            range.first = whole_end;
            continue;
        }
        texts.push_back(text_in_protocol({range.first, std::min(range.end, next_protocol)}));
        range.first = std::min(range.end, next_protocol);
    }
}

std::vector<std::string> texts_of(const Ranges& ranges) {
    std::vector<std::string> texts;
    for (const PositionRange& range : ranges) add_texts(texts, range);
    return texts;
}

std::string join(const std::vector<std::string>& texts) {
    std::string joined;
    for (const std::string& text : texts) joined += (joined.empty() ? "" : ", ") + text;
    return joined;
}

// --- what a list allows ---

// Adds a range, as part of the one before if it touches it.
void extend(Ranges& ranges, PositionRange range) {
    if (range.first >= range.end) return;
    if (!ranges.empty() && ranges.back().end == range.first)
        ranges.back().end = range.end;
    else
        ranges.push_back(range);
}

Ranges complement_of(const Ranges& ranges) {
    Ranges others;
    uint32_t first = 0;
    for (const PositionRange& range : ranges) {
        extend(others, {first, range.first});
        first = range.end;
    }
    extend(others, {first, policy_positions});
    return others;
}

Ranges intersection_of(const Ranges& a, const Ranges& b) {
    Ranges both;
    for (size_t i = 0, k = 0; i < a.size() && k < b.size();) {
        extend(both, {std::max(a[i].first, b[k].first), std::min(a[i].end, b[k].end)});
        a[i].end < b[k].end ? ++i : ++k;
    }
    return both;
}

// Sets of positions by number: the same set has one number, wherever it comes from.
class RangeSets {
   public:
    static constexpr uint32_t everything = 0;
    RangeSets() { number_of({{0, policy_positions}}); }
    uint32_t number_of(const Ranges& ranges) {
        std::vector<uint32_t> key;
        for (const PositionRange& range : ranges) key.insert(key.end(), {range.first, range.end});
        const auto [found, is_new] = numbers_.emplace(std::move(key), static_cast<uint32_t>(sets_.size()));
        if (is_new) sets_.push_back(ranges);
        return found->second;
    }
    const Ranges& operator[](uint32_t number) const { return sets_[number]; }

   private:
    std::map<std::vector<uint32_t>, uint32_t> numbers_;
    std::vector<Ranges> sets_;
};

// The lists of one state's tables, each read once.
template <typename Tables>
class Lists {
   public:
    Lists(const Tables& tables, uint32_t epoch, RangeSets& sets) : tables_(tables), epoch_(epoch), sets_(sets) {}

    AddressClass class_of(uint16_t zone, const Address& address) const {
        const RouteMatch match = RouteMatch::unpack(tables_.route_to(epoch_, zone, address));
        const auto* found = tables_.address_class(epoch_, match.address_class);
        return found ? *found : AddressClass{};
    }
    uint32_t allowed(uint16_t subject, uint16_t peer) {
        if (subject == no_subject) return RangeSets::everything;
        const auto [known, is_new] = allowed_.emplace(uint32_t{subject} << 16 | peer, 0);
        if (is_new) known->second = read(list_for(tables_, epoch_, known->first));
        return known->second;
    }

   private:
    uint32_t read(PolicyList list) {
        const auto [known, is_new] = read_.emplace(std::pair{list.first, list.count}, 0);
        if (!is_new) return known->second;
        Ranges ranges;
        for (uint32_t i = 0; i < list.count; ++i) {
            const auto* range = tables_.policy_range(epoch_, list.first + i);
            const auto* next = i + 1 < list.count ? tables_.policy_range(epoch_, list.first + i + 1) : nullptr;
            if (range && range->decision & policy_allow) extend(ranges, {range->start, next ? next->start : policy_positions});
        }
        return known->second = sets_.number_of(ranges);
    }

    const Tables& tables_;
    const uint32_t epoch_;
    RangeSets& sets_;
    std::map<uint32_t, uint32_t> allowed_;
    std::map<std::pair<uint32_t, uint32_t>, uint32_t> read_;
};

// --- kinds of workloads ---

struct Kind {
    std::string network;
    bool is_ipv4;
    AddressClass before, after;
    std::vector<const std::string*> keys;  // of the workloads, in order

    auto order() const {
        return std::tuple(network, !is_ipv4, before.egress_subject, before.ingress_subject, before.peer, after.egress_subject,
                          after.ingress_subject, after.peer);
    }
    bool restricts() const {
        return (before.egress_subject | before.ingress_subject | after.egress_subject | after.ingress_subject) != no_subject;
    }
};

class Comparison {
   public:
    Comparison(const StateInForce& before, const PlannedState& after, size_t listed_max)
        : before_(before),
          after_(after),
          listed_max_(listed_max),
          old_(before.tables, load(before.tables.config()->epoch), sets_),
          new_(after.tables, 0, sets_) {}

    ReachabilityDifference compare() {
        find_kinds();
        for (auto begin = kinds_.begin(); begin != kinds_.end();) {
            const auto end = std::find_if(begin, kinds_.end(), [&](const Kind& kind) {
                return kind.network != begin->network || kind.is_ipv4 != begin->is_ipv4;
            });
            for (auto source = begin; source != end; ++source)
                for (auto destination = begin; destination != end && difference_.is_whole; ++destination)
                    compare_kinds(*source, *destination);
            begin = end;
        }
        return std::move(difference_);
    }

   private:
    void find_kinds() {
        std::map<decltype(std::declval<Kind>().order()), Kind> kinds;
        for (const auto& [key, workload] : after_.desired.workloads) {
            const auto old = before_.desired.workloads.find(key);
            const auto old_zone = before_.numbering.zones.find(workload.network);
            if (old == before_.desired.workloads.end() || old->second.network != workload.network ||
                old_zone == before_.numbering.zones.end())
                continue;
            for (const Address& address : workload.addresses) {
                const auto& own = old->second.addresses;
                if (std::find(own.begin(), own.end(), address) == own.end()) continue;
                Kind kind{workload.network,
                          is_ipv4(address),
                          old_.class_of(old_zone->second, address),
                          new_.class_of(after_.numbering.zones.at(workload.network), address),
                          {}};
                auto& keys = kinds.emplace(kind.order(), kind).first->second.keys;
                if (keys.empty() || keys.back() != &key) keys.push_back(&key);
            }
        }
        for (auto& [order, kind] : kinds) kinds_.push_back(std::move(kind));
        std::stable_sort(kinds_.begin(), kinds_.end(), [](const Kind& a, const Kind& b) {
            return std::tuple(a.network, !a.is_ipv4, *a.keys.front()) < std::tuple(b.network, !b.is_ipv4, *b.keys.front());
        });
    }

    void compare_kinds(const Kind& source, const Kind& destination) {
        if (!source.restricts() && !destination.restricts()) return;
        const bool is_alike = &source == &destination;
        const uint64_t pairs = source.keys.size() * (destination.keys.size() - is_alike);
        if (pairs == 0 || (source.keys == destination.keys && source.keys.size() == 1)) return;
        if (++compared_ > kind_pairs_max) {
            difference_.is_whole = false;
            return;
        }
        const std::array<uint32_t, 4> what = {old_.allowed(source.before.egress_subject, destination.before.peer),
                                              old_.allowed(destination.before.ingress_subject, source.before.peer),
                                              new_.allowed(source.after.egress_subject, destination.after.peer),
                                              new_.allowed(destination.after.ingress_subject, source.after.peer)};
        if (what[0] == what[2] && what[1] == what[3]) return;
        const auto& [opened, closed] = change_of(what);
        add(difference_.opens, difference_.opens_count, difference_.opened_pairs, source, destination, pairs, opened);
        add(difference_.closes, difference_.closes_count, difference_.closed_pairs, source, destination, pairs, closed);
    }

    const std::pair<Ranges, Ranges>& change_of(const std::array<uint32_t, 4>& what) {
        const auto [known, is_new] = changes_.emplace(what, std::pair<Ranges, Ranges>{});
        if (!is_new) return known->second;
        const Ranges old = intersection_of(sets_[what[0]], sets_[what[1]]);
        const Ranges now = intersection_of(sets_[what[2]], sets_[what[3]]);
        known->second = {intersection_of(now, complement_of(old)), intersection_of(old, complement_of(now))};
        return known->second;
    }

    void add(std::vector<ReachabilityChange>& changes, uint64_t& count, uint64_t& pairs_changed, const Kind& source,
             const Kind& destination, uint64_t pairs, const Ranges& ranges) const {
        if (ranges.empty()) return;
        ++count;
        pairs_changed += pairs;
        if (changes.size() < listed_max_)
            changes.push_back({source.network, *source.keys.front(), *destination.keys[&source == &destination], source.keys.size(),
                               destination.keys.size() - (&source == &destination), pairs, source.is_ipv4, ranges});
    }

    const StateInForce& before_;
    const PlannedState& after_;
    const size_t listed_max_;
    RangeSets sets_;
    Lists<SharedTables> old_;
    Lists<ImageTables> new_;
    std::vector<Kind> kinds_;
    std::map<std::array<uint32_t, 4>, std::pair<Ranges, Ranges>> changes_;
    uint64_t compared_ = 0;
    ReachabilityDifference difference_;
};

Json changes_json(const std::vector<ReachabilityChange>& changes, uint64_t count, uint64_t pairs) {
    Json list = Json::array();
    for (const ReachabilityChange& change : changes)
        list.push_back({{"network", change.network},
                        {"source", change.source},
                        {"sources", change.sources},
                        {"destination", change.destination},
                        {"destinations", change.destinations},
                        {"family", change.is_ipv4 ? "ipv4" : "ipv6"},
                        {"pairs", change.pairs},
                        {"ports", text_of(change.ranges)}});
    return {{"count", count}, {"pairs", pairs}, {"changes", list}};
}

}  // namespace

std::string text_of(const std::vector<PositionRange>& ranges) {
    const auto texts = texts_of(ranges), other_texts = texts_of(complement_of(ranges));
    if (other_texts.empty()) return "everything";
    return other_texts.size() < texts.size() ? "everything but " + join(other_texts) : join(texts);
}

ReachabilityDifference compare_reachability(const StateInForce& before, const PlannedState& after, size_t listed_max) {
    return Comparison(before, after, listed_max).compare();
}

Json to_json(const ReachabilityDifference& difference) {
    return {{"opens", changes_json(difference.opens, difference.opens_count, difference.opened_pairs)},
            {"closes", changes_json(difference.closes, difference.closes_count, difference.closed_pairs)},
            {"whole", difference.is_whole}};
}

}  // namespace biplane
