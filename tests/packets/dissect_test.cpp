#include "packets/dissect.hpp"

#include <gtest/gtest.h>

#include "packets/packet.hpp"

using namespace biplane;
using namespace biplane::packets;

namespace {

const MacAddress a = mac("02:00:00:00:00:0a");
const MacAddress b = mac("02:00:00:00:00:0b");
const Packet datagram = Packet().ethernet(a, b).ipv4("10.0.0.10", "10.0.0.11").udp(5000, 53).payload("hi");

TEST(Dissector, GivesEveryByteOfAFrameToExactlyOneField) {
    const Packet tunnelled =
        Packet().ethernet(a, b).ipv6("2001:db8::1", "2001:db8::2").udp(50000, 4789).vxlan(7).carrying(datagram);
    for (size_t length = 0; length <= tunnelled.bytes().size(); ++length) {
        size_t next = 0;
        for (const Field& field : dissect(tunnelled.cut_to(length).bytes())) {
            EXPECT_EQ(field.offset, next);
            next = field.offset + field.length;
        }
        EXPECT_EQ(next, length);
    }
}

TEST(Dissector, NamesTheFieldThatDiffers) {
    const std::string text = explain_difference(datagram.bytes(), datagram.ttl(63).ipv4_checksum(0x66bb).bytes());
    EXPECT_NE(text.find("ipv4.ttl                         wanted 40"), std::string::npos) << text;
    EXPECT_EQ(text.find("ipv4.checksum                    wanted"), std::string::npos) << text;
}

TEST(Dissector, SaysNothingAboutEqualFrames) { EXPECT_EQ(explain_difference(datagram.bytes(), datagram.bytes()), ""); }

TEST(Dissector, SeesThatAFrameIsShorter) {
    EXPECT_NE(explain_difference(datagram.bytes(), datagram.cut_to(40).bytes()).find("(not there)"), std::string::npos);
}

TEST(Dissector, NamesTheFieldsOfAnEncapsulatedFrame) {
    const Packet tunnelled = Packet().ethernet(a, b).ipv4("192.0.2.1", "192.0.2.2").udp(50000, 4789).vxlan(7).carrying(datagram);
    EXPECT_NE(print(tunnelled.bytes()).find("inner.ipv4.ttl"), std::string::npos);
}

}  // namespace
