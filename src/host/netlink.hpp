// Requests to the kernel's routing netlink (rtnetlink(7)), one at a time: build a message, send it, collect the answers.
// A socket belongs to the network namespace in which it was opened, whatever its thread does later.
#pragma once
#include <libmnl/libmnl.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "layout/address.hpp"

namespace biplane {

// A request under construction. Fixed room: our requests have a handful of attributes.
class NetlinkRequest {
   public:
    // `flags` beside NLM_F_REQUEST, e.g. NLM_F_CREATE | NLM_F_EXCL.
    NetlinkRequest(uint16_t type, uint16_t flags);
    NetlinkRequest(const NetlinkRequest&) = delete;
    NetlinkRequest& operator=(const NetlinkRequest&) = delete;

    template <typename Header>
    Header& header() {
        return *static_cast<Header*>(mnl_nlmsg_put_extra_header(message_, sizeof(Header)));
    }
    void put(uint16_t type, const void* data, size_t length) { mnl_attr_put(message_, type, length, data); }
    void put(uint16_t type, uint8_t value) { put(type, &value, sizeof value); }
    void put(uint16_t type, uint32_t value) { put(type, &value, sizeof value); }
    void put(uint16_t type, const std::string& text) { mnl_attr_put_strz(message_, type, text.c_str()); }
    void put(uint16_t type, const MacAddress& mac) { put(type, mac.bytes, sizeof mac.bytes); }
    void put(uint16_t type, const Address& address);  // four or sixteen bytes, by its family
    nlattr* begin(uint16_t type) { return mnl_attr_nest_start(message_, type); }
    void end(nlattr* nest) { mnl_attr_nest_end(message_, nest); }

    nlmsghdr* message() { return message_; }

   private:
    alignas(nlmsghdr) std::array<char, 4096> room_{};
    nlmsghdr* message_;
};

// One message that the kernel sent.
class NetlinkAnswer {
   public:
    explicit NetlinkAnswer(const nlmsghdr* message);

    uint16_t type() const { return message()->nlmsg_type; }
    template <typename Header>
    const Header& header() const {
        return *static_cast<const Header*>(mnl_nlmsg_get_payload(message()));
    }
    // The attribute behind a family header of `header_size` bytes, nullptr if it is not there or inside out of bounds.
    const nlattr* attribute(size_t header_size, uint16_t type) const;

   private:
    const nlmsghdr* message() const { return reinterpret_cast<const nlmsghdr*>(bytes_.data()); }
    std::vector<char> bytes_;
};

// An attribute of `nest`, nullptr if it is not there.
const nlattr* nested_attribute(const nlattr* nest, uint16_t type);
// Readers of attribute values; zero, empty if the attribute is missing or too short.
uint32_t read_u32(const nlattr* attribute);
std::string read_text(const nlattr* attribute);
MacAddress read_mac(const nlattr* attribute);
Address read_address(const nlattr* attribute);

class Netlink {
   public:
    // In the network namespace of the calling thread.
    static Result<Netlink> open();

    // Sends and waits for the acknowledgement. `attempted` reads on after "cannot", e.g. "create veth bp-1". The Error carries
    // errno and what the kernel has to say about it.
    Status request(NetlinkRequest& request, const std::string& attempted);
    // Sends and collects the answers; with NLM_F_DUMP among the flags all of them.
    Result<std::vector<NetlinkAnswer>> query(NetlinkRequest& request, const std::string& attempted);

   private:
    struct Close {
        void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
    };
    explicit Netlink(mnl_socket* socket) : socket_(socket) {}
    Result<std::vector<NetlinkAnswer>> exchange(NetlinkRequest& request, const std::string& attempted);
    Result<bool> take(const nlmsghdr* message, const std::string& attempted, std::vector<NetlinkAnswer>& answers);

    std::unique_ptr<mnl_socket, Close> socket_;
    uint32_t sequence_ = 0;
};

// RTM_* requests carry the family of their addresses.
uint8_t family_of(const Address& address);
// The prefix length as the family counts it, from 128-bit space.
uint8_t family_length(const Address& address, uint8_t length);
uint8_t length_from_family(uint8_t family, uint8_t length);

}  // namespace biplane
