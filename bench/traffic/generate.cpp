// Sends a bounded number of frames into an interface as fast as one processor can: XDP test runs with live frames, in batches of
// 64 (larger ones are slower). Prints what it did as JSON. Whether anything arrived, only the sink knows.
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <csignal>
#include <vector>

#include "traffic/frame.hpp"
#include "traffic/object.hpp"

using namespace biplane::traffic;

namespace {

constexpr uint32_t batch = 64;
constexpr uint64_t frames_max = 1 << 30;
constexpr useconds_t pause_us = 1000;

volatile std::sig_atomic_t is_ended = 0;

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
    uint64_t portion = 0;
    double seconds = 30;
    bool swap = false;
};

Options read_options(int argc, char** argv) {
    Options options;
    CLI::App app{"Sends UDP frames into an interface"};
    app.add_option("--interface", options.interface)->required();
    app.add_option("--frames", options.frames, "how many")->required()->check(CLI::Range(uint64_t{64}, frames_max));
    app.add_option("--portion", options.portion, "so many at a time, with a pause between; 0: all at once");
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
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGALRM}) std::signal(number, [](int) { is_ended = 1; });
    const Object object("generator.bpf.o");
    auto& plan = object.data<FramePlan>();
    plan_frame(options.frame, plan);
    plan.flows = options.flows;
    plan.swap_ports = options.swap;
    plan.next = options.first;
    plan.ifindex = interface_index(options.interface);
    // A signal, also the alarm's, ends the test run early.
    itimerval limit{};
    limit.it_value.tv_sec = static_cast<time_t>(options.seconds);
    limit.it_value.tv_usec = static_cast<suseconds_t>((options.seconds - std::floor(options.seconds)) * 1e6);
    setitimer(ITIMER_REAL, &limit, nullptr);
    std::vector<uint8_t> frame(frame_bytes(options.frame));
    const uint64_t begin_processor = processor_ns();
    const uint64_t portion = options.portion ? options.portion : options.frames;
    for (uint64_t left = options.frames; left > 0 && !is_ended; left -= std::min(left, portion)) {
        run(object.program("generate"), frame, std::min(left, portion));
        if (options.portion) usleep(pause_us);
    }
    const uint64_t used = processor_ns() - begin_processor;
    std::printf("{\"sent\": %llu, \"ns\": %llu, \"processor_ns\": %llu, \"last_ns\": %llu, \"bytes\": %zu}\n",
                static_cast<unsigned long long>(plan.next - options.first),
                static_cast<unsigned long long>(plan.last_ns - plan.first_ns), static_cast<unsigned long long>(used),
                static_cast<unsigned long long>(plan.last_ns), frame.size());
    return 0;
}
