#include "planes/user/umem.hpp"

#include <sys/mman.h>
#include <unistd.h>
#include <xdp/xsk.h>

#include <cerrno>
#include <utility>

namespace biplane {
namespace {

constexpr char anchor_interface[] = "lo";
constexpr uint32_t anchor_ring_size = 64;
constexpr int anchor_attempts = 200;
constexpr useconds_t anchor_pause_us = 10'000;

}  // namespace

struct Umem::State {
    uint8_t* memory = nullptr;
    uint32_t frames = 0;
    xsk_umem* umem = nullptr;
    xsk_socket* anchor = nullptr;
    xsk_ring_prod fill{}, transmit{};  // of the anchor; libxdp keeps pointers to them
    xsk_ring_cons completion{};

    size_t bytes() const { return size_t{frames} * chunk_bytes; }
    int open_anchor();

    ~State() {
        if (anchor) xsk_socket__delete(anchor);
        if (umem) xsk_umem__delete(umem);
        if (memory) munmap(memory, bytes());
    }
};

// 0 or a negative errno.
int Umem::State::open_anchor() {
    xsk_socket_config config{};
    config.rx_size = anchor_ring_size;
    config.tx_size = anchor_ring_size;
    config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
    config.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP;
    return xsk_socket__create_shared(&anchor, anchor_interface, 0, umem, nullptr, &transmit, &fill, &completion, &config);
}

Umem::Umem(std::unique_ptr<State> state) : state_(std::move(state)) {}
Umem::Umem(Umem&&) noexcept = default;
Umem& Umem::operator=(Umem&&) noexcept = default;
Umem::~Umem() = default;

uint32_t Umem::frames() const { return state_->frames; }
uint8_t* Umem::frame(uint32_t number) const { return state_->memory + size_t{number} * chunk_bytes; }
xsk_umem* Umem::handle() const { return state_->umem; }

Result<Umem> Umem::create(uint32_t frames) {
    auto state = std::make_unique<State>();
    state->frames = frames;
    void* memory = mmap(nullptr, state->bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return failed_call("map memory for the frames", errno);
    state->memory = static_cast<uint8_t*>(memory);
    (void)madvise(memory, state->bytes(), MADV_HUGEPAGE);  // fewer TLB misses, if the kernel feels like it

    int status = -EBUSY;
    for (int attempt = 0; status == -EBUSY && attempt < anchor_attempts; ++attempt) {
        if (attempt > 0) usleep(anchor_pause_us);
        // A failed bind leaves the rings of the UMEM in an unknown state: it is made anew as well.
        if (state->umem) xsk_umem__delete(std::exchange(state->umem, nullptr));
        const xsk_umem_config config{receive_ring_size, transmit_ring_size, chunk_bytes, 0, 0};
        status = xsk_umem__create(&state->umem, memory, state->bytes(), &state->fill, &state->completion, &config);
        if (status != 0) return failed_call("register the frames with the kernel (AF_XDP: CAP_NET_RAW is needed)", -status);
        status = state->open_anchor();
        if (status != 0) state->anchor = nullptr;
    }
    if (status == -EBUSY)
        return failure("another program has an AF_XDP socket on the loopback interface of this network namespace", EBUSY);
    if (status != 0) return failed_call("bind an AF_XDP socket to the loopback interface", -status);
    return Umem(std::move(state));
}

}  // namespace biplane
