// The policy suite on every engine: documents, parsed and planned as a node would, and packets on the tables that come of it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "engines/suite_node.hpp"
#include "planes/kernel/kernel_object.hpp"

namespace biplane::engines {
namespace {

using packets::Packet;
namespace tcp = packets::tcp;
namespace protocol = packets::protocol;

constexpr uint64_t seed = 20250202;
constexpr uint16_t source_port = 40000;
constexpr int flows_at_once = 60;  // far fewer than the engines' tables have room for
constexpr int complaints_max = 12;

const std::vector<PolicyStep>& suite() {
    static const Result<std::vector<PolicyStep>> loaded = load_policy_suite(BIPLANE_POLICY_SUITE);
    static const std::vector<PolicyStep> none;
    if (!loaded) ADD_FAILURE() << loaded.error().message;
    return loaded ? *loaded : none;
}

// One service between one pair of workloads.
struct Question {
    const Truth& truth;
    Service service;
    DropReason verdict;

    std::string print() const {
        return fmt::format("{}: {} {} -> {} {}, protocol {} port {}", truth.network, truth.source, truth.source_address,
                           truth.destination, truth.destination_address, service.protocol, service.port);
    }
    bool is_tcp() const { return service.protocol == protocol::tcp; }
    bool has_reply() const { return is_tcp() || service.protocol == protocol::udp; }
    Packet ip_forward() const { return Packet().ip(truth.source_address, truth.destination_address); }
    Packet ip_backward() const { return Packet().ip(truth.destination_address, truth.source_address); }

    Packet first() const {
        switch (service.protocol) {
            case protocol::tcp:
                return ip_forward().tcp(source_port, service.port, tcp::syn).sequence(1000, 0);
            case protocol::udp:
                return ip_forward().udp(source_port, service.port).payload("question");
            case protocol::sctp: {
                const Bytes init = {1, 0, 0, 20, 0, 0, 16, 1, 0, 0, 255, 255, 0, 1, 0, 1, 0, 0, 0, 1};  // RFC 9260, section 3.3.2
                constexpr uint32_t no_tag_yet = 0;
                return ip_forward().sctp(source_port, service.port).verification_tag(no_tag_yet).payload(init);
            }
            default:
                return ip_forward().icmp(static_cast<uint8_t>(service.port >> 8), static_cast<uint8_t>(service.port), 0x12340001);
        }
    }
    Packet reply() const {
        if (is_tcp()) return ip_backward().tcp(service.port, source_port, tcp::syn | tcp::ack).sequence(2000, 1001);
        return ip_backward().udp(service.port, source_port).payload("answer");
    }
    // Of an established flow. The same segments every time: they are sent again because nobody has acknowledged them.
    Packet later() const {
        if (is_tcp()) return ip_forward().tcp(source_port, service.port, tcp::ack).sequence(1001, 2001).payload("more");
        return ip_forward().udp(source_port, service.port).payload("more");
    }
    Packet later_reply() const {
        if (is_tcp()) return ip_backward().tcp(service.port, source_port, tcp::ack).sequence(2001, 1001).payload("more");
        return ip_backward().udp(service.port, source_port).payload("more");
    }
};

class SuitePlay {
   public:
    SuitePlay(Engine& engine, const std::string& network, bool fabric_only) : node_(engine, network), fabric_only_(fabric_only) {}

    void enter(const PolicyStep& step) {
        step_ = &step;
        const Status entered = node_.enter(step);
        if (!entered) complain("the step cannot be planned", entered.error().message);
    }

    // First packets of every service between every pair, and the answers to what passes.
    void ask_first_packets() {
        for (const Question& question : questions()) {
            if (asked_++ % flows_at_once == 0) forget_flows(node_.engine());
            expect(question, question.verdict, question.truth.source, question.first(), "first packet");
            if (question.verdict != DropReason::none || !question.has_reply() || !node_.is_here(question.truth.destination))
                continue;
            expect(question, DropReason::none, question.truth.destination, question.reply(), "reply");
        }
    }

