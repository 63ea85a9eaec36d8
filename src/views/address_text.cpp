#include "views/address_text.hpp"

#include <array>
#include <cstring>

namespace biplane {
namespace {

// A byte in decimal, and how long that is.
struct Decimal {
    char digits[3];
    uint8_t size;
};
constexpr std::array<Decimal, 256> make_decimals() {
    std::array<Decimal, 256> decimals{};
    for (unsigned value = 0; value < decimals.size(); ++value) {
        Decimal& decimal = decimals[value];
        if (value >= 100) decimal.digits[decimal.size++] = static_cast<char>('0' + value / 100);
        if (value >= 10) decimal.digits[decimal.size++] = static_cast<char>('0' + value / 10 % 10);
        decimal.digits[decimal.size++] = static_cast<char>('0' + value % 10);
    }
    return decimals;
}
constexpr std::array<Decimal, 256> decimals = make_decimals();

// Always writes three bytes: there is room behind it, or the next piece.
char* put_byte(char* at, uint8_t value) {
    std::memcpy(at, decimals[value].digits, sizeof decimals[value].digits);
    return at + decimals[value].size;
}

char* put_ipv4(char* at, const uint8_t* bytes) {
    at = put_byte(at, bytes[0]);
    *at++ = '.';
    at = put_byte(at, bytes[1]);
    *at++ = '.';
    at = put_byte(at, bytes[2]);
    *at++ = '.';
    return put_byte(at, bytes[3]);
}

char* put_group(char* at, uint16_t group) {
    constexpr char digits[] = "0123456789abcdef";
    if (group >= 0x1000) *at++ = digits[group >> 12];
    if (group >= 0x100) *at++ = digits[group >> 8 & 15];
    if (group >= 0x10) *at++ = digits[group >> 4 & 15];
    *at++ = digits[group & 15];
    return at;
}

constexpr int groups_per_address = 8;

// The longest run of zero groups, the first of equally long ones, two groups at least (RFC 5952, section 4.2).
struct Run {
    int begin = -1;
    int size = 1;
};
Run longest_run(const uint16_t* groups) {
    Run longest;
    for (int begin = 0; begin < groups_per_address; ++begin) {
        int end = begin;
        while (end < groups_per_address && groups[end] == 0) ++end;
        if (end - begin > longest.size) longest = {begin, end - begin};
        begin = end;
    }
    return longest;
}

char* put_ipv6(char* at, const uint8_t* bytes) {
    uint16_t groups[groups_per_address];
    for (int i = 0; i < groups_per_address; ++i) groups[i] = static_cast<uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    const Run run = longest_run(groups);
    if (run.begin == 0 && run.size == 6) {  // ::a.b.c.d, as inet_ntop(3) writes it
        *at++ = ':';
        *at++ = ':';
        return put_ipv4(at, bytes + 12);
    }
    for (int i = 0; i < groups_per_address; ++i) {
        if (i == run.begin) {
            *at++ = ':';
            i += run.size - 1;
            if (i == groups_per_address - 1) *at++ = ':';
            continue;
        }
        if (i > 0) *at++ = ':';
        at = put_group(at, groups[i]);
    }
    return at;
}

}  // namespace

char* put_address(char* at, const Address& address) {
    uint8_t bytes[sizeof address];
    std::memcpy(bytes, &address, sizeof bytes);
    return is_ipv4(address) ? put_ipv4(at, bytes + 12) : put_ipv6(at, bytes);
}

}  // namespace biplane
