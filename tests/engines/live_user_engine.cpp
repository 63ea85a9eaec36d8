// Both planes at once: the programs attached as in live_engine.cpp, the punt port, and the user plane at its inner end.
//
//     far N --> near N --program--> near 99 ==veth== far 99 --program, XSKMAP--> user plane --TX--> near M --> far M
//
// The interface pair 99 (world::no_such_port) is the punt port. What no interface sends, or the programs drop, does not get that far.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>

#include "cases/world.hpp"
#include "engines/live_engine.hpp"
#include "host/offloads.hpp"
#include "planes/user/umem.hpp"
#include "planes/user/user_plane.hpp"

namespace biplane::engines {

namespace {

constexpr char punt_outer[] = "near99", punt_inner[] = "far99";
static_assert(world::no_such_port == 99);
constexpr uint32_t patient_timeout = ticks_from_ms(30000);  // how late a heartbeat may be is not what the cases are about

class LiveUserEngine : public LiveEngine {
   public:
    explicit LiveUserEngine(LoadedObject object) : LiveEngine(FabricHook::tcx, std::move(object)) {}
    ~LiveUserEngine() override {
        stop_ = true;
        if (thread_.joinable()) thread_.join();
        fmt::print("live_user: {} of {} frames went through the user plane\n", frames_punted_, frames_sent_);
    }

    std::string name() const override { return "live_user"; }
    Plane plane() const override { return Plane::user; }

    Status start() {
        if (const Status done = attach(); !done) return done;
        if (const Status done = switch_transmit_offloads(punt_outer, false); !done) return done;
        punt_link_ = Fd(bpf_link_create(object().punt, static_cast<int>(far_ifindex_of(world::no_such_port)), BPF_XDP, nullptr));
        if (!punt_link_) return failed_call("attach a program to the punt port", errno);
        auto umem = Umem::create();
        if (!umem) return tl::unexpected(umem.error());
        umem_ = std::make_unique<Umem>(std::move(*umem));
        auto user_plane = UserPlane::open(*umem_, {object().pin_directory, punt_inner});
        if (!user_plane) return tl::unexpected(user_plane.error());
        user_plane_ = std::move(*user_plane);
        thread_ = std::thread([this] { user_plane_->run(stop_); });
        return {};
    }

    // All networks in the user plane, and it takes packets.
    void after_reset() override {
        for (uint32_t bank = 0; bank < banks; ++bank)
            for (const uint16_t network : {world::red, world::blue, world::green, world::teal, world::amber})
                tables().zone(bank, network)->plane = Plane::user;
        tables().config()->user_plane_timeout = patient_timeout;
        doubly_counted_.fill(0);
        wait_until([this] {
            const UserPlaneStatus& status = *tables().user_plane();
            return load(status.heartbeat) != 0 && current_tick() - load(status.heartbeat) <= patient_timeout &&
                   load(status.epoch_seen) == load(tables().config()->epoch);
        });
    }

    // Of both planes, without the punts that arrived. One that got lost stays in sight.
    PortCounts counts(uint16_t port) override {
        PortCounts sum = counts_of(tables(), port);
        const uint64_t arrived = std::min(sum["punted"], punts_received(port));
        sum["punted"] -= arrived;
        sum["received"] -= arrived;
        sum["received bytes"] -= doubly_counted_[port];
        return sum;
    }

    Observation run(uint16_t port, const Bytes& frame) override {
        if (port >= world::ports_end) return LiveEngine::run(port, frame);
        const uint64_t before = punts_received(port);
        Observation seen = LiveEngine::run(port, frame);
        const uint64_t punts = punts_received(port) - before;
        doubly_counted_[port] += punts * frame.size();
        frames_punted_ += punts;
        ++frames_sent_;
        return seen;
    }

   protected:
    void wait_until_carried() override {
        const auto all_punts_arrived = [this] {
            for (uint16_t port = 0; port < world::ports_end; ++port)
                if (counts(port)["punted"] != 0) return false;
            return true;
        };
        wait_until(all_punts_arrived);
        const uint64_t lap = load(tables().user_plane()->laps);  // it may still be in that lap
        wait_until([&] { return load(tables().user_plane()->laps) != lap; });
    }

   private:
    uint64_t punts_received(uint16_t port) { return tables().counters(tables().user_plane_slot(), port)->received; }

    Fd punt_link_;
    std::unique_ptr<Umem> umem_;
    std::unique_ptr<UserPlane> user_plane_;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
    std::array<uint64_t, world::ports_end> doubly_counted_{};  // bytes that both planes have received
    uint64_t frames_punted_ = 0, frames_sent_ = 0;
};

}  // namespace

Result<std::unique_ptr<Engine>> live_user_engine(const std::string& object_path, uint64_t seed) {
    auto object = load_object(object_path, "live_user", seed);
    if (!object) return tl::unexpected(object.error());
    auto engine = std::make_unique<LiveUserEngine>(std::move(*object));
    if (const Status started = engine->start(); !started) return tl::unexpected(started.error());
    return engine;
}

}  // namespace biplane::engines
