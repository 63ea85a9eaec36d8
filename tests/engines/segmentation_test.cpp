// Packets that a workload's stack left whole for the kernel to segment later (GSO): one packet for the program, several frames
// for the wire, for the counters and for the MTU.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <unistd.h>

#include <cstring>

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
        return run(object_->workload, world::red_web, frame, payload_of_a_segment);
    }
    int run_fabric(Bytes& frame) { return run(object_->fabric_tcx, world::fabric, frame, segment_payload); }
    // As it comes out of the cut port: no GSO packet any more.
    int run_cut(Bytes& frame) { return run(object_->cut, world::no_such_port, frame, 0); }

    static int run(int program, uint16_t port, Bytes& frame, uint32_t payload_of_a_segment) {
        __sk_buff context{};
        context.ifindex = world::ifindex_of(port);
        context.gso_segs = payload_of_a_segment != 0 ? segments : 0;
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
        EXPECT_EQ(bpf_prog_test_run_opts(program, &options), 0);
        output.resize(options.data_size_out);
        frame = output;
        return static_cast<int>(options.retval);
    }

    PortCounts counts(uint16_t port) { return counts_of(object_->tables, port); }

    // Handed to the cut port as it came, with its ingress port in the tag; nothing is counted or recorded before it comes back.
    void expect_cut(int code, const Bytes& frame, const Packet& sent, uint16_t port) {
        EXPECT_EQ(code, TC_ACT_REDIRECT);
        PuntTag tag{};
        std::memcpy(&tag, frame.data(), sizeof tag);
        EXPECT_EQ(tag.magic, cut_magic);
        EXPECT_EQ(uint16_t{tag.port}, port);
        const Bytes before = sent.bytes();
        EXPECT_TRUE(std::equal(frame.begin() + sizeof tag, frame.end(), before.begin() + sizeof tag, before.end()));
        EXPECT_EQ(counts(port)["received"], 0u);
        std::vector<std::string> complaints;
        EXPECT_TRUE(read_pairs(object_->tables, complaints).empty());
    }

    LoadedObject* object_ = nullptr;
};

Bytes tagged(const Packet& packet, uint16_t port, uint8_t magic = cut_magic) {
    Bytes frame = packet.bytes();
    const PuntTag tag{port, 0, magic, no_flow, 0};
    std::memcpy(frame.data(), &tag, sizeof tag);
    return frame;
}

Packet from_node_b(const Packet& inner) { return cases::coming_from_node(world::to_node_b, world::red, inner); }

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
TEST_F(segmentation, a_packet_that_the_kernel_does_not_let_grow_is_cut) {
    const Packet packet = large_segment("10.0.0.20");
    Bytes frame = packet.bytes();
    const int code = run(frame);
    expect_cut(code, frame, packet, world::red_web);
}

TEST_F(segmentation, without_a_cut_port_it_is_dropped_with_that_reason) {
    object_->tables.config()->cut_ifindex = 0;
    Bytes frame = large_segment("10.0.0.20").bytes();
    EXPECT_EQ(run(frame), TC_ACT_SHOT);
    EXPECT_EQ(counts(world::red_web)["drops.rewrite-failed"], segments);
    EXPECT_EQ(counts(world::fabric)["transmitted"], 0u);
    object_->tables.config()->cut_ifindex = world::ifindex_of(world::no_such_port);
}

TEST_F(segmentation, a_large_packet_of_a_protocol_whose_segments_are_not_known_is_cut) {
    const Packet start = cases::frame_from(world::red_web).ip("10.0.0.10", "10.0.0.11");
    for (const Packet& packet : {start.protocol(packets::protocol::gre), start.protocol(packets::protocol::esp),
                                 start.sctp(4000, 80).verification_tag(0x1000)}) {
        const Packet large = packet.filler(segments * segment_payload);
        Bytes frame = large.bytes();
        const int code = run(frame);
        expect_cut(code, frame, large, world::red_web);
    }
}

// RFC 1812, section 5.3.4: the tag would hide that it was sent to a group.
TEST_F(segmentation, a_large_packet_to_an_ethernet_group_is_dropped_and_not_cut) {
    Bytes frame = cases::frame_from(world::red_web)
                      .macs(world::peer_mac(world::red_web), world::broadcast_mac)
                      .ip("10.0.0.10", "10.0.0.11")
                      .protocol(packets::protocol::gre)
                      .filler(segments * segment_payload)
                      .bytes();
    EXPECT_EQ(run(frame), TC_ACT_SHOT);
    EXPECT_EQ(counts(world::red_web)["drops.multicast-unsupported"], segments);
}

