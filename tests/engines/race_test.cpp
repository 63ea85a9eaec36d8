// First packets of the same flows on two processors at once (design, D3): one pair each, none lost. The kernel's program runs,
// through BPF_PROG_TEST_RUN on two processors, and one side of each conversation on each of them.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "cases/case.hpp"
#include "engines/counters.hpp"
#include "engines/engine.hpp"
#include "engines/flows.hpp"

namespace biplane::engines {
namespace {

using cases::Packet;

constexpr int conversations = 100;  // fewer flows than the tables have room for
constexpr int short_run = 30;

// BIPLANE_RACE_ROUNDS: the long form (soak) has a million first packets in each test.
int rounds() {
    const char* wanted = std::getenv("BIPLANE_RACE_ROUNDS");
    return wanted ? std::atoi(wanted) : short_run;
}
constexpr uint64_t seed = 5;

struct Side {
    uint16_t port;
    std::vector<Bytes> frames;  // one for each conversation
};

Side asking() {
    Side side{world::red_web, {}};
    for (uint16_t i = 0; i < conversations; ++i)
        side.frames.push_back(
            cases::frame_from(world::red_web).ipv4("10.0.0.10", "10.0.0.11").udp(1000 + i, 53).filler(16).bytes());
    return side;
}

Side answering() {
    Side side{world::red_db, {}};
    for (uint16_t i = 0; i < conversations; ++i)
        side.frames.push_back(cases::frame_from(world::red_db).ipv4("10.0.0.11", "10.0.0.10").udp(53, 1000 + i).filler(16).bytes());
    return side;
}

// Two threads on two processors, let go together before every packet.
class Race {
   public:
    Race(Engine& engine, const Side& left, const Side& right) : engine_(engine), sides_{&left, &right} {}

    void run() {
        std::thread other([this] { play(1); });
        play(0);
        other.join();
    }

   private:
    void play(int which) {
        cpu_set_t processors;
        CPU_ZERO(&processors);
        CPU_SET(which, &processors);
        pthread_setaffinity_np(pthread_self(), sizeof processors, &processors);
        const Side& side = *sides_[which];
        for (int i = 0; i < conversations; ++i) {
            arrived_.fetch_add(1);
            for (int spins = 0; arrived_.load() < 2 * (i + 1); ++spins)
                if (spins > 10000) std::this_thread::yield();  // the other one is not running
            engine_.run(side.port, side.frames[static_cast<size_t>(i)]);
        }
    }

    Engine& engine_;
    const Side* sides_[2];
    std::atomic<int> arrived_{0};
};

// Two packets went into each conversation. One that had to wait for too long (a machine with other things to do) is delivered
// without being recorded in the flow.
void expect_one_pair_each(Engine& engine, const char* what) {
    std::vector<std::string> complaints;
    const std::vector<Pair> pairs = read_pairs(engine.tables(), complaints);
    for (const std::string& complaint : complaints) ADD_FAILURE() << what << ": " << complaint;
    EXPECT_EQ(pairs.size(), static_cast<size_t>(conversations)) << what;
    uint64_t recorded = 0;
    for (const Pair& pair : pairs) {
        recorded += pair.forward.packets + pair.reverse.packets;
        EXPECT_LE(pair.forward.packets + pair.reverse.packets, 2u) << what << ": " << print(pair);
    }
    EXPECT_GE(recorded, uint64_t{conversations} * 2 * 9 / 10) << what;
    uint64_t delivered = 0;
    std::string counts;
    for (const uint16_t port : {world::red_web, world::red_db}) {
        delivered += counts_of(engine.tables(), port)["delivered"];
        counts += print(counts_of(engine.tables(), port)) + "; ";
    }
    EXPECT_EQ(delivered, uint64_t{conversations} * 2) << what << ": " << counts;
}

class race : public testing::Test {
   protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
        if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "needs two processors";
        static Result<std::unique_ptr<Engine>> made = kernel_engine(FabricHook::tcx, BIPLANE_BPF_OBJECT, seed);
        ASSERT_TRUE(made) << made.error().message;
        engine_ = made->get();
    }
    Engine* engine_ = nullptr;
};

TEST_F(race, two_first_packets_of_one_flow_make_one_pair) {
    const Side side = asking();
    for (int round = 0; round < rounds() && !HasFailure(); ++round) {
        reset(*engine_);
        Race(*engine_, side, side).run();
        expect_one_pair_each(*engine_, "the same packet twice");
    }
}

TEST_F(race, a_question_and_its_answer_that_cross_make_one_pair) {
    const Side left = asking(), right = answering();
    for (int round = 0; round < rounds() && !HasFailure(); ++round) {
        reset(*engine_);
        Race(*engine_, left, right).run();
        expect_one_pair_each(*engine_, "question and answer");
    }
}

}  // namespace
}  // namespace biplane::engines
