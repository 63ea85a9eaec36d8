// What a pinned program costs per packet, how long it is, and what pinned maps take: JSON.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <chrono>
#include <fstream>
#include <vector>

#include "traffic/frame.hpp"
#include "traffic/line_plan.hpp"
#include "traffic/object.hpp"

using namespace biplane::traffic;

namespace {

struct Options {
    std::string pin, type = "xdp", interface;
    FrameOptions frame;
    uint32_t flows = 1;
    uint64_t first = 0;  // number of the first frame
    uint32_t repeat = 200000;
    bool swap = false;
};

struct Ran {
    uint32_t ns;      // per packet, mean
    uint32_t result;  // return code of the last one
};

Ran run(int program, const Options& options, uint32_t repeat) {
    std::vector<uint8_t> frame(frame_bytes(options.frame));
    xdp_md xdp{};
    xdp.data_end = static_cast<uint32_t>(frame.size());
    xdp.ingress_ifindex = interface_index(options.interface);
    __sk_buff skb{};
    skb.ifindex = xdp.ingress_ifindex;
    const bool is_xdp = options.type == "xdp";
    LIBBPF_OPTS(bpf_test_run_opts, test, .data_in = frame.data(), .data_size_in = static_cast<uint32_t>(frame.size()),
                .ctx_in = is_xdp ? static_cast<void*>(&xdp) : &skb,
                .ctx_size_in = is_xdp ? static_cast<uint32_t>(sizeof xdp) : static_cast<uint32_t>(sizeof skb),
                .repeat = static_cast<int>(repeat));
    if (const int error = bpf_prog_test_run_opts(program, &test)) stop("test run", -error);
    return {test.duration, test.retval};
}

int measure(const Options& options) {
    const Object object("cost.bpf.o");
    auto& plan = object.data<FramePlan>();
    plan_frame(options.frame, plan);
    plan.flows = options.flows;
    plan.swap_ports = options.swap;
    const int program = bpf_obj_get(options.pin.c_str());
    if (program < 0) stop("cannot open " + options.pin, errno);
    const bool is_xdp = options.type == "xdp";
    const int wrapper = object.program(is_xdp ? "run_xdp" : "run_tcx");
    const int next = object.map(is_xdp ? "next_xdp" : "next_tcx");
    const uint32_t zero = 0;

    const uint32_t laps = std::max(options.flows, options.repeat);
    const Ran without = run(wrapper, options, options.repeat);
    if (bpf_map_update_elem(next, &zero, &program, BPF_ANY)) stop("cannot put the program behind the wrapper", errno);
    plan.next = options.first;
    run(wrapper, options, std::max(options.flows, 1000u));  // every flow once, so that none is new, unless all are
    const Ran with = run(wrapper, options, laps);

    bpf_prog_info info{};
    uint32_t length = sizeof info;
    if (bpf_obj_get_info_by_fd(program, &info, &length)) stop("program info", errno);
    std::printf("{\"ns\": %u, \"wrapper_ns\": %u, \"result\": %u, \"instructions\": %u, \"machine_bytes\": %u, \"verified\": %u}\n",
                with.ns > without.ns ? with.ns - without.ns : 0, without.ns, with.result, info.xlated_prog_len / 8,
                info.jited_prog_len, info.verified_insns);
    return 0;
}

// ns to read one line at a random place of a table of so many bytes, a power of two; what the empty program takes is taken off.
int measure_line(uint32_t megabytes, const Options& options) {
    const uint32_t lines = std::bit_ceil(megabytes) << 14;
    const Object object("line.bpf.o", "lines", lines);
    auto& plan = object.data<LinePlan>();
    const int program = object.program("read_line");
    std::vector<uint8_t> frame(64);
    LIBBPF_OPTS(bpf_test_run_opts, test, .data_in = frame.data(), .data_size_in = static_cast<uint32_t>(frame.size()),
                .repeat = static_cast<int>(options.repeat));
    uint32_t ns[2] = {};
    for (const uint32_t mask : {lines - 1, 0u, lines - 1}) {  // the first round brings the lines there are into being
        plan.mask = mask;
        if (const int error = bpf_prog_test_run_opts(program, &test)) stop("test run", -error);
        ns[mask == 0] = test.duration;
    }
    std::printf("{\"ns\": %u}\n", ns[0] > ns[1] ? ns[0] - ns[1] : 0);
    return 0;
}

// Of what this process has in memory, how much lies in huge pages.
size_t bytes_in_huge_pages() {
    std::ifstream map("/proc/self/smaps_rollup");
    size_t kilobytes = 0;
    for (std::string word; map >> word;)
        if (word == "AnonHugePages:") map >> kilobytes;
    return kilobytes << 10;
}

// The same in memory of this process, in huge pages: what part of the wait is for the translation of addresses.
int measure_huge_line(uint32_t megabytes, const Options& options) {
    constexpr size_t huge_page = size_t{2} << 20;
    const size_t bytes = size_t{std::bit_ceil(megabytes)} << 20;
    void* memory = mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) stop("no memory", errno);
    auto* begin = reinterpret_cast<uint8_t*>((reinterpret_cast<uintptr_t>(memory) + huge_page - 1) & ~(huge_page - 1));
    if (madvise(begin, bytes, MADV_HUGEPAGE)) stop("the kernel gives no huge pages", errno);
    std::memset(begin, 0, bytes);
    if (const size_t huge = bytes_in_huge_pages(); huge < bytes)
        stop("of " + std::to_string(bytes >> 20) + " MB the kernel gave " + std::to_string(huge >> 20) + " in huge pages");
    using clock = std::chrono::steady_clock;
    uint64_t ns[2] = {};
    for (const uint32_t mask : {static_cast<uint32_t>(bytes / 64 - 1), 0u}) {
        LinePlan plan{mask, 0};
        const auto start = clock::now();
        for (uint32_t i = 0; i < options.repeat; ++i)
            plan.next += *reinterpret_cast<volatile uint32_t*>(begin + size_t{scattered(plan.next) & plan.mask} * 64) + 1;
        ns[mask == 0] = static_cast<uint64_t>((clock::now() - start).count()) / options.repeat;
    }
    std::printf("{\"ns\": %llu}\n", static_cast<unsigned long long>(ns[0] > ns[1] ? ns[0] - ns[1] : 0));
    return 0;
}

