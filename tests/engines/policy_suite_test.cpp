// The policy suite on every engine: documents, parsed and planned as a node would, and packets on the tables that come of it. This
// node is node-a of the suite, so that flows between its workloads, to node-b and from node-b are judged.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "control/plan.hpp"
#include "engines/engine.hpp"
#include "engines/policy_suite.hpp"
#include "planes/kernel/kernel_object.hpp"

namespace biplane::engines {
namespace {

using packets::Packet;

constexpr uint64_t seed = 20250202;
constexpr char node[] = "node-a", other_node[] = "192.0.2.2", own_address[] = "192.0.2.1";
constexpr uint16_t source_port = 40000;
constexpr int flows_at_once = 60;  // far fewer than the engines' tables have room for

const std::vector<PolicyStep>& suite() {
    static const Result<std::vector<PolicyStep>> loaded = load_policy_suite(BIPLANE_POLICY_SUITE);
    static const std::vector<PolicyStep> none;
    if (!loaded) ADD_FAILURE() << loaded.error().message;
    return loaded ? *loaded : none;
}

// Where a workload or the fabric of the plan is on the engines' ground: at the interface of one of the world's ports.
uint16_t ground_port_of(const std::string& key) {  // "x/a", "x/b-blue": two of each namespace live here
    return static_cast<uint16_t>(1 + (key[0] - 'x') * 2 + (key[2] - 'a'));
}

MacAddress router_mac_of(uint16_t port) { return {{0x02, 0, 0, 0, 1, static_cast<uint8_t>(port)}}; }
MacAddress peer_mac_of(uint16_t port) { return {{0x02, 0, 0, 0, 2, static_cast<uint8_t>(port)}}; }
const MacAddress other_node_mac{{0x02, 0, 0, 0, 3, 2}};

// The workloads of one network only have links: the ground has no more interfaces.
NodeFacts facts_of(const DesiredState& desired, const std::string& network) {
    NodeFacts facts;
    facts.node = node;
    for (const auto& [key, workload] : desired.workloads) {
        if (workload.node != node || workload.network != network) continue;
        const uint16_t port = ground_port_of(key);
        facts.workloads[key] = {world::ifindex_of(port), router_mac_of(port), peer_mac_of(port), world::workload_mtu};
    }
    facts.fabrics["fabric0"] = {.ifindex = world::ifindex_of(world::fabric), .mac = router_mac_of(world::fabric), .mtu = 1500};
    facts.underlay[packets::address(other_node)] = {"fabric0", other_node_mac, packets::address(own_address)};
    return facts;
}

// One network of the suite on one engine.
class PolicyPlay {
   public:
    PolicyPlay(Engine& engine, std::string network, bool fabric_only)
        : engine_(engine), network_(std::move(network)), fabric_only_(fabric_only) {}

    // The step's tables in all banks, as another epoch. Flows stay.
    bool enter(const PolicyStep& step) {
        SharedTables& t = engine_.tables();
        TableShape shape{};
        std::copy(std::begin(t.config()->hash_secret), std::end(t.config()->hash_secret), std::begin(shape.hash_secret));
        shape.route_bucket_mask = t.sizes().route_buckets - 1;
        auto made = plan(step.desired, facts_of(step.desired, network_), numbering_, shape);
        EXPECT_TRUE(made) << made.error().message;
        if (!made) return false;
        step_ = &step;
        numbering_ = made->numbering;
        if (engine_.plane() == Plane::kernel)  // what the kernel hands over is judged by the user plane's engine
            for (Zone& zone : made->image.zones) zone.plane = Plane::kernel;
        write_tables(engine_, made->image);
        ++t.config()->epoch;
        return true;
    }

    void ask_all() {
        for (const Truth& truth : step_->truth) {
            if (truth.network != network_ || !passes_here(truth)) continue;
            for (size_t i = 0; i < truth.services.size(); ++i) {
                if (asked_ % flows_at_once == 0) forget_flows(engine_);
                ++asked_;
                ask(truth, truth.services[i], truth.verdicts[i]);
            }
        }
    }

    int asked() const { return asked_; }

   private:
    bool is_here(const std::string& key) const { return step_->desired.workloads.at(key).node == node; }
    bool passes_here(const Truth& truth) const {
        if (fabric_only_ && is_here(truth.source)) return false;
        return is_here(truth.source) || is_here(truth.destination);
    }

    void ask(const Truth& truth, const Service& service, DropReason wanted) {
        const Packet first = packet_of(truth.source_address, truth.destination_address, service, source_port, service.port, false);
        expect(truth, service, wanted, run(truth.source, first), "first packet");
        if (wanted != DropReason::none || !is_here(truth.destination) || service.protocol == packets::protocol::icmp) return;
        if (service.protocol != packets::protocol::tcp && service.protocol != packets::protocol::udp) return;
        const Packet reply = packet_of(truth.destination_address, truth.source_address, service, service.port, source_port, true);
        expect(truth, service, DropReason::none, run(truth.destination, reply), "reply");
    }

