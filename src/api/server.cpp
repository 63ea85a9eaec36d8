#include "api/server.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "api/connection.hpp"
#include "api/listening_socket.hpp"
#include "api/work_lane.hpp"

namespace biplane {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_wait{1000};
constexpr milliseconds draining_time{1000};
constexpr milliseconds pause_without_descriptors{200};
constexpr milliseconds time_to_say_goodbye{5000};  // for the answers that are under way when the server goes

}  // namespace

class ApiServer::Service {
   public:
    using Clock = Connection::Clock;
    using Phase = Connection::Phase;

    Service(Fd socket, Fd wake, std::string path, const ApiHandler& handler, const ServerLimits& limits)
        : socket_(std::move(socket)),
          wake_(std::move(wake)),
          path_(std::move(path)),
          limits_(limits),
          reads_(limits.reading_threads, handler, [this](uint64_t id, ApiReply reply) { finish(id, std::move(reply)); }),
          changes_(limits.changing_threads, handler, [this](uint64_t id, ApiReply reply) { finish(id, std::move(reply)); }),
          loop_([this] { run(); }) {}

    ~Service() {
        is_ending_ = true;
        wake();
        loop_.join();
        ::unlink(path_.c_str());
    }

   private:
    struct Finished {
        uint64_t id;
        ApiReply reply;
    };

    void wake() const {
        const uint64_t one = 1;
        (void)!::write(wake_.get(), &one, sizeof one);
    }

    // On a lane's thread.
    void finish(uint64_t id, ApiReply reply) {
        {
            std::lock_guard lock(mutex_);
            finished_.push_back({id, std::move(reply)});
        }
        wake();
    }

    void run() {
        Clock::time_point end = Clock::time_point::max();
        while (true) {
            wait();
            if (is_ending_ && end == Clock::time_point::max()) end = Clock::now() + time_to_say_goodbye;
            hand_out_answers();
            if (!is_ending_ && polled_[1].revents != 0) accept_clients();
            keep_memory_bounded();
            for (auto& [id, connection] : connections_) serve(id, connection);
            std::erase_if(connections_, [](const auto& one) { return one.second.phase() == Phase::closed; });
            if (is_ending_ && !is_anything_under_way(end)) return;
        }
    }

    // What is being carried out is waited for however long it takes; who takes no answers is not.
    bool is_anything_under_way(Clock::time_point end) const {
        for (const auto& [id, connection] : connections_)
            if (connection.phase() == Phase::handling || (connection.phase() == Phase::answering && Clock::now() < end))
                return true;
        return false;
    }

    void wait() {
        polled_.clear();
        polled_.push_back({wake_.get(), POLLIN, 0});
        const bool accepts = !is_ending_ && Clock::now() >= accepts_again_ && has_room();
        polled_.push_back({accepts ? socket_.get() : -1, POLLIN, 0});
        Clock::time_point next = accepts_again_ > Clock::now() ? accepts_again_ : Clock::now() + longest_wait;
        for (const auto& [id, connection] : connections_) {
            polled_.push_back({connection.fd(), connection.events(), 0});
            next = std::min(next, deadline_of(connection));
        }
        const auto left = std::chrono::ceil<milliseconds>(next - Clock::now()).count();
        (void)::poll(polled_.data(), polled_.size(), static_cast<int>(std::clamp<long>(left, 0, longest_wait.count())));
        uint64_t count;
        if (polled_[0].revents != 0) (void)!::read(wake_.get(), &count, sizeof count);
        size_t place = 2;
        for (auto& [id, connection] : connections_) notice(connection, polled_[place++].revents);
    }

    static void notice(Connection& connection, short happened) {
        if (happened & POLLIN) connection.receive();
        if (happened & POLLOUT) connection.send();
        if ((happened & (POLLHUP | POLLERR)) != 0 && (happened & POLLIN) == 0) connection.close();
    }

    void hand_out_answers() {
        std::vector<Finished> finished;
        {
            std::lock_guard lock(mutex_);
            finished.swap(finished_);
        }
        for (const Finished& one : finished) {
            const auto connection = connections_.find(one.id);
            if (connection != connections_.end() && connection->second.phase() == Phase::handling)
                connection->second.answer(one.reply);
        }
    }

    // The connection that has taken a place for the longest time without having sent a whole request; end if there is none.
    auto oldest_reader() {
        auto oldest = connections_.end();
        const auto now = Clock::now();
        for (auto it = connections_.begin(); it != connections_.end(); ++it) {
            const bool may_go = (it->second.phase() == Phase::reading || it->second.phase() == Phase::draining) &&
                                now - it->second.since() >= limits_.grace;
            if (may_go && (oldest == connections_.end() || it->second.since() < oldest->second.since())) oldest = it;
        }
        return oldest;
    }

    bool has_room() { return connections_.size() < limits_.connections || oldest_reader() != connections_.end(); }

