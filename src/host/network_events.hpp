// Tells when something about the links, neighbours, addresses, routes or traffic control of a network namespace has changed.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.hpp"

struct mnl_socket;

namespace biplane {

struct NetworkEvent {
    // traffic_control: a queueing discipline or a filter. lost: the kernel had to drop events: look at everything.
    enum class Kind { link, neighbour, address, route, traffic_control, lost } kind;
    uint32_t ifindex = 0;  // but for route and lost
};

class NetworkEvents {
   public:
    // Of the network namespace of the calling thread, from now on.
    static Result<NetworkEvents> open();
    NetworkEvents(NetworkEvents&&) noexcept;
    ~NetworkEvents();

    int fd() const;  // readable when there are events
    // Hands over what is there; does not wait.
    Status drain(const std::function<void(const NetworkEvent&)>& take);

   private:
    explicit NetworkEvents(mnl_socket* socket) : socket_(socket) {}
    mnl_socket* socket_;
};

}  // namespace biplane
