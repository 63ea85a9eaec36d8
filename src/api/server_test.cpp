#include "api/server.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>
#include <thread>

#include "api/client.hpp"
#include "base/fd.hpp"

namespace biplane {
namespace {

using namespace std::chrono_literals;

class ServerTest : public testing::Test {
   protected:
    void SetUp() override {
        directory_ = std::filesystem::temp_directory_path() / ("biplane-api-" + std::to_string(getpid()));
        std::filesystem::create_directories(directory_);
        path_ = directory_ + "/api.sock";
        listen({});
    }
    void TearDown() override {
        let_go_ = true;
        server_.reset();
        std::filesystem::remove_all(directory_);
    }

    void listen(const ServerLimits& limits) {
        server_.reset();
        auto server = ApiServer::listen(path_, [this](const ApiRequest& request) { return handle(request); }, limits);
        ASSERT_TRUE(server) << server.error().message;
        server_.emplace(std::move(*server));
    }
    ApiReply handle(const ApiRequest& request) {
        if (request.path == "/v1/nothing") return error_reply(404, "there is nothing");
        ++begun_;
        while (request.path == "/v1/slow" && !let_go_) std::this_thread::sleep_for(1ms);
        if (request.path == "/v1/long") return {200, std::string(50 << 20, 'x'), "text/plain"};
        Json query = Json::object();
        for (const auto& [key, value] : request.query) query[key] = value;
        return json_reply({{"method", request.method},
                           {"path", request.path},
                           {"query", query},
                           {"bytes", request.body.size()},
                           {"pid", request.sender.pid},
                           {"user", request.sender.user}});
    }

    Fd connected() {
        sockaddr_un address{AF_UNIX, {}};
        path_.copy(address.sun_path, sizeof address.sun_path - 1);
        Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << strerror(errno);
        return fd;
    }
    static void put(const Fd& fd, const std::string& bytes) { (void)!::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }
    // Until the server closes, or nothing comes for `patience`.
    static std::string all_from(const Fd& fd, std::chrono::milliseconds patience = 3000ms) {
        std::string text;
        char buffer[65536];
        pollfd waited{fd.get(), POLLIN, 0};
        while (poll(&waited, 1, static_cast<int>(patience.count())) > 0) {
            const ssize_t count = recv(fd.get(), buffer, sizeof buffer, 0);
            if (count <= 0) break;
            text.append(buffer, static_cast<size_t>(count));
        }
        return text;
    }
    Result<ApiReply> get(const std::string& path = "/v1/status") { return ApiClient(path_, 3000ms).send("GET", path); }
    static bool wait_until(const std::function<bool()>& holds) {
        for (int i = 0; i < 3000 && !holds(); ++i) std::this_thread::sleep_for(1ms);
        return holds();
    }

    // What comes back for bytes that are no proper request, from a process with user id `uid`.
    std::string raw_exchange(const std::string& bytes, uid_t uid = 0) {
        int pipe_ends[2];
        EXPECT_EQ(pipe(pipe_ends), 0);
        if (fork() == 0) {
            if (uid != 0 && setuid(uid) != 0) _exit(1);
            sockaddr_un address{AF_UNIX, {}};
            path_.copy(address.sun_path, sizeof address.sun_path - 1);
            const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
            if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
                (void)!send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
                shutdown(fd, SHUT_WR);
                char buffer[4096];
                for (ssize_t n; (n = recv(fd, buffer, sizeof buffer, 0)) > 0;) (void)!write(pipe_ends[1], buffer, n);
            }
            _exit(0);
        }
        close(pipe_ends[1]);
        std::string answer;
        char buffer[4096];
        for (ssize_t n; (n = read(pipe_ends[0], buffer, sizeof buffer)) > 0;) answer.append(buffer, n);
        close(pipe_ends[0]);
        wait(nullptr);
        return answer;
    }

    std::string directory_, path_;
    std::atomic<bool> let_go_ = false;
    std::atomic<int> begun_ = 0;
    std::optional<ApiServer> server_;
};

const std::string half_a_request = "POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf";
const std::string slow_change = "POST /v1/slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

TEST_F(ServerTest, a_request_arrives_whole_and_its_answer_comes_back) {
    auto reply =
        ApiClient(path_).send("POST", "/v1/apply?dryRun=true&file=" + ApiClient::encode("a b&c.yaml"), std::string(100000, 'x'));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, 200);
    const Json json = Json::parse(reply->body);
    EXPECT_EQ(json["method"], "POST");
    EXPECT_EQ(json["path"], "/v1/apply");
    EXPECT_EQ(json["query"]["dryRun"], "true");
    EXPECT_EQ(json["query"]["file"], "a b&c.yaml");
    EXPECT_EQ(json["bytes"], 100000);
}

TEST_F(ServerTest, a_refusal_carries_its_sentence) {
    auto reply = ApiClient(path_).send("GET", "/v1/nothing");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 404);
    EXPECT_EQ(error_of(*reply), "there is nothing");
}

