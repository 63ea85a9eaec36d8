#include "views/address_text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "base/addresses.hpp"

namespace biplane {
namespace {

std::string text_of(const Address& address) {
    char text[address_size_max];
    return {text, put_address(text, address)};
}

TEST(AddressText, is_that_of_rfc_5952) {
    for (const char* text :
         {"0.0.0.0", "10.0.0.1", "192.168.99.100", "255.255.255.255", "::", "::1", "1::", "fd00:a::10", "2001:db8::1",
          "2001:db8:0:1:1:1:1:1", "2001:db8::1:0:0:1", "2001:0:0:1::1", "1:2:3:4:5:6:7:0", "0:2:3:4:5:6:7:8", "::3:4:5:6:7:8",
          "fe80::abcd:ef01:2345:6789", "::1.2.3.4", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"})
        EXPECT_EQ(text_of(parse_address(text).value()), text);
}

RC_GTEST_PROP(AddressText, of_any_ipv4_address_is_what_to_string_says, (uint32_t bits)) {
    const Address address = address_from_ipv4(be32::from_host(bits));
    RC_ASSERT(text_of(address) == to_string(address));
}

// Groups are often zero and often short.
RC_GTEST_PROP(AddressText, of_any_ipv6_address_is_what_to_string_says, ()) {
    const auto group = rc::gen::weightedOneOf<uint16_t>({{3, rc::gen::just<uint16_t>(0)},
                                                         {1, rc::gen::just<uint16_t>(0xffff)},
                                                         {2, rc::gen::inRange<uint16_t>(1, 0x1000)},
                                                         {2, rc::gen::arbitrary<uint16_t>()}});
    const auto groups = *rc::gen::container<std::vector<uint16_t>>(8, group);
    Address address{};
    for (size_t i = 0; i < 8; ++i) address.words[i / 4] |= uint64_t{be16::from_host(groups[i]).raw} << (i % 4 * 16);
    RC_ASSERT(text_of(address) == to_string(address));
}

}  // namespace
}  // namespace biplane
