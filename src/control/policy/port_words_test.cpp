#include "control/policy/port_words.hpp"

#include <gtest/gtest.h>

namespace biplane {
namespace {

TEST(PortWords, TypesOfIcmpHaveTheNamesOfIana) {
    EXPECT_EQ(range_text(1, {0x0800, 0x08ff}), "ICMP echo request (type 8)");
    EXPECT_EQ(range_text(1, {0x0304, 0x0304}), "ICMP destination unreachable (type 3, code 4)");
    EXPECT_EQ(range_text(58, {0x8000, 0x80ff}), "ICMPv6 echo request (type 128)");
    EXPECT_EQ(range_text(58, {0x0200, 0x0200}), "ICMPv6 packet too big (type 2, code 0)");
    EXPECT_EQ(range_text(58, {0x0800, 0x08ff}), "ICMPv6 type 8");
    EXPECT_EQ(range_text(1, {0x0000, 0x0000}), "ICMP echo reply (type 0, code 0)");
    EXPECT_EQ(range_text(1, {0x0800, 0x0aff}), "ICMP types 8 to 10");
    EXPECT_EQ(range_text(1, {0, 65535}), "all of ICMP");
}

TEST(PortWords, PortsAreNumbers) {
    EXPECT_EQ(range_text(6, {80, 80}), "TCP 80");
    EXPECT_EQ(range_text(17, {6000, 6100}), "UDP 6000 to 6100");
    EXPECT_EQ(range_text(132, {0, 65535}), "all of SCTP");
    EXPECT_EQ(protocol_text(47), "protocol 47");
}

}  // namespace
}  // namespace biplane
