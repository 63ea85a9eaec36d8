// The socket set on real interfaces, in a network namespace of the test's own:
//
//     test --packet socket--> punt0 ==veth== punt1 --XDP, XSKMAP--> socket set --TX--> out0 ==veth== out1 --packet socket--> test
//
// Needs root and AF_XDP; skipped without.
#include "planes/user/socket_set.hpp"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>

#include "layout/tables.hpp"
#include "planes/shared_tables.hpp"

namespace biplane {
namespace {

constexpr uint16_t test_ethertype = 0x88b5;  // IEEE 802, for experiments
constexpr uint32_t frames_total = 8192;
constexpr auto patience = std::chrono::seconds(10);

void command(const std::string& text) { ASSERT_EQ(std::system(text.c_str()), 0) << text; }

// A packet socket that sees only the test's own frames.
Fd packet_socket(const char* interface) {
    Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(test_ethertype)));
    const int buffer = 64 << 20;
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(test_ethertype);
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface));
    if (bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return Fd();
    return socket;
}

// Redirects everything into slot 0 of the map: ip link of the punt program's essence.
Fd redirecting_program(int map) {
    const bpf_insn program[] = {
        {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_FD, .off = 0, .imm = map},
        {},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .src_reg = 0, .off = 0, .imm = 0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .src_reg = 0, .off = 0, .imm = XDP_DROP},
        {.code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = BPF_FUNC_redirect_map},
        {.code = BPF_JMP | BPF_EXIT},
    };
    return Fd(bpf_prog_load(BPF_PROG_TYPE_XDP, "to_socket", "GPL", program, std::size(program), nullptr));
}

