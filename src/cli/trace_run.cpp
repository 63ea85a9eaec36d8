#include "cli/trace_run.hpp"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <net/if.h>

#include <cerrno>
#include <random>

#include "base/fd.hpp"
#include "layout/pins.hpp"
#include "planes/user_trace.hpp"

namespace biplane {
namespace {

uint64_t random_nonce() {
    std::random_device source;
    uint64_t nonce = 0;
    while (nonce == 0) nonce = uint64_t{source()} << 32 | source();
    return nonce;
}

// The nonce stands in the configuration only while a trace runs.
class Nonce {
   public:
    explicit Nonce(Config& config) : config_(config), value_(random_nonce()) {
        __atomic_store_n(&config_.trace_nonce, value_, __ATOMIC_SEQ_CST);
    }
    ~Nonce() { __atomic_store_n(&config_.trace_nonce, uint64_t{0}, __ATOMIC_SEQ_CST); }
    Nonce(const Nonce&) = delete;
    Nonce& operator=(const Nonce&) = delete;
    uint64_t value() const { return value_; }

   private:
    Config& config_;
    uint64_t value_;
};

const char* program_of(const Port& port, const std::string& hook) {
    if (hook.starts_with("xdp")) return pins::xdp_program;
    return port.kind == PortKind::fabric ? pins::tcx_fabric_program : pins::tcx_program;
}

Status test_run(int program, bpf_test_run_opts& options) {
    if (bpf_prog_test_run_opts(program, &options) == 0) return {};
    const int code = errno;
    if (code == ENODEV || code == EINVAL)
        return failure(
            fmt::format("cannot run the kernel program: {} (does the port's interface exist in this network namespace, and is it "
                        "up?)",
                        std::strerror(code)),
            code);
    return failed_call("run the kernel program", code);
}

// tcx and clsact programs find the nonce in the packet's time stamp.
Status run_on_skb(int program, const Port& port, uint64_t nonce, std::vector<uint8_t> frame) {
    __sk_buff context{};
    context.ifindex = port.ifindex;
    context.tstamp = nonce;
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_size_in = static_cast<__u32>(frame.size()),
                .ctx_in = &context, .ctx_size_in = sizeof context, .repeat = 1);
    return test_run(program, options);
}

// XDP programs find it in the eight bytes of metadata in front of the frame.
Status run_on_xdp(int program, const Port& port, uint64_t nonce, const std::vector<uint8_t>& frame) {
    std::vector<uint8_t> data(sizeof nonce);
    std::memcpy(data.data(), &nonce, sizeof nonce);
    data.insert(data.end(), frame.begin(), frame.end());
    xdp_md context{};
    context.data_meta = 0;
    context.data = sizeof nonce;
    context.data_end = static_cast<__u32>(data.size());
    context.ingress_ifindex = port.ifindex;
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = data.data(), .data_size_in = static_cast<__u32>(data.size()),
                .ctx_in = &context, .ctx_size_in = sizeof context, .repeat = 1);
    return test_run(program, options);
}

}  // namespace

Result<TraceRun> run_trace(const SharedTables& tables, const std::string& pin_directory, uint16_t port_number,
                           const std::string& hook, const std::vector<uint8_t>& frame) {
    const Port port = *tables.port(tables.config()->epoch, port_number);
    char name[IF_NAMESIZE];
    if (if_indextoname(port.ifindex, name) == nullptr)
        return failure(fmt::format("interface number {} does not exist in this network namespace: run this command in the node's",
                                   port.ifindex),
                       ENODEV);
    TraceRun run{.program = program_of(port, hook), .kernel = {}, .user = std::nullopt};
    Fd program(bpf_obj_get((pin_directory + "/" + run.program).c_str()));
    if (!program) return failed_call("open the pinned program " + pin_directory + "/" + run.program, errno);

    const Nonce nonce(*tables.config());
    const Status done = run.program == pins::xdp_program ? run_on_xdp(program.get(), port, nonce.value(), frame)
                                                         : run_on_skb(program.get(), port, nonce.value(), frame);
    if (!done) return tl::unexpected(done.error());
    run.kernel = *tables.trace();
    if (run.kernel.nonce != nonce.value())
        return failure("the kernel program left no trace: it is not the one these tools belong to");
    if (run.kernel.verdict == Verdict::punt) run.user = trace_in_user_plane(tables, port_number, frame);
    return run;
}

}  // namespace biplane
