#include "api/http_request.hpp"

#include <gtest/gtest.h>

#include <random>

#include "api/http_response.hpp"
#include "api/http_target.hpp"

namespace biplane {
namespace {

using State = HttpRequestReader::State;

const HttpLimits limits{.head_bytes = 1024, .target_bytes = 256, .body_bytes = 1000};

HttpRequestReader read(const std::string& bytes, size_t piece) {
    HttpRequestReader reader(limits);
    for (size_t at = 0; at < bytes.size(); at += piece) {
        const std::string_view now = std::string_view(bytes).substr(at, piece);
        if (reader.take(now) < now.size()) break;
    }
    return reader;
}

constexpr size_t whole = 1 << 20;

TEST(HttpRequest, is_the_same_however_it_is_cut_into_pieces) {
    const std::string text =
        "\r\nPOST /v1/apply?file=a%20b+c.yaml&dryRun=true&& HTTP/1.1\r\nHost: x\r\nContent-Length:  11 \r\nX-Empty:\r\n\r\nhello "
        "world";
    for (size_t piece = 1; piece <= text.size(); ++piece) {
        auto reader = read(text, piece);
        ASSERT_EQ(reader.state(), State::complete) << piece;
        const ApiRequest request = reader.take_request();
        EXPECT_EQ(request.method, "POST");
        EXPECT_EQ(request.path, "/v1/apply");
        EXPECT_EQ(request.query, (std::map<std::string, std::string>{{"file", "a b c.yaml"}, {"dryRun", "true"}}));
        EXPECT_EQ(request.body, "hello world");
        EXPECT_TRUE(reader.is_kept_alive());
    }
}

// RFC 9112, section 7.1: sizes in hexadecimal, extensions ignored, a trailer after the last chunk.
TEST(HttpRequest, may_be_chunked) {
    const std::string text =
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n";
    for (size_t piece = 1; piece <= text.size(); ++piece) {
        auto reader = read(text, piece);
        ASSERT_EQ(reader.state(), State::complete) << piece;
        EXPECT_EQ(reader.take_request().body, "hello world");
    }
}

TEST(HttpRequest, ends_where_the_next_one_begins) {
    const std::string one = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n", two = "GET /b HTTP/1.1\r\nHost: x\r\n\r\n";
    HttpRequestReader reader(limits);
    EXPECT_EQ(reader.take(one + two), one.size());
    EXPECT_EQ(reader.take_request().path, "/a");
}

TEST(HttpRequest, says_whether_another_one_may_follow) {
    const auto is_kept_alive = [](const std::string& version, const std::string& fields) {
        auto reader = read("GET / " + version + "\r\nHost: x\r\n" + fields + "\r\n", whole);
        EXPECT_EQ(reader.state(), State::complete) << version << fields;
        return reader.is_kept_alive();
    };
    EXPECT_TRUE(is_kept_alive("HTTP/1.1", ""));
    EXPECT_FALSE(is_kept_alive("HTTP/1.1", "Connection: foo, Close\r\n"));
    EXPECT_FALSE(is_kept_alive("HTTP/1.0", ""));
    EXPECT_TRUE(is_kept_alive("HTTP/1.0", "Connection: keep-alive\r\n"));
}

// RFC 9112, section 5.2: refused, or the fold is a blank.
TEST(HttpRequest, may_continue_a_field_on_the_next_line) {
    EXPECT_FALSE(read("GET / HTTP/1.1\r\nHost: x\r\nConnection: foo,\r\n close\r\n\r\n", whole).is_kept_alive());
}

TEST(HttpRequest, may_name_the_whole_address) {
    auto reader = read("GET http://biplane/v1/status?a=b#c HTTP/1.1\r\nHost: biplane\r\n\r\n", whole);
    ASSERT_EQ(reader.state(), State::complete);
    const ApiRequest request = reader.take_request();
    EXPECT_EQ(request.path, "/v1/status");
    EXPECT_EQ(request.query.at("a"), "b");
}

TEST(HttpRequest, tells_once_that_its_sender_waits_to_be_asked_for_the_body) {
    auto reader = read("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", whole);
    EXPECT_EQ(reader.state(), State::reading);
    EXPECT_TRUE(reader.take_expectation());
    EXPECT_FALSE(reader.take_expectation());
    reader.take("abc");
    EXPECT_EQ(reader.state(), State::complete);
}

struct Refused {
    const char* what;
    std::string text;
    int status;
};

TEST(HttpRequest, is_refused_with_the_status_that_says_why) {
    const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
    const Refused cases[] = {
        {"nonsense", "NONSENSE\r\n\r\n", 400},
        {"no version", "GET /\r\n\r\n", 400},
        {"another version", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
        {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
        {"a path that is none", "GET status HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"half an encoding", "GET /%4 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"a long path", "GET /" + std::string(300, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
        {"a long head", "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(2000, 'a') + "\r\n\r\n", 431},
        {"a head without an end", std::string(5000, 'a'), 431},
        {"a blank before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
        {"a control character", "GET / HTTP/1.1\r\nHost: x\001\r\n\r\n", 400},
        {"two lengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
        {"a negative length", post + "Content-Length: -3\r\n\r\nabc", 400},
        {"a length and chunks", post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", 400},
        {"an unknown transfer coding", post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
        {"a compressed body", post + "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 415},
        {"another expectation", post + "Expect: pay\r\nContent-Length: 3\r\n\r\nabc", 417},
        {"a large body", post + "Content-Length: 1001\r\n\r\n", 413},
        {"a length beyond all numbers", post + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
        {"large chunks", post + "Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + std::string(500, 'a') + "\r\n1f5\r\n", 413},
        {"a chunk without a size", post + "Transfer-Encoding: chunked\r\n\r\n\r\n", 400},
        {"a chunk of a negative size", post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400},
        {"a chunk that does not end", post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n", 400},
        {"an endless extension", post + "Transfer-Encoding: chunked\r\n\r\n3;" + std::string(2000, 'a'), 400},
    };
    for (const Refused& one : cases)
        for (const size_t piece : {whole, size_t{1}}) {
            auto reader = read(one.text, piece);
            ASSERT_EQ(reader.state(), State::refused) << one.what;
            EXPECT_EQ(reader.refusal().status, one.status) << one.what << ": " << reader.refusal().body;
        }
}

TEST(HttpRequest, takes_no_memory_for_a_body_that_is_only_announced) {
    HttpRequestReader reader(HttpLimits{});
    reader.take("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n");
    EXPECT_EQ(reader.state(), State::reading);
    EXPECT_LT(reader.bytes_held(), 200'000u);
}

TEST(HttpRequest, survives_damage) {
    const std::string good[] = {
        "POST /v1/apply?file=a%20b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: 1\r\n\r\n"};
    std::mt19937 random(20);
    for (int round = 0; round < 20000; ++round) {
        std::string text = good[round % 2];
        for (unsigned change = 0; change < 1 + random() % 4; ++change) text[random() % text.size()] = static_cast<char>(random());
        auto reader = read(text, 1 + random() % 40);
        if (reader.state() == State::complete) {
            EXPECT_LE(reader.take_request().body.size(), limits.body_bytes);
        }
    }
}

TEST(HttpResponse, is_the_same_however_it_is_cut_into_pieces) {
    const std::string text =
        std::string("HTTP/1.1 102 Processing\r\n\r\n") + http_continue + http_text({404, "{}", "a/b"}, true, true);
    for (size_t piece = 1; piece <= text.size(); ++piece) {
        HttpResponseReader reader;
        for (size_t at = 0; at < text.size(); at += piece) {
            EXPECT_EQ(reader.state(), HttpResponseReader::State::reading);
            reader.take(std::string_view(text).substr(at, piece));
        }
        ASSERT_EQ(reader.state(), HttpResponseReader::State::complete) << piece;
        const ApiReply reply = reader.take_reply();
        EXPECT_EQ(reply.status, 404);
        EXPECT_EQ(reply.body, "{}");
        EXPECT_EQ(reply.content_type, "a/b");
    }
}

TEST(HttpResponse, that_is_none_is_invalid) {
    for (const char* text :
         {"HTTP/1.1 2000 OK\r\n\r\n", "220 mail ready\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"}) {
        HttpResponseReader reader;
        reader.take(text);
        EXPECT_EQ(reader.state(), HttpResponseReader::State::invalid) << text;
    }
}

}  // namespace
}  // namespace biplane
