// The limit of AF_XDP: takes frames from one interface and sends them from another, and looks at none. One UMEM, one RX and one TX
// socket, copy mode, one thread that polls; the same rings and batches as Biplane's user plane has. Like it, it asks for the frames
// of a batch before the kernel copies them: they lie in another processor's cache.
#include <linux/if_xdp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <xdp/xsk.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <vector>

#include "traffic/object.hpp"

using namespace biplane::traffic;

namespace {

constexpr uint32_t frame_bytes = 4096;
constexpr uint32_t frames = 16384;
constexpr uint32_t receive_ring = 8192;
constexpr uint32_t transmit_ring = 4096;
constexpr uint32_t batch = 256;
constexpr int xdp_max_tx_skb_budget = 9;  // newer than Debian's headers

volatile std::sig_atomic_t is_ended = 0;

struct Port {
    xsk_socket* socket = nullptr;
    xsk_ring_prod fill{}, transmit{};
    xsk_ring_cons completion{}, receive{};
};

xsk_umem* make_umem(void* memory, Port& port) {
    xsk_umem_config config{receive_ring, transmit_ring, frame_bytes, 0, 0};
    xsk_umem* umem = nullptr;
    if (const int error = xsk_umem__create(&umem, memory, uint64_t{frames} * frame_bytes, &port.fill, &port.completion, &config))
        stop("UMEM", -error);
    return umem;
}

void open_port(Port& port, const std::string& interface, xsk_umem* umem, bool receives) {
    xsk_socket_config config{};
    config.rx_size = receive_ring;
    config.tx_size = transmit_ring;
    config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
    config.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP;
    const int error = xsk_socket__create_shared(&port.socket, interface.c_str(), 0, umem, receives ? &port.receive : nullptr,
                                                receives ? nullptr : &port.transmit, &port.fill, &port.completion, &config);
    if (error) stop("AF_XDP socket on " + interface, -error);
}

// False if the kernel does not know the option.
bool raise_budget(const Port& port, uint32_t budget) {
    const int buffer = 16 << 20;
    (void)setsockopt(xsk_socket__fd(port.socket), SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    return setsockopt(xsk_socket__fd(port.socket), SOL_XDP, xdp_max_tx_skb_budget, &budget, sizeof budget) == 0;
}

class Forwarder {
   public:
    Forwarder(Port& in_port, Port& out_port, const void* memory)
        : in(in_port), out(out_port), umem(static_cast<const char*>(memory)) {
        for (uint32_t frame = 0; frame < frames; frame++) free_frames.push_back(uint64_t{frame} * frame_bytes);
    }

    // One lap. Returns how many frames were sent on.
    uint32_t lap() {
        collect();
        refill();
        uint32_t position = 0;
        const uint32_t count = xsk_ring_cons__peek(&in.receive, batch, &position);
        if (count == 0) return 0;
        uint32_t to = 0;
        const bool has_room = xsk_ring_prod__reserve(&out.transmit, count, &to) == count;
        for (uint32_t i = 0; i < count; i++) {
            const xdp_desc& received = *xsk_ring_cons__rx_desc(&in.receive, position + i);
            __builtin_prefetch(umem + received.addr);
            if (has_room)
                *xsk_ring_prod__tx_desc(&out.transmit, to + i) = {received.addr, received.len, 0};
            else
                free_frames.push_back(received.addr & ~uint64_t{frame_bytes - 1});
        }
        xsk_ring_cons__release(&in.receive, count);
        if (has_room) xsk_ring_prod__submit(&out.transmit, count);
        kick();
        return has_room ? count : 0;
    }

    void sleep() const {
        pollfd waiting{xsk_socket__fd(in.socket), POLLIN, 0};
        poll(&waiting, 1, 100);
    }

   private:
    void collect() {
        uint32_t position = 0;
        const uint32_t count = xsk_ring_cons__peek(&out.completion, transmit_ring, &position);
        for (uint32_t i = 0; i < count; i++)
            free_frames.push_back(*xsk_ring_cons__comp_addr(&out.completion, position + i) & ~uint64_t{frame_bytes - 1});
        if (count) xsk_ring_cons__release(&out.completion, count);
    }

    void refill() {
        uint32_t count = std::min<uint32_t>(static_cast<uint32_t>(free_frames.size()), batch);
        count = std::min(count, xsk_prod_nb_free(&in.fill, count));
        uint32_t position = 0;
        if (count == 0 || xsk_ring_prod__reserve(&in.fill, count, &position) != count) return;
        for (uint32_t i = 0; i < count; i++) {
            *xsk_ring_prod__fill_addr(&in.fill, position + i) = free_frames.back();
            free_frames.pop_back();
        }
        xsk_ring_prod__submit(&in.fill, count);
    }

    // Until the ring is empty: what stays in it would be sent with the next frame only.
    void kick() {
        for (int attempt = 0; attempt < 64 && *out.transmit.producer != __atomic_load_n(out.transmit.consumer, __ATOMIC_ACQUIRE);
             attempt++)
            if (sendto(xsk_socket__fd(out.socket), nullptr, 0, MSG_DONTWAIT, nullptr, 0) < 0 && errno == EBUSY) return;
    }

    Port& in;
    Port& out;
    const char* umem;
    std::vector<uint64_t> free_frames;
};

}  // namespace

int main(int argc, char** argv) {
    std::string from, to;
    uint32_t budget = 0;
    CLI::App app{"Forwards everything from one interface to another through AF_XDP"};
    app.add_option("--from", from)->required();
    app.add_option("--to", to)->required();
    app.add_option("--budget", budget, "frames per kick (XDP_MAX_TX_SKB_BUDGET); 0: the kernel's default");
    CLI11_PARSE(app, argc, argv);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, [](int) { is_ended = 1; });

    const Object object("bare.bpf.o");
    void* memory = mmap(nullptr, uint64_t{frames} * frame_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) stop("memory", errno);
    Port in, out;
    xsk_umem* umem = make_umem(memory, in);
    open_port(in, from, umem, true);
    open_port(out, to, umem, false);
    if (budget && !raise_budget(out, budget)) stop("this kernel has no XDP_MAX_TX_SKB_BUDGET", errno);
    const uint32_t zero = 0;
    const int descriptor = xsk_socket__fd(in.socket);
    if (bpf_map_update_elem(object.map("bare_sockets"), &zero, &descriptor, BPF_ANY)) stop("XSKMAP", errno);
    object.attach_xdp("redirect_socket", interface_index(from));
    std::cout << "ready" << std::endl;

    Forwarder forwarder(in, out, memory);
    for (uint32_t idle = 0; !is_ended;) {
        idle = forwarder.lap() ? 0 : idle + 1;
        if (idle > 1000) forwarder.sleep();
    }
    return 0;
}
