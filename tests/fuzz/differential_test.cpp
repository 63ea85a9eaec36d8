// Both planes, and both roles of the pipeline, on a million random, mutated and damaged packets.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "fuzz/differential.hpp"

namespace biplane::fuzz {
namespace {

constexpr uint64_t packets_in_a_test = 1'000'000, table_seed = 7;

void play(std::vector<Result<std::unique_ptr<engines::Engine>>> made, const Plan& plan) {
    std::vector<std::unique_ptr<engines::Engine>> engines;
    for (auto& engine : made) {
        ASSERT_TRUE(engine) << engine.error().message;
        engines.push_back(std::move(*engine));
    }
    Differential differential(std::move(engines), plan);
    const std::string disagreement = differential.run();
    fmt::print("{}\n", differential.statistics());
    EXPECT_TRUE(disagreement.empty()) << disagreement;
}

TEST(differential, the_kernel_programs_do_to_every_packet_what_the_pipeline_does) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to load BPF programs";
    using engines::FabricHook;
    std::vector<Result<std::unique_ptr<engines::Engine>>> made;
    made.push_back(engines::native_engine(Plane::kernel, table_seed));
    made.push_back(engines::kernel_engine(FabricHook::xdp, BIPLANE_BPF_OBJECT, table_seed));
    made.push_back(engines::kernel_engine(FabricHook::tcx, BIPLANE_BPF_OBJECT, table_seed));
    play(std::move(made), plan_from_environment(packets_in_a_test));
}

TEST(differential, the_pipeline_does_in_the_user_plane_what_it_does_in_the_kernel_plane) {
    Plan plan = plan_from_environment(packets_in_a_test);
    plan.all_networks_in_the_kernel = true;
    std::vector<Result<std::unique_ptr<engines::Engine>>> made;
    made.push_back(engines::native_engine(Plane::kernel, table_seed));
    made.push_back(engines::native_engine(Plane::user, table_seed));
    play(std::move(made), plan);
}

}  // namespace
}  // namespace biplane::fuzz