    static Packet packet_of(const std::string& from, const std::string& to, const Service& service, uint16_t from_port,
                            uint16_t to_port, bool is_reply) {
        const Packet ip = Packet().ip(from, to);
        switch (service.protocol) {
            case packets::protocol::tcp:
                return is_reply ? ip.tcp(from_port, to_port, packets::tcp::syn | packets::tcp::ack).sequence(7000, 1001)
                                : ip.tcp(from_port, to_port, packets::tcp::syn).sequence(1000, 0);
            case packets::protocol::udp:
                return ip.udp(from_port, to_port).payload("question");
            case packets::protocol::sctp: {
                const Bytes init = {1, 0, 0, 20, 0, 0, 16, 1, 0, 0, 255, 255, 0, 1, 0, 1, 0, 0, 0, 1};  // RFC 9260, section 3.3.2
                const size_t tag = (from.find(':') == std::string::npos ? 20 : 40) + 4;                  // 0 in an INIT
                return ip.sctp(from_port, to_port).payload(init).patched(tag, {0, 0, 0, 0});
            }
            default:
                return ip.icmp(static_cast<uint8_t>(service.port >> 8), static_cast<uint8_t>(service.port), 0x12340001);
        }
    }

    struct Outcome {
        std::map<DropReason, uint64_t> drops;
        uint64_t received = 0, gone = 0;
    };

    // The packet arrives from where its sender is.
    Outcome run(const std::string& sender, const Packet& packet) {
        const bool from_here = is_here(sender);
        const uint16_t port = from_here ? ground_port_of(sender) : uint16_t{world::fabric};
        const uint16_t counted = numbering_.ports.at(from_here ? "workload/" + sender : "fabric/fabric0");
        const Packet frame = from_here ? Packet().ethernet(peer_mac_of(port), router_mac_of(port)).carrying(packet)
                                       : encapsulated(packet);
        const Outcome before = read(counted);
        engine_.run(port, frame.bytes());
        Outcome after = read(counted);
        after.received -= before.received;
        after.gone -= before.gone;
        for (auto& [reason, count] : after.drops) count -= before.drops.count(reason) != 0 ? before.drops.at(reason) : 0;
        return after;
    }

    Packet encapsulated(const Packet& packet) const {
        return Packet()
            .ethernet(other_node_mac, router_mac_of(world::fabric))
            .ip(other_node, own_address)
            .dont_fragment()
            .udp(50000, 4789)
            .vxlan(step_->desired.networks.at(network_).vni)
            .ethernet(packets::mac("02:62:70:00:00:02"), packets::mac("02:62:70:00:00:01"))
            .carrying(packet);
    }

    Outcome read(uint16_t port) {
        Outcome sum;
        for (uint32_t slot = 0; slot < engine_.tables().sizes().counter_slots; ++slot) {
            const PortCounters& counters = *engine_.tables().counters(slot, port);
            sum.received += counters.received;
            sum.gone += counters.forwarded + counters.delivered;
            for (uint32_t reason = 0; reason < drop_reasons; ++reason)
                if (counters.drops[reason] != 0) sum.drops[static_cast<DropReason>(reason)] += counters.drops[reason];
        }
        return sum;
    }

    void expect(const Truth& truth, const Service& service, DropReason wanted, const Outcome& seen, const char* what) {
        const bool is_as_wanted = seen.received == 1 && (wanted == DropReason::none
                                                             ? seen.gone == 1
                                                             : seen.drops.count(wanted) != 0 && seen.drops.at(wanted) == 1);
        if (is_as_wanted || ++complaints_ > 20) return;
        std::string got = seen.received == 1 && seen.gone == 1 ? "passed" : fmt::format("received {}", seen.received);
        for (const auto& [reason, count] : seen.drops)
            if (count != 0) got += fmt::format(", dropped: {}", drop_reason_table[static_cast<size_t>(reason)].name);
        ADD_FAILURE() << fmt::format("{}\n{}: {} {} -> {} {}, protocol {} port {}, {}: wanted {}, got {}", step_->shows, network_,
                                     truth.source, truth.source_address, truth.destination, truth.destination_address,
                                     service.protocol, service.port, what,
                                     wanted == DropReason::none ? "to pass" : drop_reason_table[static_cast<size_t>(wanted)].name,
                                     got);
    }

    Engine& engine_;
    std::string network_;
    bool fabric_only_;
    Numbering numbering_;
    const PolicyStep* step_ = nullptr;
    int asked_ = 0, complaints_ = 0;
};

void play_suite(Result<std::unique_ptr<Engine>> made, bool fabric_only = false) {
    ASSERT_TRUE(made) << made.error().message;
    Engine& engine = **made;
    ASSERT_GE(suite().size(), 60u);
    int asked = 0;
    for (const char* network : {"red", "blue"}) {
        reset(engine);
        PolicyPlay play(engine, network, fabric_only);
        for (const PolicyStep& step : suite()) {
            if (!play.enter(step)) return;
            play.ask_all();
        }
        asked += play.asked();
    }
    fmt::print("{}: {} questions in {} steps\n", engine.name(), asked, suite().size());
}

TEST(policy_suite_native, in_the_user_planes_role) { play_suite(native_engine(Plane::user, seed)); }
TEST(policy_suite_native, in_the_kernel_planes_role) { play_suite(native_engine(Plane::kernel, seed)); }

class policy_suite : public testing::Test {
   protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
    }
};

TEST_F(policy_suite, in_the_kernel) { play_suite(kernel_engine(FabricHook::tcx, BIPLANE_BPF_OBJECT, seed)); }
TEST_F(policy_suite, in_the_kernel_by_lookups) {
    play_suite(kernel_engine(FabricHook::tcx, lookup_object_of(BIPLANE_BPF_OBJECT), seed));
}
TEST_F(policy_suite, in_the_kernel_from_a_fabric_with_xdp) {
    play_suite(kernel_engine(FabricHook::xdp, BIPLANE_BPF_OBJECT, seed), true);
}

}  // namespace
}  // namespace biplane::engines
