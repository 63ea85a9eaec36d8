#include "planes/user/user_plane.hpp"

#include <bpf/bpf.h>
#include <spdlog/spdlog.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "layout/pins.hpp"

namespace biplane {
namespace {

constexpr uint32_t report_interval = ticks_from_ms(100);
constexpr uint32_t pin_check_interval = ticks_from_ms(500);
constexpr uint32_t drain_at_most = ticks_from_ms(100);
constexpr int sleep_ms = 5;          // a fraction of what the kernel plane takes for death (20 ms)
constexpr int sleep_blocked_ms = 1;  // while an interface takes no more packets: nothing wakes us when it does again

Result<Fd> open_pin(const std::string& path) {
    Fd map(bpf_obj_get(path.c_str()));
    if (!map) return failed_call("open the pinned map " + path, errno);
    return map;
}

Result<uint32_t> map_id(const std::string& path) {
    const auto map = open_pin(path);
    if (!map) return tl::unexpected(map.error());
    bpf_map_info info{};
    uint32_t length = sizeof info;
    if (bpf_obj_get_info_by_fd(map->get(), &info, &length) != 0) return failed_call("ask what " + path + " is", errno);
    return info.id;
}

// From a slot up to the next one that another port uses. A workload port has one.
uint32_t slots_from(uint32_t slot, const std::vector<PortSockets>& ports) {
    if (slot >= first_workload_socket) return 1;
    uint32_t end = first_workload_socket;
    for (const PortSockets& port : ports)
        if (port.slot > slot) end = std::min(end, port.slot);
    return end - slot;
}

}  // namespace

Result<UserPlane::PinIdentity> UserPlane::identify_pins(const std::string& pin_directory) {
    const auto config = map_id(pin_directory + "/" + pins::config);
    if (!config) return tl::unexpected(config.error());
    const auto sockets = map_id(pin_directory + "/" + pins::sockets);
    if (!sockets) return tl::unexpected(sockets.error());
    return PinIdentity{*config, *sockets};
}

UserPlane::UserPlane(UserPlaneOptions options, SharedTables tables, Fd sockets_map, PinIdentity identity)
    : options_(std::move(options)), tables_(std::move(tables)), sockets_map_(std::move(sockets_map)), identity_(identity) {}

UserPlane::~UserPlane() = default;

Result<std::unique_ptr<UserPlane>> UserPlane::open(const Umem& umem, const UserPlaneOptions& options) {
    const auto identity = identify_pins(options.pin_directory);
    if (!identity) return tl::unexpected(identity.error());
    auto tables = SharedTables::open(options.pin_directory, SharedTables::Access::write);
    if (!tables) return tl::unexpected(tables.error());
    auto sockets_map = open_pin(options.pin_directory + "/" + pins::sockets);
    if (!sockets_map) return tl::unexpected(sockets_map.error());
    const auto identity_after = identify_pins(options.pin_directory);
    if (!identity_after || *identity_after != *identity) return failure("the pinned tables are being replaced", EAGAIN);
    if (load(tables->config()->punt_ifindex) == 0) return failure("there is no punt port yet", ENODEV);

    std::unique_ptr<UserPlane> plane(new UserPlane(options, std::move(*tables), std::move(*sockets_map), *identity));
    auto sockets = SocketSet::create(umem, plane->sockets_map_.get(), options.punt_interface);
    if (!sockets) return tl::unexpected(sockets.error());
    plane->sockets_ = std::move(*sockets);
    plane->worker_ = std::make_unique<Worker>(plane->tables_, *plane->sockets_);
    plane->heartbeat_ = std::make_unique<Heartbeat>(plane->tables_);
    plane->punt_ifindex_ = load(plane->tables_.config()->punt_ifindex);
    return plane;
}

UserPlane::Ending UserPlane::run(const std::atomic<bool>& stop) {
    while (!stop) {
        const uint32_t now = current_tick();
        const uint32_t handled = run_lap();
        if (!look_around(now)) return Ending::tables_replaced;
        if (handled == 0)
            sleep();
        else if (sockets_->has_unsent())
            yield();
    }
    drain();
    return Ending::stopped;
}

uint32_t UserPlane::run_lap() {
    const uint32_t now = current_tick();
    const uint32_t epoch = heartbeat_->begin_lap();
    beat(now);
    if (!has_followed_ || epoch != followed_epoch_) follow_ports(epoch);
    if (const uint32_t punt = load(tables_.config()->punt_ifindex); punt != punt_ifindex_) {
        punt_ifindex_ = punt;
        sockets_->reopen_punt();
    }
    sockets_->begin_lap(now);
    return worker_->run_batch(now);
}

void UserPlane::beat(uint32_t now) {
    const bool is_ready = sockets_->is_receiving_punts();
    if (is_ready)
        heartbeat_->beat(now);
    else
        heartbeat_->beat_too_late(now);
    if (is_ready && !was_ready_) spdlog::info("ready: packets are taken from {}", options_.punt_interface);
    if (!is_ready && was_ready_) spdlog::warn("{} has gone: waiting for the agent to make it again", options_.punt_interface);
    was_ready_ = is_ready;
}

void UserPlane::follow_ports(uint32_t epoch) {
    std::vector<PortSockets> receiving;
    std::set<uint32_t> interfaces;
    for (uint32_t number = 1; number < ports_max; ++number) {
        const Port& port = *tables_.port(epoch, number);
        if (port.kind == PortKind::none) continue;
        interfaces.insert(port.ifindex);
        if (port.socket_slot > 0 && port.socket_slot < socket_slots) receiving.push_back({port.ifindex, port.socket_slot, 0});
    }
    for (PortSockets& port : receiving) port.slots_max = slots_from(port.slot, receiving);
    sockets_->follow_ports(receiving, interfaces);
    followed_epoch_ = epoch;
    has_followed_ = true;
}

// What need not be done in every lap. False: the tables are not the node's datapath any more. Pins alone may go (and come back) without
// that: what ends the datapath takes the punt port out of the tables.
bool UserPlane::look_around(uint32_t now) {
    if (now - last_report_ < report_interval) return true;
    last_report_ = now;
    sockets_->check_interfaces();
    const FramePool& frames = sockets_->frames();
    heartbeat_->report(sockets_->lost(), worker_->egress_full() + sockets_->unsendable(), frames.free(), frames.total());
    if (now - last_pin_check_ < pin_check_interval) return true;
    last_pin_check_ = now;
    const auto identity = identify_pins(options_.pin_directory);
    if (identity) return *identity == identity_;
    return load(tables_.config()->punt_ifindex) != 0;
}

void UserPlane::sleep() {
    auto list = sockets_->wait_list();
    heartbeat_->fall_asleep();
    (void)poll(list.data(), list.size(), sockets_->has_unsent() ? sleep_blocked_ms : sleep_ms);  // a signal may cut it short
    heartbeat_->wake_up();
}

// An interface takes no more for now. Its receiver may be a kernel thread that waits for this very processor, so be off it for a
// moment; what comes in meanwhile waits in the RX rings.
void UserPlane::yield() {
    constexpr timespec moment{.tv_sec = 0, .tv_nsec = 50'000};
    nanosleep(&moment, nullptr);
}

// Nothing is punted any more once the kernel plane sees the heartbeat stop; what was punted before is still carried.
void UserPlane::drain() {
    const uint32_t start = current_tick();
    do {
        heartbeat_->beat_too_late(current_tick());
        heartbeat_->begin_lap();
        sockets_->begin_lap(current_tick());
        if (worker_->run_batch(current_tick()) == 0) return;
    } while (current_tick() - start < drain_at_most);
}

}  // namespace biplane
