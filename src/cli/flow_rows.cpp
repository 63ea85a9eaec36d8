#include "cli/flow_rows.hpp"

#include <numeric>

#include "views/address_text.hpp"

namespace biplane {
namespace {

struct Title {
    std::string_view text;
    bool is_number;  // aligned to the right
};
constexpr std::array<Title, flow_columns> titles = {{{"NETWORK", false},
                                                     {"ZONE", true},
                                                     {"PLANE", false},
                                                     {"PROTO", false},
                                                     {"SOURCE", false},
                                                     {"DESTINATION", false},
                                                     {"STATE", false},
                                                     {"PACKETS", true},
                                                     {"BYTES", true},
                                                     {"REPLIES", true},
                                                     {"REPLY-BYTES", true},
                                                     {"NEXT-HOP", false},
                                                     {"REPLY-NEXT-HOP", false},
                                                     {"IDLE-S", true},
                                                     {"AGE-S", true},
                                                     {"VNI", true},
                                                     {"INGRESS", false},
                                                     {"EPOCH", true}}};
constexpr size_t gap = 2;

// Of every cell that is no name: an address in brackets with its port is the longest.
constexpr size_t cell_size_max = address_size_max + number_size_max + 3;

std::string cell_of(const std::string& name) { return name.empty() ? "-" : name; }

// Seconds with one place.
char* put_tenths(char* at, uint64_t milliseconds) {
    const uint64_t tenths = (milliseconds + 50) / 100;
    at = put_number(at, tenths / 10);
    *at++ = '.';
    *at++ = static_cast<char>('0' + tenths % 10);
    return at;
}

char* put_spaces(char* at, size_t count) {
    std::memset(at, ' ', count);
    return at + count;
}

// Moves the cell that lies at `begin` to its side of the column.
char* align(char* begin, char* end, size_t width, bool is_number) {
    const size_t size = static_cast<size_t>(end - begin);
    if (size >= width) return end;
    if (!is_number) return put_spaces(end, width - size);
    std::memmove(begin + width - size, begin, size);
    put_spaces(begin, width - size);
    return begin + width;
}

char* end_line(char* at, const char* begin) {
    while (at > begin && at[-1] == ' ') --at;
    *at = '\n';
    return at + 1;
}

}  // namespace

FlowRows::FlowRows(const TableNames& names, uint32_t now, bool wide)
    : now_(now),
      columns_shown_(wide ? flow_columns : static_cast<size_t>(FlowColumn::age)),
      networks_([&names](uint16_t number) { return cell_of(names.network(number)); }),
      next_hops_([&names](uint16_t number) { return cell_of(names.next_hop(number)); }),
      ports_([&names](uint16_t number) { return cell_of(names.port_name(number)); }),
      protocols_([](uint16_t number) { return protocol_name(static_cast<uint8_t>(number)); }) {
    for (size_t i = 0; i < flow_columns; ++i) widths_[i] = titles[i].text.size();
}

// Address and port as one cell; IPv6 in brackets (RFC 5952, section 6).
char* FlowRows::put_end(char* at, const Address& address, be16 port, uint8_t protocol_number) {
    if (protocol_number == protocol::icmp || protocol_number == protocol::icmpv6) return put_address(at, address);
    if (is_ipv4(address)) {
        at = put(put_address(at, address), ":");
    } else {
        at = put(put_address(put(at, "["), address), "]:");
    }
    return put_number(at, port.to_host());
}

char* FlowRows::put_cell(char* at, FlowColumn column, const FlowPair& pair) {
    const FlowEntry& flow = pair.forward;
    switch (column) {
        case FlowColumn::network:
            return put(at, networks_[flow.zone]);
        case FlowColumn::zone:
            return put_number(at, flow.zone);
        case FlowColumn::plane:
            return put(at, std::string_view(to_string(plane_of(flow))));
        case FlowColumn::protocol:
            return put(at, protocols_[flow.protocol]);
        case FlowColumn::source:
            return put_end(at, flow.source, flow.source_port, flow.protocol);
        case FlowColumn::destination:
            return put_end(at, flow.destination, flow.destination_port, flow.protocol);
        case FlowColumn::state:
            return put(at, std::string_view(to_string(state_of(flow.mode))));
        case FlowColumn::packets:
            return put_number(at, packets_of(flow, pair.forward_detail));
        case FlowColumn::bytes:
            return put_number(at, flow.bytes);
        case FlowColumn::replies:
            return put_number(at, packets_of(pair.reverse, pair.reverse_detail));
        case FlowColumn::reply_bytes:
            return put_number(at, pair.reverse.bytes);
        case FlowColumn::next_hop:
            return put(at, next_hops_[flow.next_hop]);
        case FlowColumn::reply_next_hop:
            return put(at, next_hops_[pair.reverse.next_hop]);
        case FlowColumn::idle:
            return put_tenths(at, idle_milliseconds(pair, now_));
        case FlowColumn::age:
            return put_tenths(at, milliseconds_since(pair.forward_detail.created, now_));
        case FlowColumn::vni:
            return put_number(at, pair.forward_detail.vni);
        case FlowColumn::ingress:
            return put(at, ports_[pair.forward_detail.ingress_port]);
        case FlowColumn::epoch:
            return put_number(at, flow.epoch);
    }
    return at;
}

size_t FlowRows::line_size_max(const FlowPair& pair) {
    const size_t names = networks_[pair.forward.zone].size() + next_hops_[pair.forward.next_hop].size() +
                         next_hops_[pair.reverse.next_hop].size() + ports_[pair.forward_detail.ingress_port].size();
    return names + flow_columns * (cell_size_max + gap) + std::accumulate(widths_.begin(), widths_.end(), size_t{1});
}

void FlowRows::make_room_for(const FlowPair& pair) {
    TextBuffer buffer;
    char* const begin = buffer.room_for(line_size_max(pair));
    for (size_t i = 0; i < columns_shown_; ++i) {
        const char* end = put_cell(begin, static_cast<FlowColumn>(i), pair);
        widths_[i] = std::max(widths_[i], static_cast<size_t>(end - begin));
    }
}

void FlowRows::add_titles(TextBuffer& buffer) const {
    char* const begin = buffer.room_for(std::accumulate(widths_.begin(), widths_.end(), flow_columns * gap + 1));
    char* at = begin;
    for (size_t i = 0; i < columns_shown_; ++i) {
        if (i > 0) at = put_spaces(at, gap);
        at = align(at, put(at, titles[i].text), widths_[i], titles[i].is_number);
    }
    buffer.end_at(end_line(at, begin));
}

void FlowRows::add(const FlowPair& pair, TextBuffer& buffer) {
    char* const begin = buffer.room_for(line_size_max(pair));
    char* at = begin;
    for (size_t i = 0; i < columns_shown_; ++i) {
        if (i > 0) at = put_spaces(at, gap);
        at = align(at, put_cell(at, static_cast<FlowColumn>(i), pair), widths_[i], titles[i].is_number);
    }
    buffer.end_at(end_line(at, begin));
}

}  // namespace biplane
