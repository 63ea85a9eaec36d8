#include "control/numbering/numbering.hpp"

#include <fmt/format.h>

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

}  // namespace

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
