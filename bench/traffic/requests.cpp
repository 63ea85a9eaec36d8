// TCP request/response and connect/request/response: one byte there, one byte back. Rate and latency as JSON.
// Server and client are two processes, so that each can stand in its own network namespace and be pinned; both block, because on
// one processor the switch from one to the other is part of what an application pays.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

namespace {

constexpr size_t samples_max = 8'000'000;

[[noreturn]] void stop(const char* what) {
    std::fprintf(stderr, "bench-requests: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

uint64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

struct End {
    sockaddr_storage address{};
    socklen_t length = 0;
};

End end_of(const std::string& address, uint16_t port) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
        std::fprintf(stderr, "bench-requests: not an address: %s\n", address.c_str());
        std::exit(1);
    }
    End end;
    std::memcpy(&end.address, found->ai_addr, found->ai_addrlen);
    end.length = found->ai_addrlen;
    freeaddrinfo(found);
    return end;
}

void send_at_once(int socket) {
    const int yes = 1;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

// The side that closes first keeps TIME_WAIT, and with it a port: the client resets instead, so that a run of many connections
// does not end for want of ports.
void close_without_trace(int socket) {
    const linger hard{1, 0};
    (void)setsockopt(socket, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(socket);
}

int serve(const End& end) {
    const int listener = socket(end.address.ss_family, SOCK_STREAM, 0);
    const int yes = 1;
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&end.address), end.length) != 0) stop("bind");
    if (listen(listener, 128) != 0) stop("listen");
    std::puts("ready");
    std::fflush(stdout);
    for (;;) {
        const int connection = accept(listener, nullptr, nullptr);
        if (connection < 0) stop("accept");
        send_at_once(connection);
        char byte = 0;
        while (read(connection, &byte, 1) == 1 && write(connection, &byte, 1) == 1) {
        }
        close(connection);
    }
}

int open_connection(const End& end) {
    const int connection = socket(end.address.ss_family, SOCK_STREAM, 0);
    if (connection < 0) stop("socket");
    const timeval limit{5, 0};
    (void)setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(connection, reinterpret_cast<const sockaddr*>(&end.address), end.length) != 0) stop("connect");
    send_at_once(connection);
    return connection;
}

void ask(int connection) {
    char byte = 'b';
    if (write(connection, &byte, 1) != 1) stop("write");
    if (read(connection, &byte, 1) != 1) stop("read");
}

void print(std::vector<uint32_t>& samples, uint64_t count, uint64_t ns) {
    std::sort(samples.begin(), samples.end());
    const auto at = [&](double share) {
        return samples[static_cast<size_t>(share * static_cast<double>(samples.size() - 1))] / 1e3;
    };
    std::printf("{\"count\": %llu, \"rate\": %.1f, \"p50_us\": %.3f, \"p99_us\": %.3f, \"worst_us\": %.3f}\n",
                static_cast<unsigned long long>(count), static_cast<double>(count) * 1e9 / static_cast<double>(ns), at(0.5),
                at(0.99), at(1));
}

int ask_for(const End& end, double seconds, bool connect_each) {
    std::vector<uint32_t> samples;
    samples.reserve(samples_max);
    int connection = connect_each ? -1 : open_connection(end);
    const uint64_t begin = now_ns();
    const uint64_t limit = begin + static_cast<uint64_t>(seconds * 1e9);
    uint64_t now = begin;
    while (now < limit && samples.size() < samples_max) {
        const uint64_t before = now;
        if (connect_each) connection = open_connection(end);
        ask(connection);
        if (connect_each) close_without_trace(connection);
        now = now_ns();
        samples.push_back(static_cast<uint32_t>(now - before));
    }
    print(samples, samples.size(), now - begin);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::string address;
    uint16_t port = 7000;
    double seconds = 1;
    bool connect_each = false;
    CLI::App app{"TCP requests of one byte"};
    app.add_option("--address", address, "of the server")->required();
    app.add_option("--port", port);
    auto* server = app.add_subcommand("serve");
    auto* client = app.add_subcommand("ask");
    client->add_option("--seconds", seconds);
    client->add_flag("--connect-each", connect_each, "a connection for every request");
    app.require_subcommand(1);
    CLI11_PARSE(app, argc, argv);
    std::signal(SIGPIPE, SIG_IGN);
    return server->parsed() ? serve(end_of(address, port)) : ask_for(end_of(address, port), seconds, connect_each);
}
