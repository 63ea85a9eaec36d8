#include "base/sha256.hpp"

#include <gtest/gtest.h>

namespace biplane {
namespace {

// NIST's example values for SHA-256 (one block, two blocks), and the message of a million letters of FIPS 180-2, appendix B.3.
TEST(Sha256, gives_the_digests_of_the_standard) {
    EXPECT_EQ(sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(sha256_of(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, does_not_depend_on_how_the_bytes_are_cut_into_pieces) {
    std::string text;
    for (int i = 0; i < 300; ++i) text += static_cast<char>(i);
    for (const size_t piece : {1, 3, 63, 64, 65, 128, 299}) {
        Sha256 digest;
        for (size_t begin = 0; begin < text.size(); begin += piece) digest.add(std::string_view(text).substr(begin, piece));
        EXPECT_EQ(digest.hex(), sha256_of(text)) << piece;
    }
}

}  // namespace
}  // namespace biplane
