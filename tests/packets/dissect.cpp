#include "packets/dissect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "packets/packet.hpp"

namespace biplane::packets {

namespace {

struct FieldName {
    size_t length;
    const char* name;
};

// Walks a frame and collects fields. Never reads beyond the end: what is missing is not named.
class Dissector {
   public:
    explicit Dissector(const Bytes& frame) : frame_(frame) {}

    std::vector<Field> run() {
        ethernet();
        if (position_ < frame_.size()) take(frame_.size() - position_, "payload");
        return std::move(fields_);
    }

   private:
    void ethernet() {
        const size_t start = position_;
        if (!take_all("ethernet", {{6, "destination"}, {6, "source"}, {2, "type"}})) return;
        switch (get16(frame_, start + 12)) {
            case 0x0806:
                arp();
                break;
            case 0x0800:
                ipv4();
                break;
            case 0x86dd:
                ipv6();
                break;
            default:
                break;
        }
    }

    void arp() {
        take_all("arp", {{2, "hardware_type"},
                         {2, "protocol_type"},
                         {1, "hardware_length"},
                         {1, "protocol_length"},
                         {2, "operation"},
                         {6, "sender_mac"},
                         {4, "sender_ip"},
                         {6, "target_mac"},
                         {4, "target_ip"}});
    }

    void ipv4() {
        const size_t start = position_;
        if (!take_all("ipv4", {{1, "version_and_length"},
                               {1, "traffic_class"},
                               {2, "total_length"},
                               {2, "identification"},
                               {2, "flags_and_offset"},
                               {1, "ttl"},
                               {1, "protocol"},
                               {2, "checksum"},
                               {4, "source"},
                               {4, "destination"}}))
            return;
        const size_t options = (frame_[start] & 0x0fu) * 4;
        if (options > 20) take(options - 20, "ipv4.options");
        const bool is_later_fragment = (get16(frame_, start + 6) & 0x1fff) != 0;
        if (!is_later_fragment) transport(frame_[start + 9]);
    }

    void ipv6() {
        const size_t start = position_;
        if (!take_all("ipv6", {{4, "version_class_flow"},
                               {2, "payload_length"},
                               {1, "next_header"},
                               {1, "hop_limit"},
                               {16, "source"},
                               {16, "destination"}}))
            return;
        uint8_t next = frame_[start + 6];
        for (int headers = 0; headers < 8 && position_ + 8 <= frame_.size(); ++headers) {
            const size_t length = next == protocol::fragment ? 8 : 8 + size_t{frame_[position_ + 1]} * 8;
            const uint8_t after = frame_[position_];
            switch (next) {
                case protocol::hop_by_hop:
                    take(length, "ipv6.hop_by_hop");
                    break;
                case protocol::destination_options:
                    take(length, "ipv6.destination_options");
                    break;
                case protocol::routing:
                    take(length, "ipv6.routing");
                    break;
                case protocol::fragment:
                    take(length, "ipv6.fragment");
                    break;
                default:
                    transport(next);
                    return;
            }
            next = after;
        }
    }

    void transport(uint8_t number) {
        const size_t start = position_;
        switch (number) {
            case protocol::tcp: {
                if (!take_all("tcp", {{2, "source_port"},
                                      {2, "destination_port"},
                                      {4, "sequence"},
                                      {4, "acknowledgment"},
                                      {1, "data_offset"},
                                      {1, "flags"},
                                      {2, "window"},
                                      {2, "checksum"},
                                      {2, "urgent"}}))
                    return;
                const size_t header = (frame_[start + 12] >> 4) * 4u;
                if (header > 20) take(header - 20, "tcp.options");
                break;
            }
            case protocol::udp:
                if (take_all("udp", {{2, "source_port"}, {2, "destination_port"}, {2, "length"}, {2, "checksum"}}) &&
                    get16(frame_, start + 2) == 4789)
                    vxlan();
                break;
            case protocol::icmp:
            case protocol::icmpv6:
                take_all("icmp", {{1, "type"}, {1, "code"}, {2, "checksum"}, {4, "rest_of_header"}});
                break;
            case protocol::sctp:
                take_all("sctp", {{2, "source_port"}, {2, "destination_port"}, {4, "verification_tag"}, {4, "checksum"}});
                break;
            default:
                break;
        }
    }

    void vxlan() {
        if (!take_all("vxlan", {{1, "flags"}, {3, "reserved"}, {3, "vni"}, {1, "reserved_last"}})) return;
        prefix_ += "inner.";
        ethernet();
    }

    bool take_all(const char* header, std::initializer_list<FieldName> names) {
        for (const FieldName& f : names)
            if (!take(f.length, fmt::format("{}.{}", header, f.name))) return false;
        return true;
    }

    bool take(size_t length, const std::string& name) {
        const size_t there = std::min(length, frame_.size() - position_);
        if (there > 0) fields_.push_back({position_, there, prefix_ + name + (there < length ? " (cut off)" : "")});
        position_ += there;
        return there == length;
    }

    const Bytes& frame_;
    size_t position_ = 0;
    std::string prefix_;
    std::vector<Field> fields_;
};

std::string hex(const Bytes& frame, const Field& field) {
    if (field.offset >= frame.size()) return "(not there)";
    constexpr size_t shown_max = 32;
    std::string text;
    const size_t end = std::min(field.offset + field.length, frame.size());
    for (size_t i = field.offset; i < std::min(end, field.offset + shown_max); ++i)
        text += fmt::format("{}{:02x}", i > field.offset && (i - field.offset) % 2 == 0 ? " " : "", frame[i]);
    if (end - field.offset > shown_max) text += fmt::format(" ... ({} bytes)", end - field.offset);
    return text;
}

bool differs(const Bytes& a, const Bytes& b, const Field& field) {
    for (size_t i = field.offset; i < field.offset + field.length; ++i)
        if (i >= a.size() || i >= b.size() || a[i] != b[i]) return true;
    return false;
}

}  // namespace

std::vector<Field> dissect(const Bytes& frame) { return Dissector(frame).run(); }

std::string print(const Bytes& frame) {
    std::string text = fmt::format("{} bytes\n", frame.size());
    for (const Field& field : dissect(frame))
        text += fmt::format("  {:4}  {:<32} {}\n", field.offset, field.name, hex(frame, field));
    return text;
}

std::string explain_difference(const Bytes& wanted, const Bytes& got) {
    if (wanted == got) return "";
    std::string text = fmt::format("the frames differ: wanted {} bytes, got {}\n", wanted.size(), got.size());
    for (const Field& field : dissect(wanted))
        if (differs(wanted, got, field))
            text += fmt::format("  {:4}  {:<32} wanted {}\n  {:4}  {:<32} got    {}\n", field.offset, field.name,
                                hex(wanted, field), "", "", hex(got, field));
    return text + "wanted: " + print(wanted) + "got: " + print(got);
}

}  // namespace biplane::packets
