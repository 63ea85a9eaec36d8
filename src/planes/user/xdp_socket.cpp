#include "planes/user/xdp_socket.hpp"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/fd.hpp"

namespace biplane {
namespace {

constexpr int xdp_max_tx_skb_budget = 9;  // XDP_MAX_TX_SKB_BUDGET, newer than Debian's headers
constexpr uint32_t packets_per_kick = 256;
constexpr int transmit_buffer_bytes = 16 << 20;  // copies that the kernel may hold for one socket: more than a ring full
constexpr int kicks_max = 64;

// The number of receive queues in use; 1 if the driver does not say.
uint32_t receive_queues(const std::string& interface) {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    ifreq request{};
    interface.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(&channels);
    if (!socket || ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return 1;
    return std::max(1u, channels.rx_count + channels.combined_count);
}

// Both are improvements that an older kernel or a missing capability may refuse: the plane works without them, slower.
void widen_transmit(int fd) {
    (void)setsockopt(fd, SOL_XDP, xdp_max_tx_skb_budget, &packets_per_kick, sizeof packets_per_kick);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &transmit_buffer_bytes, sizeof transmit_buffer_bytes);
}

}  // namespace

Result<std::unique_ptr<XdpSocket>> XdpSocket::open(const Umem& umem, const std::string& interface, uint32_t queue,
                                                   SocketSides sides) {
    const std::string attempt = "open an AF_XDP socket on " + interface + ", queue " + std::to_string(queue);
    const uint32_t ifindex = if_nametoindex(interface.c_str());
    if (ifindex == 0) return failed_call(attempt, errno);
    std::unique_ptr<XdpSocket> socket(new XdpSocket(ifindex, queue));

    xsk_socket_config config{};
    config.rx_size = receive_ring_size;
    config.tx_size = transmit_ring_size;
    config.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD;
    config.bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP;
    const int status = xsk_socket__create_shared(
        &socket->socket_, interface.c_str(), queue, umem.handle(), sides.receive ? &socket->receive_ : nullptr,
        sides.transmit ? &socket->transmit_ : nullptr, &socket->fill_, &socket->completion_, &config);
    if (status != 0) {
        socket->socket_ = nullptr;
        return failed_call(attempt, -status);
    }
    if (sides.receive) socket->interface_queues_ = receive_queues(interface);
    if (sides.transmit) widen_transmit(socket->fd());
    return socket;
}

XdpSocket::~XdpSocket() {
    if (socket_) xsk_socket__delete(socket_);
}

uint32_t XdpSocket::fill(std::span<const uint32_t> frames) {
    uint32_t position = 0;
    const uint32_t count =
        std::min<uint32_t>(static_cast<uint32_t>(frames.size()), xsk_prod_nb_free(&fill_, static_cast<uint32_t>(frames.size())));
    if (count == 0 || xsk_ring_prod__reserve(&fill_, count, &position) != count) return 0;
    for (uint32_t i = 0; i < count; ++i) *xsk_ring_prod__fill_addr(&fill_, position + i) = uint64_t{frames[i]} * chunk_bytes;
    xsk_ring_prod__submit(&fill_, count);
    return count;
}

uint32_t XdpSocket::receive(std::span<Packet> packets) {
    uint32_t position = 0;
    const uint32_t count = xsk_ring_cons__peek(&receive_, static_cast<uint32_t>(packets.size()), &position);
    for (uint32_t i = 0; i < count; ++i) {
        const xdp_desc& descriptor = *xsk_ring_cons__rx_desc(&receive_, position + i);
        packets[i] = {static_cast<uint32_t>(descriptor.addr / chunk_bytes), static_cast<uint32_t>(descriptor.addr % chunk_bytes),
                      descriptor.len};
    }
    if (count > 0) xsk_ring_cons__release(&receive_, count);
    return count;
}

bool XdpSocket::queue(const Packet& packet) {
    uint32_t position = 0;
    if (in_flight_ >= transmit_ring_size || xsk_ring_prod__reserve(&transmit_, 1, &position) != 1) return false;
    xdp_desc& descriptor = *xsk_ring_prod__tx_desc(&transmit_, position);
    descriptor.addr = uint64_t{packet.frame} * chunk_bytes + packet.offset;
    descriptor.len = packet.length;
    descriptor.options = 0;
    ++queued_;
    ++in_flight_;
    return true;
}

uint32_t XdpSocket::unsent() const { return queued_ + *transmit_.producer - __atomic_load_n(transmit_.consumer, __ATOMIC_ACQUIRE); }

XdpSocket::Kick XdpSocket::kick() {
    if (queued_ > 0) xsk_ring_prod__submit(&transmit_, std::exchange(queued_, 0));
    uint32_t before = unsent();
    for (int kicks = 0; before > 0 && kicks < kicks_max; ++kicks) {
        if (sendto(fd(), nullptr, 0, MSG_DONTWAIT, nullptr, 0) < 0) {
            if (errno == ENXIO || errno == ENODEV || errno == EBADF) return Kick::gone;
            if (errno == ENETDOWN) return Kick::down;
            if (errno == EBUSY) {  // the last one it took was dropped by the device: its peer cannot keep up
                ++dropped_by_device_;
                return Kick::blocked;
            }
        }
        const uint32_t after = unsent();
        if (after == before) return Kick::blocked;  // no buffer, or the device is busy: again in the next lap
        before = after;
    }
    return before == 0 ? Kick::done : Kick::blocked;
}

uint32_t XdpSocket::take_completed(std::span<uint32_t> frames) {
    uint32_t position = 0;
    const uint32_t count = xsk_ring_cons__peek(&completion_, static_cast<uint32_t>(frames.size()), &position);
    for (uint32_t i = 0; i < count; ++i)
        frames[i] = static_cast<uint32_t>(*xsk_ring_cons__comp_addr(&completion_, position + i) / chunk_bytes);
    if (count > 0) xsk_ring_cons__release(&completion_, count);
    in_flight_ -= count;
    return count;
}

uint64_t XdpSocket::lost() const {
    xdp_statistics statistics{};
    socklen_t length = sizeof statistics;
    if (getsockopt(fd(), SOL_XDP, XDP_STATISTICS, &statistics, &length) != 0) return 0;
    return statistics.rx_dropped + statistics.rx_ring_full;
}

bool XdpSocket::interface_has_gone() const {
    int pending = 0;
    socklen_t length = sizeof pending;
    return getsockopt(fd(), SOL_SOCKET, SO_ERROR, &pending, &length) == 0 && pending != 0;
}

Status XdpSocket::put_into(int sockets_map_fd, uint32_t slot) const {
    const int value = fd();
    if (bpf_map_update_elem(sockets_map_fd, &slot, &value, BPF_ANY) != 0)
        return failed_call("put the socket into slot " + std::to_string(slot) + " of the socket map", errno);
    return {};
}

}  // namespace biplane
