// biplane.bpf.o, loaded by libbpf with tables of its own, each packet through BPF_PROG_TEST_RUN: the very program that is
// attached in production runs, on the interface of the world's port, and only the redirect at its end leads nowhere.
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <cerrno>

#include "cases/world.hpp"
#include "engines/engine.hpp"
#include "engines/kernel_ground.hpp"
#include "engines/kernel_object.hpp"

namespace biplane::engines {

namespace {

class KernelEngine : public Engine {
   public:
    KernelEngine(FabricHook hook, KernelObject object) : hook_(hook), object_(std::move(object)) {}

    std::string name() const override { return hook_ == FabricHook::xdp ? "xdp" : "tcx"; }
    Plane plane() const override { return Plane::kernel; }
    bool writes_punt_tags() const override { return true; }
    SharedTables& tables() override { return object_.tables; }

    Observation run(uint16_t port, const Bytes& frame) override {
        if (port == world::fabric && hook_ == FabricHook::xdp) return run_xdp(port, frame);
        return run_tcx(port == world::fabric ? object_.fabric_tcx : object_.workload, port, frame);
    }

    // A test run at an interface wants its receive queue registered, which a veth does once it has an XDP program; and the
    // program hands over only to a queue that has a socket.
    Status attach_fabric() {
        const int ifindex = static_cast<int>(world::ifindex_of(world::fabric));
        link_ = Fd(bpf_link_create(object_.fabric_xdp, ifindex, BPF_XDP, nullptr));
        if (!link_) return failed_call("attach the XDP program to the fabric port", errno);
        auto sink = open_sink_socket(world::ifindex_of(world::fabric));
        if (!sink) return sink.error().within("give the fabric port a socket to hand over to");
        sink_ = std::move(*sink);
        return object_.give_socket(world::fabric_socket_slot, sink_.socket.get());
    }

   private:
    Observation run_tcx(int program, uint16_t port, const Bytes& frame) {
        __sk_buff context{};
        context.ifindex = world::ifindex_of(port);
        Bytes output;
        const int code = run_program(program, frame, context, output);
        if (code == refused) return {false};
        const Disposal disposal = code == TC_ACT_REDIRECT ? Disposal::sent
                                  : code == TC_ACT_UNSPEC ? Disposal::passed
                                                          : Disposal::dropped;
        return {true, disposal, false, 0, std::move(output)};
    }

    Observation run_xdp(uint16_t port, const Bytes& frame) {
        xdp_md context{};
        context.data_end = static_cast<uint32_t>(frame.size());
        context.ingress_ifindex = world::ifindex_of(port);
        Bytes output;
        const int code = run_program(object_.fabric_xdp, frame, context, output);
        if (code == refused) return {false};
        const Disposal disposal = code == XDP_REDIRECT ? Disposal::sent : code == XDP_PASS ? Disposal::passed : Disposal::dropped;
        return {true, disposal, false, 0, std::move(output)};
    }

    // The program's return code, or `refused`. Any number of threads.
    template <typename Context>
    static int run_program(int program, const Bytes& frame, Context& context, Bytes& output) {
        constexpr size_t growth_max = 256;
        output.resize(frame.size() + growth_max);
        bpf_test_run_opts options{};
        options.sz = sizeof options;
        options.data_in = frame.data();
        options.data_size_in = static_cast<uint32_t>(frame.size());
        options.data_out = output.data();
        options.data_size_out = static_cast<uint32_t>(output.size());
        options.ctx_in = &context;
        options.ctx_size_in = sizeof context;
        if (bpf_prog_test_run_opts(program, &options) != 0) return refused;
        output.resize(options.data_size_out);
        return static_cast<int>(options.retval);
    }

    static constexpr int refused = 1 << 20;

    FabricHook hook_;
    KernelObject object_;
    Fd link_;
    SinkSocket sink_;
};

}  // namespace

Result<std::unique_ptr<Engine>> kernel_engine(FabricHook hook, const std::string& object_path, uint64_t seed) {
    auto object = load_kernel_object(object_path, hook == FabricHook::xdp ? "xdp" : "tcx", seed);
    if (!object) return tl::unexpected(object.error());
    auto engine = std::make_unique<KernelEngine>(hook, std::move(*object));
    if (hook == FabricHook::tcx) return engine;
    if (const Status attached = engine->attach_fabric(); !attached) return tl::unexpected(attached.error());
    return engine;
}

}  // namespace biplane::engines
