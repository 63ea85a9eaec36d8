#include "api/listening_socket.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

namespace biplane {
namespace {

constexpr int backlog = 128;

}  // namespace

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
    if (::chmod(early.c_str(), 0600) < 0 || ::listen(fd.get(), backlog) < 0 || ::rename(early.c_str(), path.c_str()) < 0)
        return failed_call("put the API socket at " + path, errno);
    return fd;
}

Result<std::optional<Accepted>> accept_client(const Fd& socket) {
    Fd fd(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)) return std::nullopt;
    if (!fd) return failed_call("take a connection to the API", errno);
    ucred peer{};
    socklen_t length = sizeof peer;
    const bool is_known = getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0;
    const bool is_allowed = is_known && (peer.uid == 0 || peer.uid == geteuid());
    return Accepted{std::move(fd), {.pid = peer.pid, .user = peer.uid}, is_allowed};
}

}  // namespace biplane
