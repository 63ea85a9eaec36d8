#include "control/policy/policy_prefixes.hpp"

#include <algorithm>

namespace biplane {
namespace {

struct Mention {
    enum class Kind : uint8_t { route, own_address, block, except };  // in the order in which they count
    Prefix prefix;
    Kind kind;
    uint32_t number;  // of the route or the block
};

bool stands_before(const Mention& a, const Mention& b) {
    const bool ipv4 = is_ipv4(a.prefix.address);
    if (ipv4 != is_ipv4(b.prefix.address)) return ipv4;
    const auto order = compare(a.prefix.address, b.prefix.address);
    if (order != 0) return order < 0;
    if (a.prefix.length != b.prefix.length) return a.prefix.length < b.prefix.length;
    return a.kind != b.kind ? a.kind < b.kind : a.number < b.number;
}

std::vector<Mention> mentions_of(const std::vector<PlannedRoute>& routes, const std::vector<NumberedBlock>& blocks,
                                 const std::vector<Address>& own_addresses) {
    std::vector<Mention> mentions;
    for (uint32_t i = 0; i < routes.size(); ++i) mentions.push_back({routes[i].destination, Mention::Kind::route, i});
    for (const Address& address : own_addresses) mentions.push_back({{address, address_bits}, Mention::Kind::own_address, 0});
    for (const auto& [number, block] : blocks) {
        mentions.push_back({block->cidr, Mention::Kind::block, number});
        for (const Prefix& except : block->excepts) mentions.push_back({except, Mention::Kind::except, number});
    }
    std::sort(mentions.begin(), mentions.end(), stands_before);
    return mentions;
}

class PrefixNamer {
   public:
    explicit PrefixNamer(size_t block_numbers_max) : room_(block_numbers_max) { named_.block_sets.emplace_back(); }

    NamedPrefixes name(const std::vector<Mention>& mentions) {
        for (size_t i = 0; i < mentions.size() && named_.is_whole;) i = add(mentions, i);
        return std::move(named_);
    }

   private:
    // All mentions of one prefix. Returns where those of the next one begin.
    size_t add(const std::vector<Mention>& mentions, size_t i) {
        const Prefix& prefix = mentions[i].prefix;
        while (!around_.empty() && !contains(named_.prefixes[around_.back()].prefix, prefix.address)) around_.pop_back();
        NamedPrefix named{.prefix = prefix};
        if (!around_.empty()) {
            named.parent = around_.back();
            named.route = named_.prefixes[named.parent].route;
            named.blocks = named_.prefixes[named.parent].blocks;
        }
        const size_t first = i;
        bool has_blocks = false;
        for (; i < mentions.size() && mentions[i].prefix == prefix; ++i) {
            if (mentions[i].kind == Mention::Kind::route && !named.is_route)
                named.is_route = true, named.route = mentions[i].number;
            if (mentions[i].kind == Mention::Kind::own_address) named.is_own_address = true;
            has_blocks |= mentions[i].kind == Mention::Kind::block || mentions[i].kind == Mention::Kind::except;
        }
        if (has_blocks) change_blocks(named, mentions, first, i);
        around_.push_back(static_cast<uint32_t>(named_.prefixes.size()));
        named_.prefixes.push_back(named);
        return i;
    }

    void change_blocks(NamedPrefix& named, const std::vector<Mention>& mentions, size_t first, size_t end) {
        std::vector<uint32_t> blocks = named_.block_sets[named.blocks], excepted;
        const auto middle = static_cast<std::ptrdiff_t>(blocks.size());
        for (size_t i = first; i < end; ++i) {
            if (mentions[i].kind == Mention::Kind::block) blocks.push_back(mentions[i].number);
            if (mentions[i].kind == Mention::Kind::except) excepted.push_back(mentions[i].number);
        }
        std::inplace_merge(blocks.begin(), blocks.begin() + middle, blocks.end());
        std::vector<uint32_t> left;
        std::set_difference(blocks.begin(), blocks.end(), excepted.begin(), excepted.end(), std::back_inserter(left));
        named_.is_whole = left.size() <= room_;
        room_ -= std::min(room_, left.size());
        named.blocks = static_cast<uint32_t>(named_.block_sets.size());
        named_.block_sets.push_back(std::move(left));
    }

    NamedPrefixes named_;
    std::vector<uint32_t> around_;  // those that the current one lies in, the shortest first
    size_t room_;
};

}  // namespace

NamedPrefixes name_prefixes(const std::vector<PlannedRoute>& routes, const std::vector<NumberedBlock>& blocks,
                            const std::vector<Address>& own_addresses, size_t block_numbers_max) {
    return PrefixNamer(block_numbers_max).name(mentions_of(routes, blocks, own_addresses));
}

}  // namespace biplane
