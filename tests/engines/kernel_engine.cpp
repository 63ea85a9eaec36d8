// biplane.bpf.o, loaded by libbpf with tables of its own, each packet through BPF_PROG_TEST_RUN: the very program that is
// attached in production runs, on the interface of the world's port, and only the redirect at its end leads nowhere.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "cases/world.hpp"
#include "engines/engine.hpp"
#include "engines/kernel_ground.hpp"
#include "layout/pins.hpp"

namespace biplane::engines {

namespace {

struct ObjectCloser {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, ObjectCloser>;

struct Programs {
    int workload, fabric_tcx, fabric_xdp;
};

class KernelEngine : public Engine {
   public:
    KernelEngine(FabricHook hook, Object object, Programs programs, SharedTables tables)
        : hook_(hook), object_(std::move(object)), programs_(programs), tables_(std::move(tables)) {}

    std::string name() const override { return hook_ == FabricHook::xdp ? "xdp" : "tcx"; }
    Plane plane() const override { return Plane::kernel; }
    bool writes_punt_tags() const override { return true; }
    SharedTables& tables() override { return tables_; }

    Observation run(uint16_t port, const Bytes& frame) override {
        if (port == world::fabric && hook_ == FabricHook::xdp) return run_xdp(port, frame);
        return run_tcx(port == world::fabric ? programs_.fabric_tcx : programs_.workload, port, frame);
    }

    // A test run at an interface wants its receive queue registered, which a veth does once it has an XDP program; and the
    // program hands over only to a queue that has a socket.
    Status attach_fabric() {
        const int ifindex = static_cast<int>(world::ifindex_of(world::fabric));
        link_ = Fd(bpf_link_create(programs_.fabric_xdp, ifindex, BPF_XDP, nullptr));
        if (!link_) return failed_call("attach the XDP program to the fabric port", errno);
        auto sink = open_sink_socket(world::ifindex_of(world::fabric));
        if (!sink) return sink.error().within("give the fabric port a socket to hand over to");
        sink_ = std::move(*sink);
        const uint32_t slot = 0;
        const int socket = sink_.socket.get();
        const int sockets = bpf_object__find_map_fd_by_name(object_.get(), pins::sockets);
        if (bpf_map_update_elem(sockets, &slot, &socket, 0) != 0) return failed_call("enter the socket into its map", errno);
        return {};
    }

   private:
    Observation run_tcx(int program, uint16_t port, const Bytes& frame) {
        __sk_buff context{};
        context.ifindex = world::ifindex_of(port);
        const int code = run_program(program, frame, context);
        if (code == refused) return {false};
        const Disposal disposal = code == TC_ACT_REDIRECT ? Disposal::sent : code == TC_ACT_UNSPEC ? Disposal::passed : Disposal::dropped;
        return {true, disposal, false, 0, out_};
    }

    Observation run_xdp(uint16_t port, const Bytes& frame) {
        xdp_md context{};
        context.data_end = static_cast<uint32_t>(frame.size());
        context.ingress_ifindex = world::ifindex_of(port);
        const int code = run_program(programs_.fabric_xdp, frame, context);
        if (code == refused) return {false};
        const Disposal disposal = code == XDP_REDIRECT ? Disposal::sent : code == XDP_PASS ? Disposal::passed : Disposal::dropped;
        return {true, disposal, false, 0, out_};
    }


    // The program's return code; its output in out_.
    template <typename Context>
    int run_program(int program, const Bytes& frame, Context& context) {
        constexpr size_t growth_max = 256;
        out_.resize(frame.size() + growth_max);
        bpf_test_run_opts options{};
        options.sz = sizeof options;
        options.data_in = frame.data();
        options.data_size_in = static_cast<uint32_t>(frame.size());
        options.data_out = out_.data();
        options.data_size_out = static_cast<uint32_t>(out_.size());
        options.ctx_in = &context;
        options.ctx_size_in = sizeof context;
        if (bpf_prog_test_run_opts(program, &options) != 0) return refused;
        out_.resize(options.data_size_out);
        return static_cast<int>(options.retval);
    }

    static constexpr int refused = 1 << 20;

