// A connected unix socket as httplib wants it.
#pragma once
#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/fd.hpp"

namespace biplane {

class UnixStream : public httplib::Stream {
   public:
    UnixStream(int fd, int timeout_ms) : fd_(fd), timeout_ms_(timeout_ms) {}

    bool is_readable() const override { return wait(POLLIN, timeout_ms_); }
    bool is_writable() const override { return wait(POLLOUT, timeout_ms_); }
    bool is_readable_within(int milliseconds) const { return wait(POLLIN, milliseconds); }
    ssize_t read(char* data, size_t size) override { return is_readable() ? ::recv(fd_, data, size, 0) : -1; }
    ssize_t write(const char* data, size_t size) override { return is_writable() ? ::send(fd_, data, size, MSG_NOSIGNAL) : -1; }
    void get_remote_ip_and_port(std::string& ip, int& port) const override { ip = "unix", port = 0; }
    void get_local_ip_and_port(std::string& ip, int& port) const override { ip = "unix", port = 0; }
    socket_t socket() const override { return fd_; }

   private:
    bool wait(short events, int milliseconds) const {
        pollfd waited{fd_, events, 0};
        int ready;
        do ready = ::poll(&waited, 1, milliseconds);
        while (ready < 0 && errno == EINTR);
        return ready > 0;
    }
    int fd_;
    int timeout_ms_;
};

}  // namespace biplane
