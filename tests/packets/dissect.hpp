// Names for the bytes of a frame, for the one who reads a failed test.
#pragma once
#include <string>
#include <vector>

#include "packets/checksum.hpp"

namespace biplane::packets {

struct Field {
    size_t offset;
    size_t length;
    std::string name;  // "ipv4.ttl"; fields of an encapsulated frame start with "inner."
};

// Every byte of the frame belongs to exactly one field; what is not understood, or cut off, is "payload" or "cut off".
std::vector<Field> dissect(const Bytes& frame);

// One line per field: offset, name, bytes.
std::string print(const Bytes& frame);

// Empty if equal; else the fields that differ, wanted beside got, and both frames in full.
std::string explain_difference(const Bytes& wanted, const Bytes& got);

}  // namespace biplane::packets
