// Writes the packets of the specification as a seed corpus for pipeline_fuzzer: one file each, the port in the first byte.
#include <fmt/format.h>

#include <cstdio>

#include "cases/case.hpp"

int main(int argc, char** argv) {
    if (argc != 2) {
        fmt::print(stderr, "usage: write_corpus DIRECTORY\n");
        return 2;
    }
    int number = 0;
    for (const auto& c : biplane::cases::all_cases())
        for (const auto& step : c.steps) {
            const std::string path = fmt::format("{}/{:04}", argv[1], number++);
            std::FILE* file = std::fopen(path.c_str(), "wb");
            if (file == nullptr) return 1;
            const auto bytes = step.packet.bytes();
            std::fputc(step.port, file);
            std::fwrite(bytes.data(), 1, bytes.size(), file);
            std::fclose(file);
        }
    return 0;
}
