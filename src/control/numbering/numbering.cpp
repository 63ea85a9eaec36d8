#include "control/numbering/numbering.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/in_quotes.hpp"

namespace biplane {
namespace {

// Numbers that are taken, and the next one that is not.
class FreeNumbers {
   public:
    FreeNumbers(uint16_t max, uint16_t& cursor) : is_taken_(size_t{max} + 1), cursor_(cursor) {}

    void take(uint16_t number) {
        if (is_taken_[number]) return;
        is_taken_[number] = true;
        ++taken_count_;
    }
    bool is_exhausted() const { return taken_count_ + 1 == is_taken_.size(); }
    uint16_t take_next() {
        do cursor_ = cursor_ + 1u < is_taken_.size() ? cursor_ + 1 : 1;
        while (is_taken_[cursor_]);
        take(cursor_);
        return cursor_;
    }

   private:
    std::vector<bool> is_taken_;  // by number; 0 is never looked at
    size_t taken_count_ = 0;
    uint16_t& cursor_;
};

Result<std::map<std::string, uint16_t>> numbers_in(const nlohmann::json& object, const char* member) {
    std::map<std::string, uint16_t> numbers;
    std::set<uint16_t> seen;
    for (const auto& [owner, number] : object.items()) {
        const bool is_number = number.is_number_unsigned() && number.get<uint64_t>() >= 1 && number.get<uint64_t>() <= UINT16_MAX;
        if (!is_number || !seen.insert(number.get<uint16_t>()).second)
            return failure(fmt::format("{} of {}: found {}, expected a number from 1 to 65535 that is given once", member,
                                       in_quotes(owner), in_quotes(number.dump())));
        numbers[owner] = number.get<uint16_t>();
    }
    return numbers;
}

Status read_numbers(const nlohmann::json& root, const char* member, std::map<std::string, uint16_t>& numbers,
                    const char* cursor_member, uint16_t& cursor) {
    const auto object = root.find(member), number = root.find(cursor_member);
    if (object == root.end() || !object->is_object()) return failure(fmt::format("expected an object {}", member));
    if (number == root.end() || !number->is_number_unsigned() || number->get<uint64_t>() > UINT16_MAX)
        return failure(fmt::format("expected a number {} from 0 to 65535", cursor_member));
    auto read = numbers_in(*object, member);
    if (!read) return tl::unexpected(read.error());
    numbers = *std::move(read);
    cursor = number->get<uint16_t>();
    return {};
}

}  // namespace

std::string to_json(const Numbering& numbering) {
    return nlohmann::json{{"ports", numbering.ports},        {"portCursor", numbering.port_cursor},
                          {"zones", numbering.zones},        {"zoneCursor", numbering.zone_cursor},
                          {"nextHops", numbering.next_hops}, {"nextHopCursor", numbering.next_hop_cursor},
                          {"rules", numbering.rules},        {"ruleCursor", numbering.rule_cursor}}
        .dump();
}

Result<Numbering> numbering_from_json(std::string_view text) {
    const auto root = nlohmann::json::parse(text, nullptr, false);
    const bool has_rules = root.is_object() && (root.contains("rules") || root.contains("ruleCursor"));
    if (root.is_discarded() || !root.is_object() || root.size() != (has_rules ? 8 : 6))
        return failure("the numbering is not readable: expected one JSON object with eight members");
    Numbering numbering;
    auto read = read_numbers(root, "ports", numbering.ports, "portCursor", numbering.port_cursor);
    if (read) read = read_numbers(root, "zones", numbering.zones, "zoneCursor", numbering.zone_cursor);
    if (read) read = read_numbers(root, "nextHops", numbering.next_hops, "nextHopCursor", numbering.next_hop_cursor);
    if (read && has_rules) read = read_numbers(root, "rules", numbering.rules, "ruleCursor", numbering.rule_cursor);
    if (!read) return read.error().within("the numbering is not readable");
    return numbering;
}

Result<std::map<std::string, uint16_t>> give_numbers(const std::vector<std::string>& owners,
                                                     const std::map<std::string, uint16_t>& previous, uint16_t& cursor,
                                                     uint16_t max, const char* what) {
    if (owners.size() > max) return failure(fmt::format("{} {} do not fit, the limit is {}", owners.size(), what, max));
    if (cursor > max) cursor = 0;
    std::map<std::string, uint16_t> numbers;
    FreeNumbers unused(max, cursor);
    std::vector<const std::string*> newcomers;
    auto next = previous.begin();  // owners that come in order find themselves without a search
    for (const std::string& owner : owners) {
        const auto kept = next != previous.end() && next->first == owner ? next : previous.find(owner);
        if (kept == previous.end() || kept->second > max) {
            newcomers.push_back(&owner);
            continue;
        }
        numbers.emplace_hint(numbers.end(), owner, kept->second);
        unused.take(kept->second);
        next = std::next(kept);
    }
    FreeNumbers rested = unused;  // those that nobody had a moment ago either; shares the cursor
    for (const auto& [owner, number] : previous)
        if (number <= max) rested.take(number);
    for (const std::string* owner : newcomers) {
        const auto [place, is_new] = numbers.try_emplace(*owner);
        if (!is_new) continue;
        const uint16_t number = rested.is_exhausted() ? unused.take_next() : rested.take_next();
        unused.take(number);
        place->second = number;
    }
    return numbers;
}

}  // namespace biplane
