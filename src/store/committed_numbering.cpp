#include "store/committed_numbering.hpp"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "base/in_quotes.hpp"

namespace biplane {
namespace {

constexpr char cursor_kind[] = "cursor";

struct NumberKind {
    const char* name;
    std::map<std::string, uint16_t> Numbering::* numbers;
    uint16_t Numbering::* cursor;
};
constexpr NumberKind number_kinds[] = {{"port", &Numbering::ports, &Numbering::port_cursor},
                                       {"zone", &Numbering::zones, &Numbering::zone_cursor},
                                       {"next-hop", &Numbering::next_hops, &Numbering::next_hop_cursor},
                                       {"rule", &Numbering::rules, &Numbering::rule_cursor}};

std::string text_of(uint16_t number) { return fmt::format("{}\n", number); }

std::optional<uint16_t> number_in(const std::string& text) {
    uint16_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return text == text_of(number) ? std::optional(number) : std::nullopt;
}

const NumberKind* find_kind(const std::string& name) {
    for (const NumberKind& kind : number_kinds)
        if (name == kind.name) return &kind;
    return nullptr;
}

// Both sorted: one walk over the two.
void add_changes(std::vector<DocumentChange>& changes, const char* kind, const std::map<std::string, uint16_t>& before,
                 const std::map<std::string, uint16_t>& after) {
    auto old_one = before.begin();
    for (auto new_one = after.begin(); new_one != after.end() || old_one != before.end();) {
        if (new_one == after.end() || (old_one != before.end() && old_one->first < new_one->first)) {
            changes.push_back({{kind, (old_one++)->first}, std::nullopt});
            continue;
        }
        const bool is_kept = old_one != before.end() && old_one->first == new_one->first;
        if (!is_kept || old_one->second != new_one->second) changes.push_back({{kind, new_one->first}, text_of(new_one->second)});
        if (is_kept) ++old_one;
        ++new_one;
    }
}

std::vector<DocumentChange> changes_between(const Numbering& before, const Numbering& after) {
    std::vector<DocumentChange> changes;
    for (const NumberKind& kind : number_kinds) {
        add_changes(changes, kind.name, before.*kind.numbers, after.*kind.numbers);
        if (before.*kind.cursor != after.*kind.cursor) changes.push_back({{cursor_kind, kind.name}, text_of(after.*kind.cursor)});
    }
    return changes;
}

}  // namespace

DocumentTexts texts_of(const Numbering& numbering) {
    DocumentTexts texts;
    for (auto& [key, text] : changes_between({}, numbering)) texts[std::move(key)] = *std::move(text);
    return texts;
}

Result<Numbering> numbering_of(const DocumentTexts& texts) {
    Numbering numbering;
    std::map<std::string, std::set<uint16_t>> given;
    for (const auto& [key, text] : texts) {
        const bool is_cursor = key.kind == cursor_kind;
        const NumberKind* kind = find_kind(is_cursor ? key.name : key.kind);
        const auto number = number_in(text);
        if (!kind || !number || (!is_cursor && (*number == 0 || !given[key.kind].insert(*number).second)))
            return failure(fmt::format("{} of {}: found {}, expected a number from 1 to 65535 that is given once",
                                       in_quotes(key.kind), in_quotes(key.name), in_quotes(text)));
        if (is_cursor)
            numbering.*kind->cursor = *number;
        else
            (numbering.*kind->numbers)[key.name] = *number;
    }
    return numbering;
}

Result<CommittedNumbering> CommittedNumbering::open(std::unique_ptr<Store> store) {
    const auto begun = store->snapshot();
    if (!begun) return tl::unexpected(begun.error());
    auto given = numbering_of(begun->documents);
    if (!given) return tl::unexpected(given.error());
    return CommittedNumbering(std::move(store), begun->revision, *std::move(given));
}

Status CommittedNumbering::commit(Numbering numbering) {
    const auto made = store_->commit(revision_.number, changes_between(given_, numbering));
    if (!made) return failure("the store of numbers refuses the change: " + made.error().message);
    revision_ = *made;
    given_ = std::move(numbering);
    return {};
}

}  // namespace biplane