    // Flows that stand since an earlier step are judged again, both ways; those that do not stand yet are opened.
    void ask_standing_flows() {
        std::map<std::string, bool> still_open;
        for (const Question& question : questions()) {
            if (!question.has_reply() || !node_.is_here(question.truth.source) || !node_.is_here(question.truth.destination))
                continue;
            const std::string name = question.print();
            if (open_.count(name) != 0) {
                expect(question, question.verdict, question.truth.source, question.later(), "packet of a standing flow");
                expect(question, question.verdict, question.truth.destination, question.later_reply(), "reply of a standing flow");
            } else if (question.verdict == DropReason::none) {
                expect(question, DropReason::none, question.truth.source, question.first(), "first packet");
                expect(question, DropReason::none, question.truth.destination, question.reply(), "reply");
                expect(question, DropReason::none, question.truth.source, question.later(), "third packet");
            } else {
                continue;
            }
            still_open[name] = true;
        }
        open_ = std::move(still_open);
    }

    int asked() const { return asked_; }
    bool has_had_enough() const { return complaints_ >= complaints_max; }

   private:
    // What concerns this node.
    std::vector<Question> questions() const {
        std::vector<Question> all;
        for (const Truth& truth : step_->truth) {
            if (truth.network != node_.network() || (fabric_only_ && node_.is_here(truth.source))) continue;
            if (!node_.is_here(truth.source) && !node_.is_here(truth.destination)) continue;
            for (size_t i = 0; i < truth.services.size(); ++i) all.push_back({truth, truth.services[i], truth.verdicts[i]});
        }
        return all;
    }

    void expect(const Question& question, DropReason wanted, const std::string& sender, const Packet& packet, const char* what) {
        if (has_had_enough()) return;
        const NodeOutcome outcome = node_.run(sender, packet);
        if (outcome.is(wanted)) return;
        const char* name = wanted == DropReason::none ? "to pass" : drop_reason_table[static_cast<size_t>(wanted)].name;
        complain(fmt::format("{}, {}", question.print(), what), fmt::format("wanted {}, got: {}", name, outcome.print()));
    }

    void complain(const std::string& about, const std::string& what) {
        ++complaints_;
        ADD_FAILURE() << step_->shows << "\n" << about << "\n" << what;
    }

    SuiteNode node_;
    bool fabric_only_;
    const PolicyStep* step_ = nullptr;
    std::map<std::string, bool> open_;
    int asked_ = 0, complaints_ = 0;
};

void play_suite(Result<std::unique_ptr<Engine>> made, bool fabric_only = false) {
    ASSERT_TRUE(made) << made.error().message;
    Engine& engine = **made;
    ASSERT_GE(suite().size(), 60u);
    int asked = 0;
    for (const char* network : {"red", "blue"}) {
        reset(engine);
        SuitePlay play(engine, network, fabric_only);
        for (const PolicyStep& step : suite()) {
            play.enter(step);
            play.ask_first_packets();
            if (play.has_had_enough()) break;
        }
        asked += play.asked();
    }
    fmt::print("{}: {} questions in {} steps\n", engine.name(), asked, suite().size());
}

void play_changes(Result<std::unique_ptr<Engine>> made) {
    ASSERT_TRUE(made) << made.error().message;
    reset(**made);
    SuitePlay play(**made, "red", false);
    for (const PolicyStep& step : suite()) {
        play.enter(step);
        play.ask_standing_flows();
        if (play.has_had_enough()) break;
    }
}

TEST(policy_suite_native, in_the_user_planes_role) { play_suite(native_engine(Plane::user, seed)); }
TEST(policy_suite_native, in_the_kernel_planes_role) { play_suite(native_engine(Plane::kernel, seed)); }
TEST(policy_suite_native, flows_stand_and_fall_in_the_user_planes_role) { play_changes(native_engine(Plane::user, seed)); }

class policy_suite : public testing::Test {
   protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
    }
    static Result<std::unique_ptr<Engine>> kernel(FabricHook hook) { return kernel_engine(hook, BIPLANE_BPF_OBJECT, seed); }
};

TEST_F(policy_suite, in_the_kernel) { play_suite(kernel(FabricHook::tcx)); }
using policy_suite_lookup = policy_suite;  // in a process of its own: tables of this form cannot be pinned over the others
TEST_F(policy_suite_lookup, in_the_kernel) {
    play_suite(kernel_engine(FabricHook::tcx, object_of(BIPLANE_BPF_OBJECT, TableForm::lookup), seed));
}
TEST_F(policy_suite, in_the_kernel_from_a_fabric_with_xdp) { play_suite(kernel(FabricHook::xdp), true); }
TEST_F(policy_suite, flows_stand_and_fall_in_the_kernel) { play_changes(kernel(FabricHook::tcx)); }

}  // namespace
}  // namespace biplane::engines
