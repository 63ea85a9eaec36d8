#include "api/client.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "api/http_request.hpp"
#include "api/http_response.hpp"
#include "base/fd.hpp"

namespace biplane {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A stopped agent's queue of connections fills up; then connecting would wait for ever.
Result<Fd> connect_within(const std::string& path, milliseconds patience) {
    sockaddr_un address{AF_UNIX, {}};
    if (path.size() >= sizeof address.sun_path) return failed_call("connect", ENAMETOOLONG);
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return failed_call("open a unix socket", errno);
    const auto deadline = steady_clock::now() + patience;
    while (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN || steady_clock::now() >= deadline) return failed_call("connect", errno == EAGAIN ? ETIMEDOUT : errno);
        std::this_thread::sleep_for(milliseconds(20));
    }
    return fd;
}

bool wait_for(const Fd& fd, short events, milliseconds patience) {
    const auto deadline = steady_clock::now() + patience;
    while (true) {
        pollfd waited{fd.get(), events, 0};
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
        const int ready = ::poll(&waited, 1, static_cast<int>(std::max<long>(left, 0)));
        if (ready > 0) return true;
        if (ready == 0 || errno != EINTR) return false;
    }
}

Status write_all(const Fd& fd, std::string_view bytes, milliseconds patience) {
    while (!bytes.empty()) {
        if (!wait_for(fd, POLLOUT, patience)) return failed_call("send the request", ETIMEDOUT);
        const ssize_t count = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (count < 0 && (errno == EPIPE || errno == ECONNRESET)) return {};  // it was answered before it was all read, perhaps
        if (count < 0) return failed_call("send the request", errno);
        bytes.remove_prefix(static_cast<size_t>(count));
    }
    return {};
}

Result<ApiReply> read_reply(const Fd& fd, milliseconds patience) {
    HttpResponseReader reader;
    char bytes[65536];
    while (reader.state() == HttpResponseReader::State::reading) {
        if (!wait_for(fd, POLLIN, patience)) return failed_call("read the answer", ETIMEDOUT);
        const ssize_t count = ::recv(fd.get(), bytes, sizeof bytes, 0);
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (count < 0) return failed_call("read the answer", errno);
        if (count == 0) return failure("the connection was closed without an answer", ECONNRESET);
        reader.take({bytes, static_cast<size_t>(count)});
    }
    if (reader.state() == HttpResponseReader::State::invalid) return failure("the answer is not HTTP", EBADMSG);
    return reader.take_reply();
}

}  // namespace

Result<ApiReply> ApiClient::send(const std::string& method, const std::string& target, const std::string& body) const {
    const auto fd = connect_within(socket_path_, patience_);
    if (!fd)
        return failure(fmt::format("the agent is not reachable at {}: {} (is biplaned running?)", socket_path_,
                                   std::strerror(fd.error().code)),
                       agent_unreachable);
    const std::string head = fmt::format(
        "{} {} HTTP/1.1\r\nHost: biplane\r\nConnection: close\r\nContent-Type: application/yaml\r\nContent-Length: {}\r\n{}: "
        "1\r\n\r\n",
        method, target, body.size(), progress_field);
    Status sent = write_all(*fd, head, patience_);
    if (sent) sent = write_all(*fd, body, patience_);
    auto reply = sent ? read_reply(*fd, patience_) : tl::unexpected(sent.error());
    if (reply) return reply;
    const bool is_silent = reply.error().code == ETIMEDOUT;
    return failure(
        fmt::format("the agent at {} did not answer ({})", socket_path_,
                    is_silent ? fmt::format("no sign of life for {} s", patience_.count() / 1000) : reply.error().message),
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
