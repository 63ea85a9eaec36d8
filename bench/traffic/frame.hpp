// The headers of the generator's frames, made once by its process.
#pragma once
#include <string>

#include "traffic/plan.hpp"

namespace biplane::traffic {

struct Ends {
    std::string source_mac, destination_mac;
    std::string source, destination;  // addresses, both IPv4 or both IPv6
};

struct FrameOptions {
    Ends inner;
    Ends outer;           // with a tunnel only; IPv4
    uint32_t vni = 0;     // 0: no tunnel
    uint32_t bytes = 64;  // of the inner frame, without FCS
};

// Fills what is equal in every frame: header, words, offsets, checksum. Ends the process if the options are wrong.
void plan_frame(const FrameOptions& options, FramePlan& plan);

// Of the whole frame, tunnel included.
uint32_t frame_bytes(const FrameOptions& options);

}  // namespace biplane::traffic
