// SHA-256 (FIPS 180-4): the checksum of what must be read back as it was written.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace biplane {

class Sha256 {
   public:
    Sha256& add(std::string_view bytes);
    // 64 hexadecimal digits; nothing may be added any more.
    std::string hex();

   private:
    static constexpr size_t block_bytes = 64;
    void take_block(const uint8_t* block);

    std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<uint8_t, block_bytes> pending_{};
    uint64_t bytes_ = 0;
};

inline constexpr size_t sha256_digits = 64;
inline std::string sha256_of(std::string_view bytes) { return Sha256().add(bytes).hex(); }

}  // namespace biplane