TEST_F(segmentation, datagrams_that_come_whole_through_the_tunnel_are_cut) {
    const Packet packet =
        from_node_b(cases::inner_frame().ip("10.0.0.20", "10.0.0.10").udp(5000, 53).filler(segments * segment_payload));
    Bytes frame = packet.bytes();
    const int code = run_fabric(frame);
    expect_cut(code, frame, packet, world::fabric);
}

// A device with UDP GRO merges what follows the first packet behind it, tunnel headers and all.
TEST_F(segmentation, packets_that_a_device_has_merged_are_cut) {
    const Packet merged =
        from_node_b(cases::inner_frame().ip("10.0.0.20", "10.0.0.10").tcp(5000, 53, packets::tcp::syn).filler(600)).trailer(700);
    Bytes frame = merged.bytes();
    const int code = run_fabric(frame);
    expect_cut(code, frame, merged, world::fabric);
}

TEST_F(segmentation, what_comes_out_of_the_cut_port_goes_on_as_if_it_came_in_at_its_ingress_port) {
    const Packet datagram = cases::frame_from(world::red_web).ip("10.0.0.10", "10.0.0.20").udp(5000, 53).filler(100);
    Bytes frame = tagged(datagram, world::red_web);
    EXPECT_EQ(run_cut(frame), TC_ACT_REDIRECT);
    Bytes wanted = cases::towards_node(world::to_node_b, world::red,
                                       cases::inner_frame().ip("10.0.0.10", "10.0.0.20").ttl(63).udp(5000, 53).filler(100))
                       .bytes();
    packets::put16(wanted, 34, packets::get16(frame, 34));  // the outer source port is the router's to choose
    EXPECT_EQ(explain_difference(wanted, frame), "");
    EXPECT_EQ(counts(world::red_web)["forwarded"], 1u);

    const auto reply = [](const Packet& start) { return start.ip("10.0.0.20", "10.0.0.10").udp(53, 5000).filler(100); };
    frame = tagged(from_node_b(reply(cases::inner_frame())), world::fabric);
    EXPECT_EQ(run_cut(frame), TC_ACT_REDIRECT);
    EXPECT_EQ(explain_difference(reply(cases::frame_to(world::red_web)).bytes(), frame), "");
    EXPECT_EQ(counts(world::fabric)["delivered"], 1u);
}

TEST_F(segmentation, a_packet_of_a_flow_that_was_cut_does_not_overtake_it) {
    const Packet datagram = cases::frame_from(world::red_web).ip("10.0.0.10", "10.0.0.20").udp(5000, 53);
    Bytes frame = tagged(datagram.filler(100), world::red_web);
    EXPECT_EQ(run_cut(frame), TC_ACT_REDIRECT);
    frame = datagram.filler(20).bytes();
    EXPECT_EQ(run(frame, 0), TC_ACT_REDIRECT);
    EXPECT_EQ(frame.at(3), cut_magic);
    EXPECT_EQ(counts(world::red_web)["received"], 1u);
    std::vector<std::string> complaints;
    const std::vector<Pair> pairs = read_pairs(object_->tables, complaints);
    ASSERT_EQ(pairs.size(), 1u);
    EXPECT_EQ(pairs[0].forward.mode & flow_mode_cut, flow_mode_cut);
    EXPECT_EQ(pairs[0].reverse.mode & flow_mode_cut, 0) << "what the other side sends was never cut";
}

TEST_F(segmentation, a_frame_that_nobody_had_cut_goes_nowhere_from_the_cut_port) {
    const Packet datagram = cases::frame_from(world::red_web).ip("10.0.0.10", "10.0.0.20").udp(5000, 53).filler(100);
    for (const Bytes& sent :
         {datagram.bytes(), tagged(datagram, world::red_web, punt_magic), tagged(datagram, 0), tagged(datagram, 5000)}) {
        Bytes frame = sent;
        EXPECT_EQ(run_cut(frame), TC_ACT_SHOT);
    }
    EXPECT_EQ(counts(world::red_web)["received"], 0u);
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
