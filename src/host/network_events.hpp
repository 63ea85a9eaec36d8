// Tells when something about the links, neighbours, addresses or routes of a network namespace has changed.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.hpp"

struct mnl_socket;

namespace biplane {

struct NetworkEvent {
    enum class Kind { link, neighbour, address, route, lost } kind;  // lost: the kernel had to drop events: look at everything
    uint32_t ifindex = 0;                                            // link, neighbour, address
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
