#include "cases/world.hpp"
#include "engines/engine.hpp"
#include "planes/user_packet.hpp"

namespace biplane::engines {

namespace {

template <typename Packet>
class NativeEngine : public Engine {
   public:
    explicit NativeEngine(SharedTables tables) : tables_(std::move(tables)) {}

    std::string name() const override { return Packet::plane == Plane::user ? "native_user" : "native_kernel"; }
    Plane plane() const override { return Packet::plane; }
    bool writes_punt_tags() const override { return false; }
    SharedTables& tables() override { return tables_; }

    Observation run(uint16_t port, const Bytes& frame) override {
        // The frame ends where the allocation ends, so that a sanitizer sees every read beyond it.
        constexpr uint32_t headroom = 128;
        const auto memory = std::make_unique<uint8_t[]>(headroom + frame.size());
        std::copy(frame.begin(), frame.end(), memory.get() + headroom);
        Packet packet(memory.get() + headroom, static_cast<uint32_t>(frame.size()), headroom);
        const Outcome outcome = process(packet, tables_, world::ifindex_of(port), current_tick());
        return {true, disposal_of(outcome), true, outcome.egress_ifindex, Bytes(packet.frame(), packet.frame() + packet.length())};
    }

   private:
    static Disposal disposal_of(const Outcome& outcome) {
        if (outcome.egress_ifindex != 0 || outcome.fate.verdict == Verdict::punt) return Disposal::sent;
        return outcome.fate.verdict == Verdict::deliver ? Disposal::passed : Disposal::dropped;
    }

    SharedTables tables_;
};

}  // namespace

Result<std::unique_ptr<Engine>> native_engine(Plane plane, uint64_t seed) {
    TableSizes sizes;
    sizes.flow_buckets = flow_buckets;
    sizes.route_buckets = route_buckets;
    auto tables = SharedTables::in_memory(sizes, seed);
    if (!tables) return tables.error().within("make tables in memory");
    if (plane == Plane::user) return std::make_unique<NativeEngine<UserPacket>>(std::move(*tables));
    return std::make_unique<NativeEngine<KernelLikePacket>>(std::move(*tables));
}

}  // namespace biplane::engines
