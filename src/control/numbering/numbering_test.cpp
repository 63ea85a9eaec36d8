#include "control/numbering/numbering.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace biplane {
namespace {

using Numbers = std::map<std::string, uint16_t>;

TEST(Numbering, CountsFromOneAndKeepsWhatItGave) {
    uint16_t cursor = 0;
    const auto first = give_numbers({"a", "b"}, {}, cursor, 10, "ports").value();
    EXPECT_EQ(first, (Numbers{{"a", 1}, {"b", 2}}));
    const auto second = give_numbers({"A", "a", "b"}, first, cursor, 10, "ports").value();
    EXPECT_EQ(second, (Numbers{{"A", 3}, {"a", 1}, {"b", 2}}));
}

TEST(Numbering, AFreedNumberIsReusedOnlyAfterAllOthers) {
    uint16_t cursor = 0;
    Numbers numbers = give_numbers({"a", "b"}, {}, cursor, 4, "ports").value();
    numbers = give_numbers({"b"}, numbers, cursor, 4, "ports").value();
    numbers = give_numbers({"b", "c"}, numbers, cursor, 4, "ports").value();
    EXPECT_EQ(numbers.at("c"), 3);
    numbers = give_numbers({"b", "d"}, numbers, cursor, 4, "ports").value();  // frees 3 and gives 4
    EXPECT_EQ(numbers.at("d"), 4);
    numbers = give_numbers({"b", "d", "e"}, numbers, cursor, 4, "ports").value();
    EXPECT_EQ(numbers.at("e"), 1);
}

TEST(Numbering, ANumberFreedInTheSameStepIsTakenOnlyWhenThereIsNoOther) {
    uint16_t cursor = 2;
    EXPECT_EQ(give_numbers({"c"}, {{"a", 3}}, cursor, 4, "ports").value().at("c"), 4);
    EXPECT_EQ(give_numbers({"c", "d", "e"}, {{"a", 1}, {"b", 2}}, cursor, 3, "ports").value().size(), 3u);
}

TEST(Numbering, MoreOwnersThanNumbersAreRefused) {
    uint16_t cursor = 0;
    EXPECT_EQ(give_numbers({"a", "b", "c"}, {}, cursor, 2, "ports").error().message, "3 ports do not fit, the limit is 2");
}

// Owners come and go at random: numbers are unique, in range, and stay with their owner.
RC_GTEST_PROP(NumberingProperties, NumbersStayWithTheirOwners, ()) {
    constexpr uint16_t max = 12;
    uint16_t cursor = 0;
    Numbers numbers;
    for (int step = 0; step < 20; ++step) {
        std::vector<std::string> owners;
        for (int owner = 0; owner < 2 * max && owners.size() < max; ++owner)
            if (*rc::gen::arbitrary<bool>()) owners.push_back(std::to_string(owner));
        const Numbers next = give_numbers(owners, numbers, cursor, max, "things").value();
        std::set<uint16_t> given;
        for (const auto& [owner, number] : next) {
            RC_ASSERT(number >= 1 && number <= max);
            RC_ASSERT(given.insert(number).second);
            if (numbers.count(owner)) RC_ASSERT(numbers.at(owner) == number);
        }
        RC_ASSERT(next.size() == owners.size());
        numbers = next;
    }
}

}  // namespace
}  // namespace biplane
