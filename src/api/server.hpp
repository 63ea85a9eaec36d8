// HTTP over a unix socket: mode 0600, and only root or the user the agent runs as is listened to (SO_PEERCRED). Never TCP.
// Runs on threads of its own from listen() until the object goes away.
#pragma once
#include <memory>
#include <string>

#include "api/message.hpp"
#include "base/result.hpp"

namespace biplane {

class ApiServer {
   public:
    static constexpr size_t body_bytes_max = 64u << 20;

    // The directory of `socket_path` must exist. A socket file that is there already is replaced: who may serve is decided by a
    // lock, not by the file.
    static Result<ApiServer> listen(const std::string& socket_path, ApiHandler handler);
    ApiServer(ApiServer&&) noexcept;
    ~ApiServer();  // waits for the requests that are being answered

   private:
    class Service;
    explicit ApiServer(std::unique_ptr<Service> service);
    std::unique_ptr<Service> service_;
};

}  // namespace biplane