    void accept_clients() {
        while (has_room() && Clock::now() >= accepts_again_) {
            auto client = accept_client(socket_);
            if (!client) return suspend_accepting(client.error());
            if (!*client) return;
            if (connections_.size() >= limits_.connections) connections_.erase(oldest_reader());
            Accepted& accepted = **client;
            auto& connection =
                connections_.try_emplace(next_id_++, std::move(accepted.fd), accepted.sender, limits_.http).first->second;
            if (!accepted.is_allowed) connection.refuse(error_reply(403, "only root and the agent's own user may use this socket"));
        }
    }

    // Without descriptors, for one. The client stays in the socket's queue meanwhile.
    void suspend_accepting(const Error& error) {
        if (const auto oldest = oldest_reader(); oldest != connections_.end()) connections_.erase(oldest);
        accepts_again_ = Clock::now() + pause_without_descriptors;
        if (accepts_again_ - complained_ < std::chrono::minutes(1)) return;
        complained_ = accepts_again_;
        spdlog::warn("{}", error.message);
    }

    void serve(uint64_t id, Connection& connection) {
        if (is_ending_ && connection.is_idle()) return connection.close();
        if (auto request = connection.take_request(); request && !is_ending_)
            (connection.is_reading_only() ? reads_ : changes_).add(id, *std::move(request));
        else if (request)
            connection.answer(error_reply(503, "the agent is stopping"));
        if (Clock::now() >= deadline_of(connection)) expire(id, connection);
        connection.tell_progress();
        // The allocator would keep it for ever: it is told to, for the tables that each change plans.
        if (connection.phase() != Phase::answering && connection.phase() != Phase::handling && connection.take_largeness())
            malloc_trim(0);
    }

    // The largest of those that are still coming in goes.
    void keep_memory_bounded() {
        size_t total = 0;
        Connection* largest = nullptr;
        for (auto& [id, connection] : connections_) {
            total += connection.bytes_held();
            if (connection.phase() == Phase::reading && (largest == nullptr || connection.bytes_held() > largest->bytes_held()))
                largest = &connection;
        }
        if (total > limits_.bytes_held && largest != nullptr)
            largest->refuse(error_reply(503, "too much is being received at once; try again"));
    }

    Clock::time_point deadline_of(const Connection& connection) const {
        switch (connection.phase()) {
            case Phase::reading:
                return connection.since() + (connection.is_idle() ? limits_.idle : limits_.receiving);
            case Phase::handling:
                return connection.since() + (connection.has_begun() ? limits_.handling : limits_.waiting);
            case Phase::answering:
                return connection.since() + limits_.sending;
            case Phase::draining:
                return connection.since() + draining_time;
            case Phase::closed:
                break;
        }
        return Clock::time_point::max();
    }

    void expire(uint64_t id, Connection& connection);

    Fd socket_, wake_;
    std::string path_;
    const ServerLimits limits_;
    std::atomic<bool> is_ending_ = false;
    std::mutex mutex_;
    std::vector<Finished> finished_;
    // Of the loop alone:
    std::map<uint64_t, Connection> connections_;
    uint64_t next_id_ = 1;
    std::vector<pollfd> polled_;
    Clock::time_point accepts_again_{}, complained_{};
    WorkLane reads_, changes_;
    std::thread loop_;  // last: it uses the others
};

void ApiServer::Service::expire(uint64_t id, Connection& connection) {
    switch (connection.phase()) {
        case Phase::reading:
            if (connection.is_idle()) return connection.close();
            return connection.refuse(
                error_reply(408, fmt::format("the request was not complete after {} s", limits_.receiving.count() / 1000)));
        case Phase::handling:
            if ((connection.is_reading_only() ? reads_ : changes_).cancel(id))
                return connection.answer(error_reply(
                    503,
                    fmt::format("nothing was done: other requests have been worked on for {} s", limits_.waiting.count() / 1000)));
            if (!connection.has_begun()) return connection.note_begun();
            return connection.answer(
                error_reply(504, fmt::format("the request is still being carried out after {} s; what becomes of it "
                                             "is not known yet",
                                             limits_.handling.count() / 1000)));
        case Phase::answering:
        case Phase::draining:
        case Phase::closed:
            return connection.close();
    }
}

Result<ApiServer> ApiServer::listen(const std::string& socket_path, ApiHandler handler, const ServerLimits& limits) {
    Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) return failed_call("make an eventfd", errno);
    auto socket = bind_private_socket(socket_path);
    if (!socket) return tl::unexpected(socket.error());
    return ApiServer(std::make_unique<Service>(std::move(*socket), std::move(wake), socket_path, handler, limits));
}

ApiServer::ApiServer(std::unique_ptr<Service> service) : service_(std::move(service)) {}
ApiServer::ApiServer(ApiServer&&) noexcept = default;
ApiServer::~ApiServer() = default;

}  // namespace biplane
