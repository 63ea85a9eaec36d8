// The checksums of the Internet, computed the slow and obvious way: what the router computes is compared with these.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace biplane::packets {

using Bytes = std::vector<uint8_t>;

// RFC 1071: the ones' complement of the ones' complement sum of 16-bit words; an odd last byte is padded with zero.
uint16_t internet_checksum(std::span<const uint8_t> bytes);

// RFC 9260, appendix A: CRC32c, as it stands in an SCTP header read as a big-endian number.
uint32_t sctp_checksum(std::span<const uint8_t> bytes);

}  // namespace biplane::packets
