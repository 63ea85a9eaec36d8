#include "host/netlink.hpp"

#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>

namespace biplane {

NetlinkRequest::NetlinkRequest(uint16_t type, uint16_t flags) : message_(mnl_nlmsg_put_header(room_.data())) {
    message_->nlmsg_type = type;
    message_->nlmsg_flags = NLM_F_REQUEST | flags;
}

void NetlinkRequest::put(uint16_t type, const Address& address) {
    if (is_ipv4(address)) {
        const be32 ipv4 = ipv4_of(address);
        put(type, &ipv4, sizeof ipv4);
    } else {
        put(type, address.words, sizeof address.words);
    }
}

NetlinkAnswer::NetlinkAnswer(const nlmsghdr* message)
    : bytes_(reinterpret_cast<const char*>(message), reinterpret_cast<const char*>(message) + message->nlmsg_len) {}

namespace {

const nlattr* find_attribute(const void* begin, const void* end, uint16_t type) {
    const auto left = [&](const nlattr* at) {
        return static_cast<int>(static_cast<const char*>(end) - reinterpret_cast<const char*>(at));
    };
    for (auto* at = static_cast<const nlattr*>(begin); mnl_attr_ok(at, left(at)); at = mnl_attr_next(at))
        if (mnl_attr_get_type(at) == type) return at;
    return nullptr;
}

}  // namespace

const nlattr* NetlinkAnswer::attribute(size_t header_size, uint16_t type) const {
    return find_attribute(mnl_nlmsg_get_payload_offset(message(), header_size), mnl_nlmsg_get_payload_tail(message()), type);
}

const nlattr* nested_attribute(const nlattr* nest, uint16_t type) {
    if (nest == nullptr) return nullptr;
    const char* begin = static_cast<const char*>(mnl_attr_get_payload(nest));
    return find_attribute(begin, begin + mnl_attr_get_payload_len(nest), type);
}

uint32_t read_u32(const nlattr* attribute) {
    if (attribute == nullptr || mnl_attr_get_payload_len(attribute) < sizeof(uint32_t)) return 0;
    return mnl_attr_get_u32(attribute);
}

std::string read_text(const nlattr* attribute) {
    if (attribute == nullptr) return {};
    const char* text = static_cast<const char*>(mnl_attr_get_payload(attribute));
    return std::string(text, strnlen(text, mnl_attr_get_payload_len(attribute)));
}

MacAddress read_mac(const nlattr* attribute) {
    MacAddress mac{};
    if (attribute != nullptr && mnl_attr_get_payload_len(attribute) == sizeof mac.bytes)
        std::memcpy(mac.bytes, mnl_attr_get_payload(attribute), sizeof mac.bytes);
    return mac;
}

Address read_address(const nlattr* attribute) {
    Address address{};
    if (attribute == nullptr) return address;
    if (mnl_attr_get_payload_len(attribute) == sizeof(be32)) {
        be32 ipv4;
        std::memcpy(&ipv4, mnl_attr_get_payload(attribute), sizeof ipv4);
        return address_from_ipv4(ipv4);
    }
    if (mnl_attr_get_payload_len(attribute) == sizeof address.words)
        std::memcpy(address.words, mnl_attr_get_payload(attribute), sizeof address.words);
    return address;
}

Result<Netlink> Netlink::open() {
    mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (socket == nullptr) return failed_call("open a routing netlink socket", errno);
    Netlink netlink(socket);
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) return failed_call("bind a routing netlink socket", errno);
    int on = 1;  // without these two the kernel's own words are missing from our messages, no more
    mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof on);
    mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof on);
    return netlink;
}

Status Netlink::request(NetlinkRequest& request, const std::string& attempted) {
    request.message()->nlmsg_flags |= NLM_F_ACK;
    auto answers = exchange(request, attempted);
    if (!answers) return tl::unexpected(answers.error());
    return {};
}

Result<std::vector<NetlinkAnswer>> Netlink::query(NetlinkRequest& request, const std::string& attempted) {
    constexpr int attempts = 5;  // a dump is interrupted when what it lists changes meanwhile
    const bool dump = (request.message()->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    if (!dump) request.message()->nlmsg_flags |= NLM_F_ACK;
    for (int attempt = 1;; ++attempt) {
        auto answers = exchange(request, attempted);
        if (answers || answers.error().code != EINTR || attempt == attempts) return answers;
    }
}

namespace {

// What the kernel adds to an error (NETLINK_EXT_ACK), as ", the kernel says: ...".
std::string kernel_words(const nlmsghdr* message) {
    if (!(message->nlmsg_flags & NLM_F_ACK_TLVS)) return {};
    const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
    size_t offset = sizeof *error;
    if (!(message->nlmsg_flags & NLM_F_CAPPED)) offset += error->msg.nlmsg_len - sizeof error->msg;
    const nlattr* words =
        find_attribute(mnl_nlmsg_get_payload_offset(message, offset), mnl_nlmsg_get_payload_tail(message), NLMSGERR_ATTR_MSG);
    if (words != nullptr) return " (the kernel says: " + read_text(words) + ")";
    return {};
}

}  // namespace

// Returns true when `message` was the last one of the answer.
Result<bool> Netlink::take(const nlmsghdr* message, const std::string& attempted, std::vector<NetlinkAnswer>& answers) {
    if (message->nlmsg_seq != sequence_) return false;
    if (message->nlmsg_flags & NLM_F_DUMP_INTR) return failed_call(attempted, EINTR);
    if (message->nlmsg_type == NLMSG_DONE) return true;
    if (message->nlmsg_type != NLMSG_ERROR) {
        answers.emplace_back(message);
        return false;
    }
    const int code = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error;
    if (code == 0) return true;
    return failure(fmt::format("cannot {}: {}{}", attempted, std::strerror(code), kernel_words(message)), code);
}

Result<std::vector<NetlinkAnswer>> Netlink::exchange(NetlinkRequest& request, const std::string& attempted) {
    request.message()->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), request.message(), request.message()->nlmsg_len) < 0) return failed_call(attempted, errno);
    std::vector<NetlinkAnswer> answers;
    std::vector<char> buffer(32768);
    while (true) {
        const ssize_t received = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
        if (received < 0 && errno == EINTR) continue;
        if (received < 0) return failed_call(attempted, errno);
        int left = static_cast<int>(received);
        for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
             message = mnl_nlmsg_next(message, &left)) {
            auto last = take(message, attempted, answers);
            if (!last) return tl::unexpected(last.error());
            if (*last) return answers;
        }
    }
}

uint8_t family_of(const Address& address) { return is_ipv4(address) ? AF_INET : AF_INET6; }

uint8_t family_length(const Address& address, uint8_t length) {
    return is_ipv4(address) ? static_cast<uint8_t>(length - ipv4_prefix_offset) : length;
}

uint8_t length_from_family(uint8_t family, uint8_t length) {
    return family == AF_INET ? static_cast<uint8_t>(length + ipv4_prefix_offset) : length;
}

}  // namespace biplane
