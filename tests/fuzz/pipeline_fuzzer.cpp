// libFuzzer: the first byte chooses the port, the rest is a frame. Both roles of the pipeline take it, one after the other, on
// tables that live as long as the process; what they do must be safe and must obey the rules that hold for every packet.
//
//     build/fuzz/tests/fuzz/pipeline_fuzzer -max_len=2000 -max_total_time=60 corpus/
#include <fmt/format.h>

#include <cstdlib>

#include "cases/case.hpp"
#include "engines/engine.hpp"
#include "engines/flows.hpp"

using namespace biplane;
using engines::Bytes;
using engines::Disposal;

namespace {

std::unique_ptr<engines::Engine> make(Plane plane) {
    auto engine = engines::native_engine(plane, 1);
    if (!engine) std::abort();
    engines::reset(**engine);
    cases::user_plane_is(true)((*engine)->tables());
    return std::move(*engine);
}

void require(bool condition, const char* rule) {
    if (condition) return;
    fmt::print(stderr, "broken: {}\n", rule);
    std::abort();
}

void run(engines::Engine& engine, uint16_t port, const Bytes& frame) {
    static uint64_t runs = 0;
    const auto seen = engine.run(port, frame);
    require(seen.disposal == Disposal::sent || seen.frame == frame, "what is not sent is as it came");
    require(seen.frame.size() <= frame.size() + 128, "a packet grows by one tunnel at most");
    if (++runs % 256 != 0) return;
    std::vector<std::string> complaints;
    engines::read_pairs(engine.tables(), complaints);
    require(complaints.empty(), complaints.empty() ? "" : complaints[0].c_str());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const auto user = make(Plane::user), kernel = make(Plane::kernel);
    if (size == 0) return 0;
    const auto port = static_cast<uint16_t>(data[0] % (world::ports_end + 1));
    const Bytes frame(data + 1, data + size);
    run(*user, port, frame);
    run(*kernel, port, frame);
    return 0;
}
