// Packets that a workload's stack left whole for the kernel to segment later (GSO): one packet for the program, several frames
// for the wire, for the counters and for the MTU.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <unistd.h>

#include "cases/case.hpp"
#include "engines/counters.hpp"
#include "engines/engine.hpp"
#include "engines/flows.hpp"
#include "engines/kernel_object.hpp"
#include "packets/dissect.hpp"

namespace biplane::engines {
namespace {

using cases::Packet;
using packets::Bytes;
using packets::explain_difference;

constexpr uint64_t seed = 3;
constexpr uint32_t segments = 2, segment_payload = 1400;

// For reset(): the tables are all of an engine that it needs.
class TablesOnly : public Engine {
   public:
    explicit TablesOnly(SharedTables& tables) : tables_(tables) {}
    std::string name() const override { return "segmentation"; }
    Plane plane() const override { return Plane::kernel; }
    bool writes_punt_tags() const override { return true; }
    SharedTables& tables() override { return tables_; }
    Observation run(uint16_t, const Bytes&) override { return {false}; }

   private:
    SharedTables& tables_;
};

class segmentation : public testing::Test {
   protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
        static Result<LoadedObject> object = load_object(BIPLANE_BPF_OBJECT, "segmentation", seed);
        ASSERT_TRUE(object) << object.error().message;
        object_ = &*object;
        TablesOnly engine(object_->tables);
        reset(engine);
    }

    // Return code of the workload program; its output in `frame`.
    int run(Bytes& frame, uint32_t payload_of_a_segment = segment_payload) {
        __sk_buff context{};
        context.ifindex = world::ifindex_of(world::red_web);
        context.gso_segs = segments;
        context.gso_size = payload_of_a_segment;
        Bytes output(frame.size() + 256);
        bpf_test_run_opts options{};
        options.sz = sizeof options;
        options.data_in = frame.data();
        options.data_size_in = static_cast<uint32_t>(frame.size());
        options.data_out = output.data();
        options.data_size_out = static_cast<uint32_t>(output.size());
        options.ctx_in = &context;
        options.ctx_size_in = sizeof context;
        EXPECT_EQ(bpf_prog_test_run_opts(object_->workload, &options), 0);
        output.resize(options.data_size_out);
        frame = output;
        return static_cast<int>(options.retval);
    }

    PortCounts counts(uint16_t port) { return counts_of(object_->tables, port); }

    LoadedObject* object_ = nullptr;
};

Packet large_segment(std::string_view destination) {
    return cases::frame_from(world::red_web)
        .ip("10.0.0.10", destination)
        .tcp(40000, 80, packets::tcp::syn)
        .filler(segments * segment_payload);
}

TEST_F(segmentation, a_large_packet_is_delivered_whole_and_counted_as_its_segments) {
    const Packet packet = large_segment("10.0.0.11");
    Bytes frame = packet.bytes();
    EXPECT_EQ(run(frame), TC_ACT_REDIRECT);
    EXPECT_EQ(explain_difference(cases::at(world::red_db, packet).ttl(63).bytes(), frame), "");
    EXPECT_EQ(counts(world::red_web)["received"], segments);
    EXPECT_EQ(counts(world::red_web)["delivered"], segments);
    EXPECT_EQ(counts(world::red_db)["transmitted"], segments);
    std::vector<std::string> complaints;
    const std::vector<Pair> pairs = read_pairs(object_->tables, complaints);
    ASSERT_EQ(pairs.size(), 1u);
    EXPECT_EQ(pairs[0].forward.packets, segments);
}

// A test run cannot say that a packet is TCP's to segment, and of no other kind does the kernel let the headers grow. (Into the
// tunnel whole: tests/netns/test_offloads.py.)
TEST_F(segmentation, a_packet_that_the_kernel_does_not_let_grow_is_dropped_with_that_reason) {
    Bytes frame = large_segment("10.0.0.20").bytes();
    EXPECT_EQ(run(frame), TC_ACT_SHOT);
    EXPECT_EQ(counts(world::red_web)["drops.rewrite-failed"], segments);
    EXPECT_EQ(counts(world::fabric)["transmitted"], 0u);
}

TEST_F(segmentation, a_large_packet_whose_segments_do_not_fit_is_refused_and_its_sender_told) {
    Bytes frame = large_segment("10.0.0.12").bytes();  // the MTU there is 1280
    EXPECT_EQ(run(frame), TC_ACT_REDIRECT);            // the ICMP error goes back
    EXPECT_EQ(frame.at(14 + 20), 3);
    EXPECT_EQ(packets::get16(frame, 14 + 20 + 6), world::narrow_mtu);
    EXPECT_EQ(counts(world::red_web)["drops.mtu-exceeded"], segments);
}

TEST_F(segmentation, segments_of_exactly_the_mtu_fit) {
    constexpr uint32_t headers = 40;
    Bytes frame = large_segment("10.0.0.12").bytes();
    EXPECT_EQ(run(frame, world::narrow_mtu - headers), TC_ACT_REDIRECT);
    EXPECT_EQ(counts(world::red_web)["delivered"], segments);
}

TEST_F(segmentation, a_large_packet_that_nobody_takes_over_is_dropped_as_its_segments) {
    object_->tables.config()->punt_ifindex = 0;
    cases::user_plane_is(true)(object_->tables);
    object_->tables.zone(object_->tables.config()->epoch, world::red)->plane = Plane::user;
    Bytes frame = large_segment("10.0.0.11").bytes();
    EXPECT_EQ(run(frame), TC_ACT_SHOT);
    EXPECT_EQ(counts(world::red_web)["drops.user-plane-down"], segments);
    EXPECT_EQ(counts(world::red_web)["punted"], 0u);
    object_->tables.config()->punt_ifindex = world::ifindex_of(world::no_such_port);
}

}  // namespace
}  // namespace biplane::engines
