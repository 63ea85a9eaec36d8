// Two TCP endpoints that keep to the rules, and a network that loses, repeats and reorders before and behind the router: whatever
// they send belongs to their connection, so nothing of it may be dropped.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "cases/case.hpp"
#include "cases/tcp_scripts.hpp"
#include "engines/engine.hpp"
#include "engines/flows.hpp"

namespace biplane::engines {
namespace {

using cases::TcpSegment;
using packets::tcp::ack, packets::tcp::syn;

constexpr uint32_t segment_max = 1400, window_max = 30000;
constexpr size_t queue_max = 12;  // so far may a segment be overtaken
constexpr int rounds = 3000;

using Random = std::minstd_rand;
uint32_t below(Random& random, uint32_t end) { return end == 0 ? 0 : static_cast<uint32_t>(random() % end); }

// Relative numbers that do not wrap within a test; with_segment makes them wrap on the wire.
struct Endpoint {
    bool is_server;
    int scale, peer_scale;
    uint32_t next = 1, acked = 1, expected = 1;    // SND.NXT, SND.UNA, RCV.NXT (RFC 9293, section 3.3.1)
    uint32_t promised = 1001, may_send_to = 1001;  // the right edges of the windows: what was offered to the peer, and by it

    TcpSegment segment(uint8_t flags, uint32_t sequence, uint32_t bytes, Random& random) {
        promised = std::max(promised, expected + (below(random, window_max) << scale));
        const TcpSegment made = is_server ? cases::server(flags, sequence, expected) : cases::client(flags, sequence, expected);
        return made.bytes(static_cast<uint16_t>(bytes))
            .offers(static_cast<uint16_t>(std::min((promised - expected) >> scale, 65535u)));
    }

    TcpSegment anything(Random& random) {
        const uint32_t room = next < may_send_to ? std::min(may_send_to - next, segment_max) : 0;
        switch (below(random, 5)) {
            case 0:
            case 1: {
                const uint32_t probe = next == may_send_to ? 1 : 0;  // of a closed window
                const uint32_t bytes = room == 0 ? probe : 1 + below(random, room);
                const TcpSegment made = segment(ack, next, bytes, random);
                if (room != 0) next += bytes;  // a probe's byte counts when it was taken
                return made;
            }
            case 2:
                return segment(ack, acked, std::min(next - acked, segment_max), random);  // once more
            case 3:
                return segment(ack, next - 1, 0, random);  // a keep-alive
            default:
                return segment(ack, next, 0, random);
        }
    }

    void take(const TcpSegment& s) {
        acked = std::max(acked, s.acknowledgment);
        next = std::max(next, acked);
        may_send_to = std::max(may_send_to, s.acknowledgment + (uint32_t{s.window} << peer_scale));
        if (s.sequence == expected) expected += s.payload;
    }
};

class Network {
   public:
    Network(Engine& engine, Random& random) : engine_(engine), random_(random) {}

    // True if the router passed it.
    bool carry(const TcpSegment& s) {
        const auto frame = s.from_server ? cases::frame_from(world::red_db).ipv4("10.0.0.11", "10.0.0.10")
                                         : cases::frame_from(world::red_web).ipv4("10.0.0.10", "10.0.0.11");
        return engine_.run(s.from_server ? world::red_db : world::red_web, cases::with_segment(frame, s).bytes()).disposal ==
               Disposal::sent;
    }

    // One of the waiting ones; the oldest when too many wait. False: none, or it was lost.
    bool take_one(std::deque<TcpSegment>& queue, TcpSegment& taken) {
        if (queue.empty()) return false;
        const size_t n = queue.size() > queue_max ? 0 : below(random_, static_cast<uint32_t>(queue.size()));
        taken = queue[n];
        if (below(random_, 20) != 0) queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(n));  // else it comes once more
        return below(random_, 20) != 0;
    }

   private:
    Engine& engine_;
    Random& random_;
};

void play_one(Engine& engine, uint32_t seed) {
    Random random(seed);
    Network network(engine, random);
    const int client_scale = static_cast<int>(below(random, 8)), server_scale = static_cast<int>(below(random, 8));
    Endpoint client{false, client_scale, server_scale}, server{true, server_scale, client_scale};
    ASSERT_TRUE(network.carry(cases::client(syn, 0).scaled(client_scale)));
    ASSERT_TRUE(network.carry(cases::server(syn | ack, 0, 1).scaled(server_scale)));
    ASSERT_TRUE(network.carry(cases::client(ack, 1, 1)));
    std::deque<TcpSegment> before, behind;
    for (int round = 0; round < rounds; ++round) {
        before.push_back((below(random, 2) ? client : server).anything(random));
        TcpSegment taken;
        for (size_t more = below(random, 3); more > 0; --more)
            if (network.take_one(before, taken)) {
                ASSERT_TRUE(network.carry(taken))
                    << "seed " << seed << ", round " << round << ": " << (taken.from_server ? "server" : "client") << " "
                    << taken.sequence << " + " << taken.payload << " ack " << taken.acknowledgment << " window " << taken.window
                    << "; client " << client.next << " of " << client.may_send_to << ", server " << server.next << " of "
                    << server.may_send_to;
                behind.push_back(taken);
            }
        for (size_t more = below(random, 3); more > 0; --more)
            if (network.take_one(behind, taken)) (taken.from_server ? client : server).take(taken);
    }
    EXPECT_GT(client.acked, 10000u);  // it did carry something
    EXPECT_GT(server.acked, 10000u);
    std::vector<std::string> complaints;
    const auto pairs = read_pairs(engine.tables(), complaints);
    ASSERT_EQ(pairs.size(), 1u);
    EXPECT_EQ(state_of(pairs[0].forward.mode), FlowState::established);
}

TEST(tcp, nothing_that_belongs_to_a_connection_is_dropped) {
    for (const Plane plane : {Plane::kernel, Plane::user}) {
        auto engine = native_engine(plane, 1);
        ASSERT_TRUE(engine.has_value());
        for (uint32_t seed = 1; seed <= 20; ++seed) {
            reset(**engine);
            play_one(**engine, seed);
            if (HasFatalFailure()) return;
        }
    }
}

}  // namespace
}  // namespace biplane::engines
