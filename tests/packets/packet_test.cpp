// The builder against bytes that were worked out by hand or that stand in an RFC.
#include "packets/packet.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace biplane;
using namespace biplane::packets;

namespace {

const MacAddress a = mac("02:00:00:00:00:0a");
const MacAddress b = mac("02:00:00:00:00:0b");

Bytes from_hex(std::string_view text) {
    Bytes bytes;
    std::string digits;
    for (const char c : text)
        if (c != ' ') digits += c;
    for (size_t i = 0; i < digits.size(); i += 2)
        bytes.push_back(static_cast<uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
}

// The checksum of all that a transport checksum covers is zero when the field is right (RFC 1071).
uint16_t sum_of_ipv4_transport(const Bytes& frame) {
    Bytes covered(frame.begin() + 26, frame.begin() + 34);
    covered.resize(12);
    covered[9] = frame[23];
    put16(covered, 10, static_cast<uint16_t>(get16(frame, 16) - 20));
    covered.insert(covered.end(), frame.begin() + 34, frame.end());
    return internet_checksum(covered);
}

TEST(Checksum, OfTheExampleInRfc1071IsTheComplementOfItsSum) {
    EXPECT_EQ(internet_checksum(from_hex("0001 f203 f4f5 f6f7")), static_cast<uint16_t>(~0xddf2));
}

TEST(Checksum, PadsAnOddLastByteWithZero) {
    EXPECT_EQ(internet_checksum(from_hex("0001 f2")), internet_checksum(from_hex("0001 f200")));
}

TEST(Checksum, Crc32cOfTheCheckStringIsTheKnownOne) {
    const std::string check = "123456789";
    const Bytes bytes(check.begin(), check.end());
    EXPECT_EQ(__builtin_bswap32(sctp_checksum(bytes)), 0xe3069283u);
}

TEST(PacketBuilder, WritesAnArpRequestAsRfc826Draws) {
    const Bytes frame = Packet().ethernet(a, mac("ff:ff:ff:ff:ff:ff")).arp(1, a, "10.0.0.10", MacAddress{}, "10.0.0.1").bytes();
    EXPECT_EQ(frame, from_hex("ffffffffffff 02000000000a 0806 0001 0800 06 04 0001 02000000000a 0a00000a 000000000000 0a000001"));
}

TEST(PacketBuilder, WritesAUdpDatagramWorkedOutByHand) {
    // Header sum: 4500+001e+4011+0a00+000a+0a00+000b = 9944, complement 66bb.
    // Datagram: 0a00+000a+0a00+000b+0011+000a + 1388+0035+000a+6869 = 9060, complement 6f9f.
    const Bytes frame = Packet().ethernet(a, b).ipv4("10.0.0.10", "10.0.0.11").udp(5000, 53).payload("hi").bytes();
    EXPECT_EQ(frame, from_hex("02000000000b 02000000000a 0800 4500 001e 0000 0000 40 11 66bb 0a00000a 0a00000b"
                              "1388 0035 000a 6f9f 6869"));
}

TEST(PacketBuilder, ComputesATcpChecksumThatVerifies) {
    const Bytes frame = Packet().ethernet(a, b).ipv4("10.0.0.10", "10.0.0.11").tcp(40000, 80, tcp::syn).filler(7).bytes();
    EXPECT_EQ(sum_of_ipv4_transport(frame), 0);
    EXPECT_EQ(internet_checksum(std::span(frame).subspan(14, 20)), 0);
}

TEST(PacketBuilder, WritesNoZeroChecksumIntoUdpOverIpv6) {
    // Two free payload bytes are chosen such that the sum comes out as ffff, whose complement is zero.
    const Packet datagram = Packet().ethernet(a, b).ipv6("fd00:a::1", "fd00:a::2").udp(1, 2);
    const uint16_t sum = get16(datagram.payload(Bytes{0, 0}).bytes(), 14 + 40 + 6);
    const Bytes frame = datagram.payload(Bytes{static_cast<uint8_t>(sum >> 8), static_cast<uint8_t>(sum)}).bytes();
    EXPECT_EQ(get16(frame, 14 + 40 + 6), 0xffff);
}

TEST(PacketBuilder, ChainsIpv6ExtensionHeadersByTheirNumbers) {
    const Bytes frame =
        Packet().ethernet(a, b).ipv6("fd00:a::1", "fd00:a::2").hop_by_hop().fragment_header(0, true).udp(1, 2).filler(8).bytes();
    EXPECT_EQ(frame[14 + 6], 0);                     // hop-by-hop options first
    EXPECT_EQ(frame[14 + 40], 44);                   // then a fragment header
    EXPECT_EQ(frame[14 + 48], 17);                   // then UDP
    EXPECT_EQ(get16(frame, 14 + 48 + 2), 1);         // offset 0, more
    EXPECT_EQ(get16(frame, 14 + 4), 8 + 8 + 8 + 8);  // payload length
}

TEST(PacketBuilder, PadsIpv4OptionsAndCountsThem) {
    const Bytes frame = Packet().ethernet(a, b).ipv4("10.0.0.10", "10.0.0.11").ipv4_options({7, 3, 4}).udp(1, 2).bytes();
    EXPECT_EQ(frame[14], 0x46);
    EXPECT_EQ(get16(frame, 16), 24 + 8);
    EXPECT_EQ(internet_checksum(std::span(frame).subspan(14, 24)), 0);
}

TEST(PacketBuilder, KeepsWhatWasSetByHand) {
    const Bytes frame = Packet()
                            .ethernet(a, b)
                            .ipv4("10.0.0.10", "10.0.0.11")
                            .length_field(9)
                            .ipv4_checksum(0xbeef)
                            .udp(1, 2)
                            .udp_length(3)
                            .transport_checksum(0)
                            .bytes();
    EXPECT_EQ(get16(frame, 16), 9);
    EXPECT_EQ(get16(frame, 24), 0xbeef);
    EXPECT_EQ(get16(frame, 38), 3);
    EXPECT_EQ(get16(frame, 40), 0);
}

TEST(PacketBuilder, EncapsulatesAFrameWithTheIdentifierInTheUpperThreeBytes) {
    const Packet inner = Packet().ethernet(a, b).ipv4("10.0.0.10", "10.0.0.20").udp(1, 2);
    const Bytes frame = Packet().ethernet(b, a).ipv4("192.0.2.1", "192.0.2.2").udp(50000, 4789).vxlan(100).carrying(inner).bytes();
    EXPECT_EQ(get32(frame, 42), 0x08000000u);
    EXPECT_EQ(get32(frame, 46), 0x00006400u);
    EXPECT_EQ(Bytes(frame.begin() + 50, frame.end()), inner.bytes());
    EXPECT_EQ(get16(frame, 38), 8 + 8 + inner.bytes().size());
}

TEST(PacketBuilder, AppliesDamageInTheOrderOfTheCalls) {
    const Packet whole = Packet().ethernet(a, b).ipv4("10.0.0.10", "10.0.0.11").udp(1, 2);
    EXPECT_EQ(whole.cut_to(20).bytes().size(), 20u);
    EXPECT_EQ(whole.trailer(18).bytes().size(), 60u);
    EXPECT_EQ(whole.patched(14, {0x65}).bytes()[14], 0x65);
}

}  // namespace
