#include "planes/punt_tag.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace biplane {
namespace {

std::array<uint8_t, 60> tagged(const PuntTag& tag) {
    std::array<uint8_t, 60> frame{};
    std::memcpy(frame.data(), &tag, sizeof tag);
    frame[12] = 0x08;
    return frame;
}

constexpr PuntTag good_tag{7, 1, punt_magic, no_flow, 0};
constexpr MacAddress router{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress peer{{2, 0, 0, 0, 0, 2}};

TEST(PuntTagTest, TheTagSaysWhichPortTheFrameCameInThrough) {
    const auto frame = tagged(good_tag);
    const PuntTag* tag = punt_tag_of(frame.data(), frame.size());
    ASSERT_TRUE(tag);
    EXPECT_EQ(tag->port, 7);
    EXPECT_EQ(tag->reason, 1);
}

TEST(PuntTagTest, FramesWithoutAValidTagAreNotTaken) {
    PuntTag foreign = good_tag;
    foreign.magic = 0;
    EXPECT_FALSE(punt_tag_of(tagged(foreign).data(), 60));
    PuntTag portless = good_tag;
    portless.port = no_port;
    EXPECT_FALSE(punt_tag_of(tagged(portless).data(), 60));
    PuntTag beyond = good_tag;
    beyond.port = ports_max;
    EXPECT_FALSE(punt_tag_of(tagged(beyond).data(), 60));
    PuntTag last = good_tag;
    last.port = ports_max - 1;
    EXPECT_TRUE(punt_tag_of(tagged(last).data(), 60));
}

TEST(PuntTagTest, AFrameThatEndsBeforeItsEthernetHeaderDoesIsNotTaken) {
    const auto frame = tagged(good_tag);
    EXPECT_FALSE(punt_tag_of(frame.data(), 13));
    EXPECT_TRUE(punt_tag_of(frame.data(), 14));
}

TEST(PuntTagTest, AFrameOfAWorkloadGetsItsAddressesBack) {
    auto frame = tagged(good_tag);
    restore_addresses(frame.data(), Port{.kind = PortKind::workload, .router_mac = router, .peer_mac = peer});
    const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(frame.data());
    EXPECT_EQ(ethernet.destination, router);
    EXPECT_EQ(ethernet.source, peer);
    EXPECT_EQ(ethernet.ethertype, ethertype_ipv4) << "what stands behind the addresses is untouched";
}

TEST(PuntTagTest, AFrameFromTheFabricHasNoSenderAnyMore) {
    auto frame = tagged(good_tag);
    restore_addresses(frame.data(), Port{.kind = PortKind::fabric, .router_mac = router, .peer_mac = peer});
    const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(frame.data());
    EXPECT_EQ(ethernet.destination, router);
    EXPECT_EQ(ethernet.source, MacAddress{});
}

}  // namespace
}  // namespace biplane
