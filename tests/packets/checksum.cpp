#include "packets/checksum.hpp"

namespace biplane::packets {

uint16_t internet_checksum(std::span<const uint8_t> bytes) {
    uint32_t sum = 0;
    for (size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? uint32_t{bytes[i]} << 8 : bytes[i];
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<uint16_t>(~sum);
}

uint32_t sctp_checksum(std::span<const uint8_t> bytes) {
    constexpr uint32_t castagnoli_reflected = 0x82f63b78;
    uint32_t crc = ~uint32_t{0};
    for (const uint8_t byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ castagnoli_reflected : crc >> 1;
    }
    return __builtin_bswap32(~crc);  // the first byte sent is the least significant one
}

}  // namespace biplane::packets
