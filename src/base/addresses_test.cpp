#include "base/addresses.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bitset>
#include <cstring>

namespace biplane {
namespace {

Address address(const char* text) { return parse_address(text).value(); }
Prefix prefix(const char* text) { return parse_prefix(text).value(); }

TEST(Addresses, Ipv4IsHeldInItsMappedForm) {
    const uint8_t expected[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3};
    const Address parsed = address("10.1.2.3");
    EXPECT_EQ(std::memcmp(&parsed, expected, 16), 0);
    EXPECT_EQ(to_string(parsed), "10.1.2.3");
}

TEST(Addresses, Ipv6IsPrintedByRfc5952) {
    const struct {
        const char *written, *canonical;
    } cases[] = {
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // the first of two equal runs (4.2.3)
        {"2001:0db8::0001", "2001:db8::1"},                // no leading zeros (4.1)
        {"2001:DB8::A", "2001:db8::a"},                    // lower case (4.3)
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // no :: for a single group (4.2.2)
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // the longest run (4.2.3)
        {"0:0:0:0:0:0:0:0", "::"},
        {"fd00:a::1", "fd00:a::1"},
    };
    for (const auto& c : cases) EXPECT_EQ(to_string(address(c.written)), c.canonical);
}

TEST(Addresses, WhatIsNoAddressIsRefusedWithWhatWasFound) {
    for (const char* text : {"", "10.0.0", "10.0.0.256", "10.0.0.01", "10.0.0.1 ", " 10.0.0.1", "0x0a.0.0.1", "web", "fd00::1::2",
                             "fd00::g", "fe80::1%eth0", "1:2:3:4:5:6:7:8:9", "10.0.0.1/24", "[::1]"}) {
        const auto result = parse_address(text);
        ASSERT_FALSE(result) << text;
        EXPECT_EQ(result.error().message, std::string("found \"") + text + "\", expected an IPv4 or IPv6 address");
    }
    EXPECT_FALSE(parse_address(std::string_view("10.0.0.1\0x", 10)));
    EXPECT_FALSE(parse_address(std::string(5000, '1')));
    EXPECT_EQ(parse_address(std::string_view("\x1b[2J")).error().message, "found \"\\x1b[2J\", expected an IPv4 or IPv6 address");
}

TEST(Addresses, AMappedAddressIsRefusedBecauseItWouldBeTakenForIpv4) {
    EXPECT_EQ(parse_address("::ffff:10.0.0.1").error().message,
              "found \"::ffff:10.0.0.1\", an IPv4-mapped IPv6 address; write it as 10.0.0.1");
    EXPECT_EQ(parse_prefix("::ffff:10.0.0.0/104").error().message,
              "found \"::ffff:10.0.0.0/104\", an IPv4-mapped IPv6 prefix; write it with the IPv4 address 10.0.0.0");
    EXPECT_FALSE(parse_address("::ffff:a00:1"));
    EXPECT_FALSE(parse_prefix("::ffff:0:0/96"));
}

TEST(Prefixes, LengthsAreKeptIn128BitSpaceAndPrintedAsTheFamilyWritesThem) {
    EXPECT_EQ(prefix("10.0.0.0/24").length, 120);
    EXPECT_EQ(prefix("0.0.0.0/0").length, 96);
    EXPECT_EQ(prefix("10.0.0.1").length, 128);
    EXPECT_EQ(prefix("fd00::/64").length, 64);
    EXPECT_EQ(prefix("::/0").length, 0);
    for (const char* text : {"10.0.0.0/24", "0.0.0.0/0", "10.0.0.1/32", "fd00::/64", "::/0", "fd00::1/128"})
        EXPECT_EQ(to_string(prefix(text)), text);
}

TEST(Prefixes, WhatIsNoPrefixIsRefused) {
    for (const char* text : {"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/024", "10.0.0.0/2x", "10.0.0.0/255.255.255.0"})
        EXPECT_EQ(parse_prefix(text).error().message, std::string("found \"") + text + "\", expected a prefix length from 0 to 32");
    EXPECT_EQ(parse_prefix("fd00::/129").error().message, "found \"fd00::/129\", expected a prefix length from 0 to 128");
    EXPECT_EQ(parse_prefix("10.0.0/24").error().message,
              "found \"10.0.0/24\", expected an address and a prefix length, like 10.0.0.0/24");
}

TEST(Prefixes, HostBitsAreKeptUntilNetworkOfClearsThem) {
    EXPECT_EQ(to_string(prefix("10.0.0.77/26")), "10.0.0.77/26");
    EXPECT_EQ(to_string(network_of(prefix("10.0.0.77/26"))), "10.0.0.64");
    EXPECT_EQ(to_string(network_of(prefix("fd00:a:b:c:d::1/68"))), "fd00:a:b:c::");
    EXPECT_EQ(to_string(network_of(prefix("10.0.0.77/0"))), "0.0.0.0");
}

TEST(Prefixes, FamiliesDoNotMix) {
    EXPECT_FALSE(contains(prefix("::/0"), address("10.0.0.1")));
    EXPECT_FALSE(contains(prefix("0.0.0.0/0"), address("fd00::1")));
    EXPECT_FALSE(overlap(prefix("::/0"), prefix("0.0.0.0/0")));
    EXPECT_TRUE(contains(prefix("0.0.0.0/0"), address("10.0.0.1")));
}

TEST(Prefixes, OverlapIsContainmentOneWayOrTheOther) {
    EXPECT_TRUE(overlap(prefix("10.0.0.0/8"), prefix("10.9.0.0/16")));
    EXPECT_TRUE(overlap(prefix("10.9.0.0/16"), prefix("10.0.0.0/8")));
    EXPECT_TRUE(overlap(prefix("10.0.0.0/24"), prefix("10.0.0.0/24")));
    EXPECT_FALSE(overlap(prefix("10.0.0.0/24"), prefix("10.0.1.0/24")));
}

TEST(MacAddresses, AreReadAndPrintedInOneForm) {
    EXPECT_EQ(to_string(parse_mac("02:00:5E:10:00:af").value()), "02:00:5e:10:00:af");
    for (const char* text : {"", "02:00:5e:10:00", "02-00-5e-10-00-01", "02:00:5e:10:00:0g", "02:00:5e:10:00:01:", "2:0:5e:10:0:1"})
        EXPECT_EQ(parse_mac(text).error().message,
                  std::string("found \"") + text + "\", expected a MAC address, like 02:00:5e:10:00:01");
}

// The bits of an address as text: the slow and obvious way to compare prefixes.
std::string bits_of(const Address& a) {
    std::string bits;
    const auto* bytes = reinterpret_cast<const unsigned char*>(&a);
    for (int i = 0; i < 16; ++i) bits += std::bitset<8>(bytes[i]).to_string();
    return bits;
}

Address random_ipv6() {
    Address a{{*rc::gen::arbitrary<uint64_t>(), *rc::gen::arbitrary<uint64_t>()}};
    a.words[0] |= 0x20;  // the first byte is never 0: no mapped address
    return a;
}

RC_GTEST_PROP(AddressProperties, PrintingAgreesWithInetNtopAndReadsBack, ()) {
    const Address ipv6 = random_ipv6();
    char text[INET6_ADDRSTRLEN];
    inet_ntop(AF_INET6, &ipv6, text, sizeof text);
    RC_ASSERT(to_string(ipv6) == text);
    RC_ASSERT(parse_address(text).value() == ipv6);

    const be32 ipv4{*rc::gen::arbitrary<uint32_t>()};
    inet_ntop(AF_INET, &ipv4, text, sizeof text);
    RC_ASSERT(to_string(address_from_ipv4(ipv4)) == text);
    RC_ASSERT(parse_address(text).value() == address_from_ipv4(ipv4));
}

RC_GTEST_PROP(AddressProperties, ContainsIsEqualityOfTheLeadingBits, ()) {
    const Address a = random_ipv6();
    const uint8_t length = *rc::gen::inRange<uint8_t>(0, 129);
    Address b = a;
    if (*rc::gen::arbitrary<bool>()) b = random_ipv6();
    const bool expected = bits_of(a).substr(0, length) == bits_of(b).substr(0, length);
    RC_ASSERT(contains(Prefix{a, length}, b) == expected);
    const std::string network = bits_of(network_of(Prefix{a, length}));
    RC_ASSERT(network == bits_of(a).substr(0, length) + std::string(128 - length, '0'));
}

RC_GTEST_PROP(AddressProperties, OrderIsTheOrderOfTheBits, ()) {
    const Address a = random_ipv6(), b = random_ipv6();
    RC_ASSERT((compare(a, b) < 0) == (bits_of(a) < bits_of(b)));
    RC_ASSERT(AddressLess{}(a, b) == (bits_of(a) < bits_of(b)));
}

}  // namespace
}  // namespace biplane