class SocketSetLiveTest : public testing::Test {
   protected:
    void SetUp() override {
        home_ = Fd(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
        if (unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "needs the right to make network namespaces";
        command("for when in all default; do echo 1 > /proc/sys/net/ipv6/conf/$when/disable_ipv6; done");
        map_ = Fd(bpf_map_create(BPF_MAP_TYPE_XSKMAP, "sockets", 4, 4, 16, nullptr));
        if (!map_) GTEST_SKIP() << "needs the right to make BPF maps, and AF_XDP in the kernel";
        program_ = redirecting_program(map_.get());
        ASSERT_TRUE(program_);
        make_punt_port();
        make_egress();
        umem_.emplace(Umem::create(frames_total).value());
        start();
    }

    void TearDown() override {
        set_.reset();
        umem_.reset();
        if (home_) setns(home_.get(), CLONE_NEWNET);
    }

    void make_punt_port() {
        command("ip link add punt0 type veth peer punt1; ip link set punt0 up; ip link set punt1 up");
        link_ = Fd(bpf_link_create(program_.get(), static_cast<int>(if_nametoindex("punt1")), BPF_XDP, nullptr));
        ASSERT_TRUE(link_);
        source_ = packet_socket("punt0");
    }

    void make_egress() {
        command("ip link add out0 type veth peer out1; ip link set out0 up; ip link set out1 up");
        egress_ = if_nametoindex("out0");
        sink_ = packet_socket("out1");
    }

    void start() {
        auto set = SocketSet::create(*umem_, map_.get(), "punt1");
        ASSERT_TRUE(set) << set.error().message;
        set_ = std::move(*set);
        ASSERT_TRUE(lap_until([this] { return set_->is_receiving_punts(); }));
    }

    // One frame with a number in it.
    static bool send(const Fd& source, uint32_t number) {
        std::array<uint8_t, 60> frame{};
        frame[12] = test_ethertype >> 8;
        frame[13] = test_ethertype & 0xff;
        std::memcpy(&frame[14], &number, sizeof number);
        return ::send(source.get(), frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size());
    }

    uint32_t drain_sink() {
        std::array<uint8_t, 2048> frame;
        uint32_t count = 0;
        while (recv(sink_.get(), frame.data(), frame.size(), 0) > 0) ++count;
        return count;
    }

    // What the worker does, with one next hop for all.
    uint32_t lap() {
        std::array<Packet, 256> packets;
        set_->begin_lap(current_tick());
        const uint32_t count = set_->receive(packets);
        for (uint32_t i = 0; i < count; ++i)
            if (!set_->transmit(egress_, packets[i])) {
                set_->release(packets[i]);
                ++refused_;
            }
        set_->flush();
        return count;
    }

    template <typename Condition>
    bool lap_until(const Condition& is_met) {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        while (!is_met()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            if (lap() > 0) continue;
            auto list = set_->wait_list();
            poll(list.data(), list.size(), 1);
        }
        return true;
    }

    // Sends frames in at the punt port and expects as many to come out.
    void expect_carried(uint32_t count) {
        drain_sink();
        uint32_t arrived = 0;
        for (uint32_t number = 0; number < count; ++number) {
            ASSERT_TRUE(send(source_, number)) << strerror(errno);
            if (number % 64 == 63) lap(), arrived += drain_sink();
        }
        EXPECT_TRUE(lap_until([&] { return (arrived += drain_sink()) >= count; }));
        EXPECT_EQ(arrived, count);
        EXPECT_EQ(set_->lost(), 0u);
        expect_all_frames_back();
    }

    // What is not free lies in the fill rings: `receivers` of them, each as full as in the beginning.
    void expect_all_frames_back() {
        const auto is_back = [this] { return set_->frames().free() + resting_ >= set_->frames().total(); };
        EXPECT_TRUE(lap_until(is_back)) << "free: " << set_->frames().free();
        EXPECT_EQ(set_->frames().held_by(FramePool::worker), 0u);
        EXPECT_TRUE(set_->frames().is_sound());
    }

    Fd home_, map_, program_, link_, source_, sink_;
    uint32_t egress_ = 0;
    std::optional<Umem> umem_;
    std::unique_ptr<SocketSet> set_;
    uint32_t refused_ = 0;
    uint32_t resting_ = frames_total / 2;  // what the punt port's fill ring takes
};

TEST_F(SocketSetLiveTest, EveryFrameIsCarriedTheFirstOneToo) {
    expect_carried(1);
    expect_carried(50'000);
    EXPECT_EQ(refused_, 0u);
}

TEST_F(SocketSetLiveTest, FramesOfAnEgressInterfaceThatGoesComeBackAndItsSuccessorWorks) {
    expect_carried(100);
    for (uint32_t number = 0; number < 300; ++number) ASSERT_TRUE(send(source_, number));
    lap();
    command("ip link del out0");
    EXPECT_TRUE(lap_until([this] { return lap() == 0; }));
    expect_all_frames_back();
    make_egress();
    set_->follow_ports({}, {egress_});
    expect_carried(1000);
}

TEST_F(SocketSetLiveTest, AnInterfaceThatIsDownHoldsNoFramesAndWorksAgainWhenItIsUp) {
    command("ip link set out0 down");
    for (uint32_t number = 0; number < 300; ++number) ASSERT_TRUE(send(source_, number));
    EXPECT_TRUE(lap_until([this] { return refused_ + set_->unsendable() >= 300; }));
    expect_all_frames_back();
    command("ip link set out0 up");
    // How long the socket takes to open again depends on what else the machine does: a probe tells.
    EXPECT_TRUE(lap_until([&] { return send(source_, 0) && drain_sink() > 0; }));
    const auto settled = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
    lap_until([&] { return std::chrono::steady_clock::now() > settled; });
    expect_carried(1000);
}

TEST_F(SocketSetLiveTest, ThePuntPortMayBeMadeAnew) {
    expect_carried(100);
    command("ip link del punt0");
    EXPECT_TRUE(lap_until([this] {
        set_->check_interfaces();
        return !set_->is_receiving_punts();
    }));
    make_punt_port();
    set_->reopen_punt();
    EXPECT_TRUE(lap_until([this] { return set_->is_receiving_punts(); }));
    expect_carried(1000);
}

TEST_F(SocketSetLiveTest, ASuccessorCanBeginAtOnce) {
    for (int life = 0; life < 3; ++life) {
        expect_carried(100);
        set_.reset();
        umem_.reset();
        umem_.emplace(Umem::create(frames_total).value());
        start();
    }
    expect_carried(100);
}

TEST_F(SocketSetLiveTest, AFabricPortSendsAndReceivesThroughOneSocket) {
    command("ip link add fab0 type veth peer fab1; ip link set fab0 up; ip link set fab1 up");
    const Fd fabric_program = redirecting_program(map_.get());
    const Fd fabric_link(bpf_link_create(fabric_program.get(), static_cast<int>(if_nametoindex("fab0")), BPF_XDP, nullptr));
    ASSERT_TRUE(fabric_link);
    expect_carried(10);
    // The program redirects to slot 0, so the fabric port takes that slot over; what comes in leaves through out0.
    set_->follow_ports({{if_nametoindex("fab0"), 0, 1}}, {egress_});
    resting_ += 2048;
    const Fd peer = packet_socket("fab1");
    uint32_t arrived = 0;
    EXPECT_TRUE(lap_until([&] { return send(peer, 0) && (arrived += drain_sink()) > 0; }));
    egress_ = if_nametoindex("fab0");
    sink_ = packet_socket("fab1");
    EXPECT_TRUE(lap_until([&] { return send(peer, 0) && (arrived += drain_sink()) > 10; }));
    EXPECT_EQ(refused_, 0u);
    expect_all_frames_back();
}

}  // namespace
}  // namespace biplane
