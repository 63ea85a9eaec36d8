#include "engines/kernel_ground.hpp"

#include <fmt/format.h>
#include <linux/if_xdp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>

namespace biplane::engines {

namespace {

// Where bpffs belongs. In a mount namespace of our own the mount is ours alone, and nothing is left of it.
constexpr char bpffs[] = "/sys/fs/bpf";

Status enter_namespaces() {
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return failed_call("make a network namespace of our own", errno);
    if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed_call("keep mounts to ourselves", errno);
    return {};
}

Status mount_bpffs() {
    if (mount("bpf", bpffs, "bpf", 0, "mode=0700") != 0) return failed_call(fmt::format("mount a bpffs on {}", bpffs), errno);
    return {};
}

// Interfaces must not speak of themselves: what they say would be counted.
Status silence_ipv6() {
    FILE* file = std::fopen("/proc/sys/net/ipv6/conf/default/disable_ipv6", "w");
    if (file == nullptr) return failed_call("switch IPv6 off in the namespace", errno);
    std::fputs("1\n", file);
    std::fclose(file);
    return {};
}

// One veth pair per port, its near end with the number the world gives it, and one more for what is no port.
Status make_interfaces() {
    FILE* ip = popen("ip -batch -", "w");
    if (ip == nullptr) return failed_call("start ip", errno);
    const auto make = [ip](uint16_t port) {
        fmt::print(ip, "link add near{0} index {1} type veth peer name far{0} index {2}\n", port, world::ifindex_of(port),
                   far_ifindex_of(port));
        fmt::print(ip, "link set far{0} up\nlink set near{0} up\n", port);
    };
    for (uint16_t port = 1; port < world::ports_end; ++port) make(port);
    make(world::no_such_port);
    const int status = pclose(ip);
    return status == 0 ? Status{} : failure(fmt::format("ip could not make the interfaces (status {})", status));
}

}  // namespace

Result<std::string> enter_kernel_ground() {
    static bool is_entered = false;
    if (is_entered) return bpffs;
    for (const auto step : {enter_namespaces, mount_bpffs, silence_ipv6, make_interfaces})
        if (const Status done = step(); !done) return done.error().within("prepare the ground for the kernel's programs");
    is_entered = true;
    return bpffs;
}

Result<SinkSocket> open_sink_socket(uint32_t ifindex) {
    constexpr size_t frame_bytes = 4096, frames = 16;
    SinkSocket sink;
    sink.socket = Fd(socket(AF_XDP, SOCK_RAW, 0));
    if (!sink.socket) return failed_call("open an AF_XDP socket", errno);
    sink.frames = mmap(nullptr, frames * frame_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sink.frames == MAP_FAILED) return failed_call("reserve memory for frames", errno);

    xdp_umem_reg umem{};
    umem.addr = reinterpret_cast<uintptr_t>(sink.frames);
    umem.len = frames * frame_bytes;
    umem.chunk_size = frame_bytes;
    const int ring_entries = frames;
    const auto set = [&](int option, const void* value, socklen_t length) {
        return setsockopt(sink.socket.get(), SOL_XDP, option, value, length) == 0;
    };
    if (!set(XDP_UMEM_REG, &umem, sizeof umem) || !set(XDP_UMEM_FILL_RING, &ring_entries, sizeof ring_entries) ||
        !set(XDP_UMEM_COMPLETION_RING, &ring_entries, sizeof ring_entries) || !set(XDP_RX_RING, &ring_entries, sizeof ring_entries))
        return failed_call("set up an AF_XDP socket", errno);

    sockaddr_xdp address{};
    address.sxdp_family = AF_XDP;
    address.sxdp_flags = XDP_COPY;
    address.sxdp_ifindex = ifindex;
    if (bind(sink.socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return failed_call(fmt::format("bind an AF_XDP socket to interface {}", ifindex), errno);
    return sink;
}

}  // namespace biplane::engines
