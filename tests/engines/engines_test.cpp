// Every case of the specification on every engine it says something about; one test each, named by the case's sentence.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "engines/engine.hpp"
#include "engines/play.hpp"
#include "planes/kernel/kernel_object.hpp"

namespace biplane::engines {
namespace {

constexpr uint64_t seed = 20250101;

struct Bench {
    std::string name;
    Result<std::unique_ptr<Engine>> (*make)();
    cases::Holds role;
    bool fabric_only;  // differs from another engine at the fabric port only
    bool needs_root;
};

Result<std::unique_ptr<Engine>> make_native_user() { return native_engine(Plane::user, seed); }
Result<std::unique_ptr<Engine>> make_native_kernel() { return native_engine(Plane::kernel, seed); }
Result<std::unique_ptr<Engine>> make_tcx() { return kernel_engine(FabricHook::tcx, BIPLANE_BPF_OBJECT, seed); }
Result<std::unique_ptr<Engine>> make_xdp() { return kernel_engine(FabricHook::xdp, BIPLANE_BPF_OBJECT, seed); }

// The other form of the tables (planes/kernel/kernel_object.hpp).
Result<std::unique_ptr<Engine>> make_tcx_lookup() {
    return kernel_engine(FabricHook::tcx, object_of(BIPLANE_BPF_OBJECT, TableForm::lookup), seed);
}
Result<std::unique_ptr<Engine>> make_xdp_lookup() {
    return kernel_engine(FabricHook::xdp, object_of(BIPLANE_BPF_OBJECT, TableForm::lookup), seed);
}

Result<std::unique_ptr<Engine>> make_live_tcx() { return live_engine(FabricHook::tcx, BIPLANE_BPF_OBJECT, seed); }
Result<std::unique_ptr<Engine>> make_live_xdp() { return live_engine(FabricHook::xdp, BIPLANE_BPF_OBJECT, seed); }

Result<std::unique_ptr<Engine>> make_live_user() { return live_user_engine(BIPLANE_BPF_OBJECT, seed); }

const Bench benches[] = {{"native_user", make_native_user, cases::Holds::in_the_user_plane, false, false},
                         {"native_kernel", make_native_kernel, cases::Holds::in_the_kernel_plane, false, false},
                         {"tcx", make_tcx, cases::Holds::in_the_kernel_plane, false, true},
                         {"xdp", make_xdp, cases::Holds::in_the_kernel_plane, true, true},
                         {"tcx_lookup", make_tcx_lookup, cases::Holds::in_the_kernel_plane, false, true},
                         {"xdp_lookup", make_xdp_lookup, cases::Holds::in_the_kernel_plane, true, true},
                         {"live_tcx", make_live_tcx, cases::Holds::in_the_kernel_plane, false, true},
                         {"live_xdp", make_live_xdp, cases::Holds::in_the_kernel_plane, true, true},
                         {"live_user", make_live_user, cases::Holds::in_the_user_plane, false, true}};

bool applies(const cases::Case& c, const Bench& bench) {
    if (c.holds != cases::Holds::everywhere && c.holds != bench.role) return false;
    return !bench.fabric_only ||
           std::any_of(c.steps.begin(), c.steps.end(), [](const auto& step) { return step.port == world::fabric; });
}

// An engine is made when its first test runs, and goes when another one is wanted, or with the last test: two may not sit on one
// interface.
struct Current {
    std::unique_ptr<Engine> engine;
    std::string name;
};
Current& current() {
    static Current only;
    return only;
}

Engine* engine_of(const Bench& bench) {
    auto& [engine, name] = current();
    if (name == bench.name) return engine.get();
    name = bench.name;
    engine = nullptr;
    auto made = bench.make();
    if (!made)
        ADD_FAILURE() << "no engine " << bench.name << ": " << made.error().message;
    else
        engine = std::move(*made);
    return engine.get();
}

// How many cases an engine has played, and why it could not play the others: shown at the end, so that a pass by skipping is seen.
struct Tally {
    size_t played = 0;
    std::map<std::string, size_t> not_possible;
};
std::map<std::string, Tally>& tallies() {
    static std::map<std::string, Tally> all;
    return all;
}

void print_tallies() {
    for (const auto& [engine, tally] : tallies()) {
        fmt::print("{}: {} cases played\n", engine, tally.played);
        for (const auto& [why, count] : tally.not_possible) fmt::print("{}: {} not: {}\n", engine, count, why);
    }
}

class CaseTest : public testing::Test {
   public:
    CaseTest(const Bench& bench, const cases::Case& c) : bench_(bench), case_(c) {}

    void TestBody() override {
        if (bench_.needs_root && geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
        Engine* engine = engine_of(bench_);
        ASSERT_NE(engine, nullptr) << "there is no engine " << bench_.name;
        const Played played = play(case_, *engine);
        Tally& tally = tallies()[engine->name()];
        if (!played.was_possible) {
            ++tally.not_possible[case_.name + ": " + played.why_impossible];
            GTEST_SKIP() << engine->name() << ", " << played.why_impossible;
        }
        ++tally.played;
        for (const std::string& complaint : played.complaints) ADD_FAILURE() << case_.name << "\n" << complaint;
    }

   private:
    const Bench& bench_;
    const cases::Case& case_;
};

std::string identifier(const std::string& sentence) {
    std::string name = sentence;
    for (char& c : name)
        if (isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
    return name;
}

void register_cases(const std::vector<cases::Case>& all) {
    for (const Bench& bench : benches)
        for (const cases::Case& c : all)
            if (applies(c, bench))
                testing::RegisterTest(bench.name.c_str(), identifier(c.name).c_str(), nullptr, nullptr, __FILE__, __LINE__,
                                      [&bench, &c]() -> testing::Test* { return new CaseTest(bench, c); });
}

// Reasons that no frame alone can provoke on every engine: they tell of a kernel, of a missing socket (segmentation_test.cpp) or of
// rings that refuse.
constexpr DropReason reasons_of_the_environment[] = {DropReason::none, DropReason::rewrite_failed, DropReason::user_plane_down,
                                                     DropReason::egress_queue_full};

TEST(specification, has_a_case_for_every_drop_reason) {
    std::vector<bool> provoked(drop_reasons);
    for (const DropReason reason : reasons_of_the_environment) provoked[static_cast<size_t>(reason)] = true;
    for (const cases::Case& c : cases::all_cases())
        for (const cases::Step& step : c.steps)
            if (step.wanted.fate.verdict == Verdict::drop) provoked[step.wanted.fate.detail] = true;
    for (uint32_t reason = 0; reason < drop_reasons; ++reason)
        EXPECT_TRUE(provoked[reason]) << "no case drops with " << drop_reason_table[reason].name;
}

TEST(specification, names_every_case_once) {
    std::map<std::string, int> names;
    for (const cases::Case& c : cases::all_cases()) EXPECT_EQ(++names[identifier(c.name)], 1) << c.name;
}

}  // namespace
}  // namespace biplane::engines

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    const std::vector<biplane::cases::Case> all = biplane::cases::all_cases();
    biplane::engines::register_cases(all);
    const int result = RUN_ALL_TESTS();
    biplane::engines::current() = {};
    biplane::engines::print_tallies();
    return result;
}
