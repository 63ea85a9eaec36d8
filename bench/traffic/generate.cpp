// Sends a bounded number of frames into an interface as fast as one processor can: XDP test runs with live frames, in batches of
// 64 (larger ones are slower). Prints what it did as JSON. Whether anything arrived, only the sink knows.
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <vector>

#include "traffic/frame.hpp"
#include "traffic/object.hpp"

using namespace biplane::traffic;

namespace {

constexpr uint32_t batch = 64;
constexpr uint64_t frames_per_call = 1 << 18;  // a call takes tens of milliseconds: a signal or the time limit waits no longer

volatile std::sig_atomic_t is_ended = 0;

uint64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

uint64_t processor_ns() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

struct Options {
    FrameOptions frame;
    std::string interface;
    uint64_t frames = 0;
    uint64_t first = 0;
    uint32_t flows = 1;
    double seconds = 30;
    bool swap = false;
};

Options read_options(int argc, char** argv) {
    Options options;
    CLI::App app{"Sends UDP frames into an interface"};
    app.add_option("--interface", options.interface)->required();
    app.add_option("--frames", options.frames, "how many")->required();
    app.add_option("--seconds", options.seconds, "at most so long");
    app.add_option("--flows", options.flows, "0: every frame is a new flow")->check(CLI::Range(0u, 16000000u));
    app.add_option("--first", options.first, "number of the first frame");
    app.add_option("--bytes", options.frame.bytes, "of the (inner) frame, without FCS");
    app.add_option("--source-mac", options.frame.inner.source_mac)->required();
    app.add_option("--destination-mac", options.frame.inner.destination_mac)->required();
    app.add_option("--source", options.frame.inner.source)->required();
    app.add_option("--destination", options.frame.inner.destination)->required();
    app.add_flag("--swap-ports", options.swap, "the answers to those flows");
    auto* vni = app.add_option("--vni", options.frame.vni, "encapsulate in VXLAN");
    app.add_option("--outer-source-mac", options.frame.outer.source_mac)->needs(vni);
    app.add_option("--outer-destination-mac", options.frame.outer.destination_mac)->needs(vni);
    app.add_option("--outer-source", options.frame.outer.source)->needs(vni);
    app.add_option("--outer-destination", options.frame.outer.destination)->needs(vni);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error));
    }
    return options;
}

// Runs the program for so many frames.
void run(int program, std::vector<uint8_t>& frame, uint64_t frames) {
    xdp_md context{};
    context.data_end = static_cast<uint32_t>(frame.size());
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_size_in = static_cast<uint32_t>(frame.size()),
                .ctx_in = &context, .ctx_size_in = sizeof context, .repeat = static_cast<int>(frames),
                .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = batch);
    const int error = bpf_prog_test_run_opts(program, &options);
    if (error && error != -EINTR) stop("BPF_PROG_TEST_RUN with live frames", -error);
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = read_options(argc, argv);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, [](int) { is_ended = 1; });
    const Object object("generator.bpf.o");
    auto& plan = object.data<FramePlan>();
    plan_frame(options.frame, plan);
    plan.flows = options.flows;
    plan.swap_ports = options.swap;
    plan.next = options.first;
    plan.ifindex = interface_index(options.interface);
    const int program = object.program("generate");

    std::vector<uint8_t> frame(frame_bytes(options.frame));
    const uint64_t begin = now_ns();
    const uint64_t begin_processor = processor_ns();
    const uint64_t limit = begin + static_cast<uint64_t>(options.seconds * 1e9);
    for (uint64_t left = options.frames; left > 0 && !is_ended && now_ns() < limit;) {
        const uint64_t frames = std::min(left, frames_per_call);
        run(program, frame, frames);
        left -= frames;
    }
    const uint64_t end = now_ns();
    std::printf("{\"sent\": %llu, \"ns\": %llu, \"processor_ns\": %llu, \"bytes\": %zu}\n",
                static_cast<unsigned long long>(plan.next - options.first), static_cast<unsigned long long>(end - begin),
                static_cast<unsigned long long>(processor_ns() - begin_processor), frame.size());
    return 0;
}