int list_maps(const std::string& directory) {
    const char* separator = "{";
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        const int map = bpf_obj_get(entry.path().c_str());
        bpf_map_info info{};
        uint32_t length = sizeof info;
        if (map < 0 || bpf_obj_get_info_by_fd(map, &info, &length) || info.max_entries == 0 || info.value_size == 0) continue;
        if (entry.path().filename().string().rfind("bp_", 0) != 0) continue;
        const uint64_t bytes = uint64_t{info.max_entries} * ((info.value_size + 7) & ~7u);
        std::printf("%s\"%s\": %llu", separator, entry.path().filename().c_str(), static_cast<unsigned long long>(bytes));
        separator = ", ";
    }
    std::puts("}");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    std::string directory;
    CLI::App app{"Costs of pinned programs and maps"};
    app.require_subcommand(1);
    auto* maps = app.add_subcommand("maps", "bytes of every map pinned in a directory");
    maps->add_option("directory", directory)->required();
    uint32_t megabytes = 0;
    auto* line = app.add_subcommand("line", "ns to read a line at a random place of a table");
    line->add_option("megabytes", megabytes)->required()->check(CLI::Range(1, 4096));
    line->add_option("--repeat", options.repeat);
    bool is_huge = false;
    line->add_flag("--huge-pages", is_huge, "a table of its own instead of a BPF array, in huge pages");
    auto* program = app.add_subcommand("program", "ns per packet and length of a pinned program");
    program->add_option("pin", options.pin)->required();
    program->add_option("--type", options.type)->check(CLI::IsMember({"xdp", "tcx"}));
    program->add_option("--interface", options.interface, "the one the packets come in through")->required();
    program->add_option("--flows", options.flows, "0: every packet is a new one");
    program->add_option("--first", options.first, "number of the first packet, and so of its flow");
    program->add_option("--repeat", options.repeat);
    program->add_option("--bytes", options.frame.bytes);
    program->add_flag("--swap-ports", options.swap);
    Ends& ends = options.frame.inner;
    program->add_option("--source-mac", ends.source_mac)->required();
    program->add_option("--destination-mac", ends.destination_mac)->required();
    program->add_option("--source", ends.source)->required();
    program->add_option("--destination", ends.destination)->required();
    CLI11_PARSE(app, argc, argv);
    if (line->parsed()) return is_huge ? measure_huge_line(megabytes, options) : measure_line(megabytes, options);
    return maps->parsed() ? list_maps(directory) : measure(options);
}