    FabricHook hook_;
    Object object_;
    Programs programs_;
    SharedTables tables_;
    Fd link_;
    SinkSocket sink_;
    Bytes out_;
};

Status size_tables(bpf_object* object, const TableSizes& sizes) {
    const std::pair<const char*, uint32_t> entries[] = {
        {pins::routes, banks * sizes.route_buckets},
        {pins::flow_buckets, sizes.flow_buckets},
        {pins::flows, sizes.flow_buckets * flow_bucket_ways},
        {pins::flow_details, sizes.flow_buckets * flow_bucket_ways},
        {pins::counters, sizes.counter_slots * ports_max},
    };
    for (const auto& [name, count] : entries) {
        bpf_map* map = bpf_object__find_map_by_name(object, name);
        if (map == nullptr) return failure(fmt::format("the object has no table {}", name));
        if (bpf_map__set_max_entries(map, count) != 0) return failed_call(fmt::format("size the table {}", name), errno);
    }
    return {};
}

// What the kernel says when it refuses a program; libbpf's own chatter is of no use in a test's output.
std::string verifier_said;
int keep_warnings(libbpf_print_level level, const char* format, va_list arguments) {
    if (level != LIBBPF_WARN) return 0;
    va_list again;
    va_copy(again, arguments);
    std::string line(static_cast<size_t>(std::vsnprintf(nullptr, 0, format, again)), ' ');
    va_end(again);
    std::vsnprintf(line.data(), line.size() + 1, format, arguments);
    verifier_said += line;
    return static_cast<int>(line.size());
}

// Where the verifier gave up stands at the end of its log.
std::string end_of(const std::string& log) {
    constexpr size_t shown = 3000;
    return log.size() > shown ? "... " + log.substr(log.size() - shown) : log;
}

Result<Object> load(const std::string& path, const std::string& pin_directory, const TableSizes& sizes) {
    libbpf_set_print(keep_warnings);
    verifier_said.clear();
    bpf_object_open_opts options{};
    options.sz = sizeof options;
    options.pin_root_path = pin_directory.c_str();
    Object object(bpf_object__open_file(path.c_str(), &options));
    if (!object) return failed_call("open " + path, errno);
    if (const Status sized = size_tables(object.get(), sizes); !sized) return tl::unexpected(sized.error());
    if (bpf_object__load(object.get()) != 0) return failure(fmt::format("cannot load {}: {}\n{}", path, std::strerror(errno), end_of(verifier_said)));
    return object;
}

Result<int> program_named(const Object& object, const char* name) {
    const bpf_program* program = bpf_object__find_program_by_name(object.get(), name);
    if (program == nullptr) return failure(fmt::format("the object has no program {}", name));
    return bpf_program__fd(program);
}

// The Config that in_memory() makes for this seed, so that all engines place their flows alike.
Status initialise(SharedTables& tables, uint64_t seed) {
    const auto model = SharedTables::in_memory(tables.sizes(), seed);
    if (!model) return model.error().within("make a model of the tables");
    *tables.config() = *model->config();
    tables.config()->punt_ifindex = world::ifindex_of(world::no_such_port);
    return {};
}

}  // namespace

Result<std::unique_ptr<Engine>> kernel_engine(FabricHook hook, const std::string& object_path, uint64_t seed) {
    const auto ground = enter_kernel_ground();
    if (!ground) return tl::unexpected(ground.error());
    const TableSizes sizes{flow_buckets, route_buckets, static_cast<uint32_t>(libbpf_num_possible_cpus()) + 1};
    const std::string pins = *ground + (hook == FabricHook::xdp ? "/xdp" : "/tcx");
    auto object = load(object_path, pins, sizes);
    if (!object) return tl::unexpected(object.error());
    const auto workload = program_named(*object, "prog_tcx"), fabric_tcx = program_named(*object, "prog_tcx_fabric"),
               fabric_xdp = program_named(*object, "prog_xdp");
    for (const auto* program : {&workload, &fabric_tcx, &fabric_xdp})
        if (!*program) return tl::unexpected(program->error());
    auto tables = SharedTables::open(pins, SharedTables::Access::write);
    if (!tables) return tables.error().within("map the tables of the kernel engine");
    if (const Status done = initialise(*tables, seed); !done) return tl::unexpected(done.error());
    auto engine = std::make_unique<KernelEngine>(hook, std::move(*object), Programs{*workload, *fabric_tcx, *fabric_xdp}, std::move(*tables));
    if (hook == FabricHook::tcx) return engine;
    if (const Status attached = engine->attach_fabric(); !attached) return tl::unexpected(attached.error());
    return engine;
}

}  // namespace biplane::engines
