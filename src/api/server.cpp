#include "api/server.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <mutex>
#include <set>
#include <thread>

#include "api/unix_stream.hpp"

namespace biplane {
namespace {

constexpr int io_timeout_ms = 10000;
constexpr int idle_timeout_ms = 5000;
constexpr int requests_per_connection = 100;
constexpr size_t threads = 8;

bool may_talk_to_us(int connection) {
    ucred peer{};
    socklen_t length = sizeof peer;
    if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return false;
    return peer.uid == 0 || peer.uid == geteuid();
}

void refuse(int connection) {
    const std::string body = error_reply(403, "only root and the agent's own user may use this socket").body;
    const std::string answer =
        fmt::format("HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                    body.size(), body);
    (void)!::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

ApiRequest to_request(const httplib::Request& request) {
    ApiRequest out{request.method, request.path, {}, request.body};
    for (const auto& [key, value] : request.params) out.query[key] = value;
    return out;
}

const char* refusal(int status) {
    switch (status) {
        case 400:
            return "the request is not valid HTTP";
        case 404:
            return "there is nothing at this path";
        case 413:
            return "the body is larger than 64 MiB";
        case 414:
            return "the path is too long";
        default:
            return "the request could not be served";
    }
}

// Bound under another name, made private, then put in place: it is never there with a wider mode.
Result<Fd> bind_private_socket(const std::string& path) {
    sockaddr_un address{AF_UNIX, {}};
    const std::string early = path + ".new";
    if (early.size() >= sizeof address.sun_path)
        return failure(
            fmt::format("the path of the API socket is too long: {} ({} bytes at most)", path, sizeof address.sun_path - 5));
    early.copy(address.sun_path, sizeof address.sun_path - 1);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return failed_call("open the API socket", errno);
    ::unlink(early.c_str());
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
        return failed_call("bind the API socket " + path, errno);
    if (::chmod(early.c_str(), 0600) < 0 || ::listen(fd.get(), 64) < 0 || ::rename(early.c_str(), path.c_str()) < 0)
        return failed_call("put the API socket at " + path, errno);
    return fd;
}

}  // namespace

class ApiServer::Service : private httplib::Server {
   public:
    Service(Fd socket, Fd stop, std::string path, ApiHandler handler)
        : socket_(std::move(socket)), stop_(std::move(stop)), path_(std::move(path)), handler_(std::move(handler)), pool_(threads) {
        set_payload_max_length(body_bytes_max);
        const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
            const ApiReply reply = handler_(to_request(request));
            response.status = reply.status;
            response.set_content(reply.body, reply.content_type);
        };
        Get(".*", handle);
        Post(".*", handle);
        Delete(".*", handle);
        set_error_handler(httplib::Server::Handler([](const httplib::Request&, httplib::Response& response) {
            if (response.body.empty())
                response.set_content(error_reply(response.status, refusal(response.status)).body, "application/json");
        }));
        acceptor_ = std::thread([this] { accept_connections(); });
    }

    ~Service() override {
        const uint64_t one = 1;
        (void)!::write(stop_.get(), &one, sizeof one);
        acceptor_.join();
        {
            std::lock_guard lock(mutex_);
            for (const int connection : connections_) ::shutdown(connection, SHUT_RD);
        }
        pool_.shutdown();
        ::unlink(path_.c_str());
    }

   private:
    void accept_connections() {
        while (true) {
            pollfd waited[2] = {{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
            if (::poll(waited, 2, -1) < 0 && errno != EINTR) return;
            if (waited[1].revents != 0) return;
            const int connection = ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC);
            if (connection < 0) continue;
            if (may_talk_to_us(connection)) {
                std::lock_guard lock(mutex_);
                connections_.insert(connection);
                pool_.enqueue([this, connection] { serve(connection); });
            } else {
                refuse(connection);
                ::close(connection);
            }
        }
    }

    void serve(int connection) {
        UnixStream stream(connection, io_timeout_ms);
        bool closed = false;
        for (int left = requests_per_connection; left > 0 && !closed; --left) {
            if (!stream.is_readable_within(idle_timeout_ms)) break;
            if (!process_request(stream, left == 1, closed, nullptr)) break;
        }
        std::lock_guard lock(mutex_);
        connections_.erase(connection);
        ::close(connection);
    }

    Fd socket_, stop_;
    std::string path_;
    ApiHandler handler_;
    std::mutex mutex_;
    std::set<int> connections_;
    httplib::ThreadPool pool_;
    std::thread acceptor_;
};

Result<ApiServer> ApiServer::listen(const std::string& socket_path, ApiHandler handler) {
    Fd stop(::eventfd(0, EFD_CLOEXEC));
    if (!stop) return failed_call("make an eventfd", errno);
    auto socket = bind_private_socket(socket_path);
    if (!socket) return tl::unexpected(socket.error());
    return ApiServer(std::make_unique<Service>(std::move(*socket), std::move(stop), socket_path, std::move(handler)));
}

ApiServer::ApiServer(std::unique_ptr<Service> service) : service_(std::move(service)) {}
ApiServer::ApiServer(ApiServer&&) noexcept = default;
ApiServer::~ApiServer() = default;

}  // namespace biplane
