// HTTP over a unix socket: mode 0600, and only root or the user the agent runs as is listened to (SO_PEERCRED). Never TCP.
// Runs on threads of its own from listen() until the object goes away.
//
// One thread reads and writes all connections and waits for none of them, so a slow client delays no other; a whole request goes to a
// lane of threads: one for GET, one for all that may change something. Everything has a bound, and every wait an end.
#pragma once
#include <chrono>
#include <memory>
#include <string>

#include "api/http_request.hpp"
#include "api/message.hpp"
#include "base/result.hpp"

namespace biplane {

struct ServerLimits {
    HttpLimits http{};
    size_t connections = 128;  // one more takes the place of the one that has been sending, or silent, for the longest time
    std::chrono::milliseconds grace{1000};  // but not of one that has had less time than this
    size_t bytes_held = 192 << 20;          // requests and answers of all connections together
    size_t reading_threads = 6;
    size_t changing_threads = 2;
    std::chrono::milliseconds idle{30'000};       // between requests
    std::chrono::milliseconds receiving{15'000};  // a request, from its first byte to its last: 408
    std::chrono::milliseconds waiting{60'000};    // for a thread: 503, and nothing was done
    std::chrono::milliseconds handling{300'000};  // 504: what becomes of it is not known
    std::chrono::milliseconds sending{30'000};    // an answer
};

class ApiServer {
   public:
    // The directory of `socket_path` must exist. A socket file that is there already is replaced: who may serve is decided by a
    // lock, not by the file.
    static Result<ApiServer> listen(const std::string& socket_path, ApiHandler handler, const ServerLimits& limits = {});
    ApiServer(ApiServer&&) noexcept;
    ~ApiServer();  // waits for the requests that are being answered

   private:
    class Service;
    explicit ApiServer(std::unique_ptr<Service> service);
    std::unique_ptr<Service> service_;
};

}  // namespace biplane
