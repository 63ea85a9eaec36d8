#include "api/client.hpp"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/un.h>

#include <cerrno>

#include "base/fd.hpp"

namespace biplane {
namespace {

constexpr time_t answer_timeout_s = 120;  // a large apply takes its time

class UnixClient : public httplib::ClientImpl {
   public:
    explicit UnixClient(const std::string& socket_path) : ClientImpl("localhost"), socket_path_(socket_path) {
        set_read_timeout(answer_timeout_s);
        set_write_timeout(answer_timeout_s);
        set_url_encode(false);
    }
    int connect_error() const { return connect_error_; }

   private:
    bool create_and_connect_socket(Socket& socket, httplib::Error& error) override {
        sockaddr_un address{AF_UNIX, {}};
        socket_path_.copy(address.sun_path, sizeof address.sun_path - 1);
        Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
            connect_error_ = errno;
            error = httplib::Error::Connection;
            return false;
        }
        socket.sock = fd.release();
        return true;
    }
    std::string socket_path_;
    int connect_error_ = 0;
};

}  // namespace

Result<ApiReply> ApiClient::send(const std::string& method, const std::string& target, const std::string& body) const {
    UnixClient client(socket_path_);
    httplib::Request request;
    request.method = method;
    request.path = target;
    request.body = body;
    if (method == "POST") request.set_header("Content-Type", "application/yaml");
    const auto answer = client.send(request);
    if (answer) return ApiReply{answer->status, answer->body, answer->get_header_value("Content-Type")};
    if (client.connect_error() != 0)
        return failure(fmt::format("the agent is not reachable at {}: {} (is biplaned running?)", socket_path_,
                                   std::strerror(client.connect_error())),
                       agent_unreachable);
    return failure(fmt::format("the agent at {} did not answer ({})", socket_path_, httplib::to_string(answer.error())),
                   agent_unreachable);
}

std::string ApiClient::encode(const std::string& text) {
    std::string out;
    for (const unsigned char c : text) {
        const bool plain = std::isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == '/';
        out += plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
    }
    return out;
}

}  // namespace biplane
