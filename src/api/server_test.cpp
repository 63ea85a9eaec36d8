#include "api/server.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "api/client.hpp"
#include "base/fd.hpp"

namespace biplane {
namespace {

class ServerTest : public testing::Test {
   protected:
    void SetUp() override {
        directory_ = std::filesystem::temp_directory_path() / ("biplane-api-" + std::to_string(getpid()));
        std::filesystem::create_directories(directory_);
        path_ = directory_ + "/api.sock";
        auto server = ApiServer::listen(path_, [](const ApiRequest& request) {
            if (request.path == "/v1/nothing") return error_reply(404, "there is nothing");
            Json query = Json::object();
            for (const auto& [key, value] : request.query) query[key] = value;
            return json_reply(
                {{"method", request.method}, {"path", request.path}, {"query", query}, {"bytes", request.body.size()}});
        });
        ASSERT_TRUE(server) << server.error().message;
        server_.emplace(std::move(*server));
    }
    void TearDown() override {
        server_.reset();
        std::filesystem::remove_all(directory_);
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
    std::optional<ApiServer> server_;
};

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

}  // namespace
}  // namespace biplane
