// One datapath under test, whatever runs it: it takes a frame at a port of the world and says what became of it. The tables are
// the engine's own, and open to the test.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "engines/counters.hpp"
#include "layout/table_image.hpp"
#include "packets/checksum.hpp"
#include "planes/shared_tables.hpp"

namespace biplane::engines {

using packets::Bytes;

// Small, so that they can be compared often and that flows meet each other.
constexpr uint32_t flow_buckets = 256, route_buckets = 32;

enum class Disposal : uint8_t { dropped, passed, sent };  // passed: to the stack behind the port

struct Observation {
    bool is_possible = true;  // false: this engine has no way to take such a frame
    Disposal disposal = Disposal::dropped;
    bool knows_egress = false;
    uint32_t egress_ifindex = 0;  // 0: not sent anywhere
    Bytes frame;                  // as the engine left it
    const char* why_impossible = "the engine cannot take such a frame";
};

class Engine {
   public:
    virtual ~Engine() = default;
    virtual std::string name() const = 0;
    virtual Plane plane() const = 0;
    virtual bool writes_punt_tags() const = 0;
    virtual bool hides_vlan_tags(uint16_t) const { return false; }  // takes them out of the frame before the datapath sees it
    virtual SharedTables& tables() = 0;
    virtual PortCounts counts(uint16_t port) { return counts_of(tables(), port); }
    virtual void after_reset() {}  // the tables are the world's again: what else this engine needs of them
    virtual Observation run(uint16_t port, const Bytes& frame) = 0;  // kernel engines: from any number of threads at once
};

// The pipeline compiled for this processor, in either plane's role. `seed` is that of the tables' hash secret.
Result<std::unique_ptr<Engine>> native_engine(Plane plane, uint64_t seed);

// The programs of the kernel plane through BPF_PROG_TEST_RUN. Needs root; see kernel_ground.hpp for what it stands on.
enum class FabricHook { tcx, xdp };
Result<std::unique_ptr<Engine>> kernel_engine(FabricHook hook, const std::string& object_path, uint64_t seed);
// The same programs attached to the interfaces of the kernel ground: frames are sent at the far ends and caught there. Needs
// root, and tcx (Linux 6.6).
Result<std::unique_ptr<Engine>> live_engine(FabricHook hook, const std::string& object_path, uint64_t seed);

// The same with hook tcx and all networks placed in the user plane, which runs beside it on a thread of its own: what the programs
// punt comes out of its sockets. A punt is no fate here; its two receptions are counted as one.
Result<std::unique_ptr<Engine>> live_user_engine(const std::string& object_path, uint64_t seed);

// The same state for every engine: the world's tables in all banks, no flow, no count, epoch 4.
void reset(Engine& engine);
// Other tables in all banks. Flows, counts and the epoch stay.
void write_tables(Engine& engine, const TableImage& image);
void forget_flows(Engine& engine);

}  // namespace biplane::engines
