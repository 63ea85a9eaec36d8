// What holds for every planned table, whichever there are: the tests fold over the list.
#include "planes/publish.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "layout/pins.hpp"

namespace biplane {
namespace {

constexpr TableSizes small_tables{.flow_buckets = 8, .route_buckets = 16, .counter_slots = 2};

class publish : public testing::Test {
   protected:
    SharedTables tables_ = SharedTables::in_memory(small_tables, 1).value();
    Publisher publisher_{tables_};
};

template <typename T>
void change_last_byte(std::vector<T>& table) {
    if (table.empty()) table.resize(1);
    reinterpret_cast<uint8_t*>(&table.back())[sizeof(T) - 1] ^= 1;
}

TEST_F(publish, a_change_of_any_table_is_not_in_force_until_it_is_published) {
    TableImage image;
    ASSERT_TRUE(publisher_.publish(image));
    ASSERT_TRUE(is_in_force(tables_, image));
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries)                                                      \
    change_last_byte(image.table);                                                                               \
    EXPECT_FALSE(is_in_force(tables_, image)) << #table;                                                         \
    ASSERT_TRUE(publisher_.publish(image)) << #table;                                                            \
    EXPECT_TRUE(is_in_force(tables_, image)) << #table;                                                          \
    EXPECT_EQ(std::memcmp(tables_.entry(tables_.config()->epoch, static_cast<uint32_t>(image.table.size()) - 1), \
                          &image.table.back(), sizeof(Entry)),                                                   \
              0)                                                                                                 \
        << #table;
#include "layout/table_list.def"
}

TEST_F(publish, a_table_with_one_entry_too_many_is_refused_by_its_name_and_nothing_is_in_force) {
    [[maybe_unused]] const TableSizes sizes = tables_.sizes();
    const uint32_t epoch = tables_.config()->epoch;
#define BIPLANE_PLANNED_TABLE(table, entry, Entry, entries)                                                     \
    {                                                                                                           \
        TableImage image;                                                                                       \
        image.table.resize(size_t{entries} + 1);                                                                \
        const auto refused = publisher_.publish(image);                                                         \
        ASSERT_FALSE(refused) << #table;                                                                        \
        EXPECT_NE(refused.error().message.find("table " #table), std::string::npos) << refused.error().message; \
        EXPECT_FALSE(is_in_force(tables_, image)) << #table;                                                    \
    }
#include "layout/table_list.def"
    EXPECT_EQ(tables_.config()->epoch, epoch);
}

TEST(table_list, tables_of_one_name_have_one_pin_of_that_name) {
    EXPECT_STREQ(pins::ports, "bp_ports");
    EXPECT_STREQ(pins::flow_buckets, "bp_flow_buckets");
}

TEST(table_list, memory_figures_count_every_table) {
    EXPECT_EQ(SharedTables::bytes_of({.flow_buckets = 9, .route_buckets = 16, .counter_slots = 2}) -
                  SharedTables::bytes_of({.flow_buckets = 8, .route_buckets = 16, .counter_slots = 2}),
              sizeof(FlowBucket));
    EXPECT_EQ(SharedTables::bytes_of({.flow_buckets = 8, .route_buckets = 32, .counter_slots = 2}) -
                  SharedTables::bytes_of({.flow_buckets = 8, .route_buckets = 16, .counter_slots = 2}),
              banks * 16 * sizeof(RouteBucket));
}

}  // namespace
}  // namespace biplane