TEST_F(ServerTest, requests_are_answered_side_by_side) {
    std::atomic<int> good = 0;
    std::vector<std::thread> clients;
    for (int i = 0; i < 20; ++i)
        clients.emplace_back([&] {
            auto reply = ApiClient(path_).send("GET", "/v1/status");
            good += reply && reply->status == 200;
        });
    for (auto& client : clients) client.join();
    EXPECT_EQ(good, 20);
}

TEST_F(ServerTest, the_socket_is_for_its_owner_alone) {
    struct stat status{};
    ASSERT_EQ(stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(ServerTest, another_user_is_refused_even_if_the_socket_file_lets_him_in) {
    if (geteuid() != 0) GTEST_SKIP() << "taking another user id needs root";
    chmod(path_.c_str(), 0666);
    constexpr uid_t nobody = 65534;
    const std::string answer = raw_exchange("GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", nobody);
    EXPECT_NE(answer.find("403"), std::string::npos) << answer;
    EXPECT_NE(answer.find("only root"), std::string::npos) << answer;
}

TEST_F(ServerTest, a_body_beyond_the_limit_is_refused_before_it_is_read) {
    const std::string answer = raw_exchange("POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
    EXPECT_NE(answer.find("413"), std::string::npos) << answer;
    EXPECT_NE(answer.find("larger than 64 MiB"), std::string::npos) << answer;
}

TEST_F(ServerTest, nonsense_is_refused_and_the_server_goes_on) {
    EXPECT_NE(raw_exchange("NONSENSE\r\n\r\n").find("400"), std::string::npos);
    EXPECT_TRUE(ApiClient(path_).send("GET", "/v1/status"));
}

TEST_F(ServerTest, without_a_server_the_error_says_that_the_agent_is_not_reachable) {
    server_.reset();
    auto reply = ApiClient(path_).send("GET", "/v1/status");
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, agent_unreachable);
    EXPECT_NE(reply.error().message.find("not reachable"), std::string::npos);
}

TEST_F(ServerTest, a_handler_is_told_who_asks) {
    const Json json = Json::parse(get()->body);
    EXPECT_EQ(json["pid"], getpid());
    EXPECT_EQ(json["user"], geteuid());
}

TEST_F(ServerTest, slow_clients_keep_nobody_waiting) {
    std::vector<Fd> slow;
    for (int i = 0; i < 100; ++i) {
        slow.push_back(connected());
        put(slow.back(), i % 2 == 0 ? half_a_request : "GET /v1/sta");
    }
    for (int i = 0; i < 20; ++i) {
        const auto began = std::chrono::steady_clock::now();
        const auto reply = get();
        ASSERT_TRUE(reply) << reply.error().message;
        EXPECT_LT(std::chrono::steady_clock::now() - began, 500ms);
    }
}

TEST_F(ServerTest, changes_that_take_long_do_not_keep_readers_waiting) {
    std::vector<Fd> changes;
    for (int i = 0; i < 20; ++i) {
        changes.push_back(connected());
        put(changes.back(), slow_change);
    }
    EXPECT_TRUE(wait_until([&] { return begun_ == 2; }));
    EXPECT_TRUE(get());
    let_go_ = true;
    for (const Fd& change : changes) EXPECT_NE(all_from(change, 500ms).find("200 OK"), std::string::npos);
}

TEST_F(ServerTest, a_request_that_does_not_end_is_answered_when_its_time_is_up) {
    listen({.receiving = 100ms});
    const Fd slow = connected();
    for (int i = 0; i < 15; ++i) {  // a byte now and then does not help
        put(slow, i == 0 ? half_a_request : "x");
        std::this_thread::sleep_for(20ms);
    }
    const std::string answer = all_from(slow);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 408")) << answer;
}

TEST_F(ServerTest, a_connection_without_a_request_is_closed_when_its_time_is_up) {
    listen({.idle = 50ms});
    EXPECT_EQ(all_from(connected()), "");
}

TEST_F(ServerTest, who_does_not_take_his_answer_loses_it) {
    listen({.sending = 100ms});
    const Fd slow = connected();
    put(slow, "GET /v1/long HTTP/1.1\r\nHost: x\r\n\r\n");
    std::this_thread::sleep_for(500ms);
    EXPECT_LT(all_from(slow).size(), 50u << 20);
    EXPECT_TRUE(get());
}

TEST_F(ServerTest, a_change_that_found_no_thread_in_time_is_refused_and_never_made) {
    listen({.changing_threads = 1, .waiting = 100ms});
    const Fd first = connected(), second = connected();
    put(first, slow_change);
    ASSERT_TRUE(wait_until([&] { return begun_ == 1; }));
    put(second, slow_change);
    const std::string answer = all_from(second, 1000ms);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503")) << answer;
    EXPECT_NE(answer.find("nothing was done"), std::string::npos) << answer;
    let_go_ = true;
    EXPECT_NE(all_from(first, 500ms).find("200 OK"), std::string::npos);
    EXPECT_EQ(begun_, 1);
}

TEST_F(ServerTest, a_change_that_takes_too_long_is_answered_all_the_same) {
    listen({.waiting = 20ms, .handling = 100ms});
    const Fd client = connected();
    put(client, slow_change);
    const std::string answer = all_from(client, 1000ms);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 504")) << answer;
    let_go_ = true;
}

TEST_F(ServerTest, one_connection_more_than_there_may_be_takes_the_place_of_the_oldest) {
    listen({.connections = 4, .grace = 20ms});
    std::vector<Fd> silent;
    for (int i = 0; i < 4; ++i) silent.push_back(connected());
    EXPECT_TRUE(get());
    EXPECT_EQ(all_from(silent[0], 500ms), "");
    put(silent[3], "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_NE(all_from(silent[3]).find("200 OK"), std::string::npos);
}

TEST_F(ServerTest, bodies_together_have_a_bound) {
    listen({.bytes_held = 8 << 20});
    std::vector<Fd> clients;
    const std::string head = "POST /v1/apply HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4000000\r\n\r\n";
    int refused = 0;
    for (int i = 0; i < 4; ++i) {
        clients.push_back(connected());
        put(clients.back(), head + std::string(3'900'000, 'x'));
    }
    EXPECT_TRUE(get());
    for (const Fd& client : clients) {
        put(client, std::string(100'000, 'x'));
        const std::string answer = all_from(client, 300ms);
        if (answer.starts_with("HTTP/1.1 503")) ++refused;
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 503") || answer.starts_with("HTTP/1.1 200")) << answer;
    }
    EXPECT_GE(refused, 1);
    EXPECT_LE(refused, 3);
}

TEST_F(ServerTest, requests_may_follow_one_another_without_waiting) {
    const Fd client = connected();
    const std::string one = "GET /v1/a HTTP/1.1\r\nHost: x\r\n\r\n", two = "HEAD /v1/b HTTP/1.1\r\nHost: x\r\n\r\n",
                      three = "GET /v1/c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    put(client, one + two + three);
    const std::string answers = all_from(client);
    EXPECT_NE(answers.find("\"/v1/a\""), std::string::npos) << answers;
    EXPECT_EQ(answers.find("\"/v1/b\""), std::string::npos) << answers;
    EXPECT_NE(answers.find("\"/v1/c\""), std::string::npos) << answers;
}

double processor_seconds() {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

TEST_F(ServerTest, out_of_descriptors_it_waits_and_then_goes_on) {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "without descriptors UBSan cannot look at the type of an object, and takes it for damaged";
#endif
    ASSERT_TRUE(get());
    std::vector<Fd> ours;
    std::vector<Fd> clients;
    for (int i = 0; i < 3; ++i) clients.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    rlimit old{};
    getrlimit(RLIMIT_NOFILE, &old);
    const int next = dup(0);
    const rlimit low{static_cast<rlim_t>(next), old.rlim_max};
    close(next);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
    sockaddr_un address{AF_UNIX, {}};
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    for (const Fd& client : clients) EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    put(clients[0], "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const double before = processor_seconds();
    std::this_thread::sleep_for(1s);
    EXPECT_LT(processor_seconds() - before, 0.3);
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    EXPECT_NE(all_from(clients[0]).find("200 OK"), std::string::npos);
}

TEST_F(ServerTest, an_idle_server_does_nothing) {
    std::vector<Fd> silent;
    for (int i = 0; i < 20; ++i) silent.push_back(connected());
    put(silent[0], half_a_request);
    const Fd half_closed = connected();
    put(half_closed, slow_change);
    shutdown(half_closed.get(), SHUT_WR);
    ASSERT_TRUE(wait_until([&] { return begun_ == 1; }));
    const double before = processor_seconds();
    std::this_thread::sleep_for(500ms);
    EXPECT_LT(processor_seconds() - before, 0.45);  // the handler's own loop is in it
}

// SIGSTOP, or a process that hangs: its sockets are there, and nothing ever comes.
TEST_F(ServerTest, a_client_gives_up_on_a_server_that_gives_no_sign_of_life) {
    server_.reset();
    sockaddr_un address{AF_UNIX, {}};
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    const Fd stopped(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(bind(stopped.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(stopped.get(), 1), 0);
    std::vector<Fd> fill;
    for (int round = 0; round < 2; ++round) {  // first nothing is answered, then nobody can connect any more
        const auto began = std::chrono::steady_clock::now();
        const auto reply = ApiClient(path_, 300ms).send("GET", "/v1/status", std::string(round == 0 ? 10 << 20 : 0, 'x'));
        ASSERT_FALSE(reply);
        EXPECT_EQ(reply.error().code, agent_unreachable);
        EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
        for (int i = 0; i < 3; ++i) {
            fill.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            (void)connect(fill.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
        }
    }
}

TEST_F(ServerTest, a_client_waits_for_what_takes_long_as_long_as_the_server_is_alive) {
    std::thread later([this] {
        std::this_thread::sleep_for(2500ms);
        let_go_ = true;
    });
    const auto reply = ApiClient(path_, 1500ms).send("POST", "/v1/slow");
    later.join();
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, 200);
}

}  // namespace
}  // namespace biplane
