#include "views/flow_json.hpp"

#include "views/address_text.hpp"

namespace biplane {
namespace {

// Room for everything but the names: the keys, ten numbers, two addresses, two times.
constexpr size_t fixed_size_max = 320 + 10 * number_size_max + 2 * address_size_max + 2 * number_size_max + 64;

std::string quoted(const std::string& text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

// Seconds with up to three places, one at least: 1.048, 7.0.
char* put_seconds(char* at, uint64_t milliseconds) {
    at = put_number(at, milliseconds / 1000);
    const unsigned rest = milliseconds % 1000;
    *at++ = '.';
    *at++ = static_cast<char>('0' + rest / 100);
    if (rest % 100 != 0) *at++ = static_cast<char>('0' + rest / 10 % 10);
    if (rest % 10 != 0) *at++ = static_cast<char>('0' + rest % 10);
    return at;
}

}  // namespace

FlowJson::FlowJson(const TableNames& names, uint32_t now)
    : now_(now),
      networks_([&names](uint16_t number) { return quoted(names.network(number)); }),
      next_hops_([&names](uint16_t number) { return quoted(names.next_hop(number)); }),
      ports_([&names](uint16_t number) { return quoted(names.port_name(number)); }),
      protocols_([](uint16_t number) { return quoted(protocol_name(static_cast<uint8_t>(number))); }) {}

void FlowJson::add(const FlowPair& pair, TextBuffer& buffer) {
    const FlowEntry& flow = pair.forward;
    const FlowEntry& reply = pair.reverse;
    const std::string& network = networks_[flow.zone];
    const std::string& next_hop = next_hops_[flow.next_hop];
    const std::string& reply_next_hop = next_hops_[reply.next_hop];
    const std::string& ingress_port = ports_[pair.forward_detail.ingress_port];
    char* at = buffer.room_for(fixed_size_max + network.size() + next_hop.size() + reply_next_hop.size() + ingress_port.size());
    at = put(put(at, "{\"network\":"), network);
    at = put_number(put(at, ",\"zone\":"), flow.zone);
    at = put_number(put(at, ",\"vni\":"), pair.forward_detail.vni);
    at = put(put(at, ",\"plane\":\""), std::string_view(to_string(plane_of(flow))));
    at = put(put(at, "\",\"protocol\":"), protocols_[flow.protocol]);
    at = put_address(put(at, ",\"source\":\""), flow.source);
    at = put_number(put(at, "\",\"sourcePort\":"), flow.source_port.to_host());
    at = put_address(put(at, ",\"destination\":\""), flow.destination);
    at = put_number(put(at, "\",\"destinationPort\":"), flow.destination_port.to_host());
    at = put(put(at, ",\"state\":\""), std::string_view(to_string(state_of(flow.mode))));
    at = put_number(put(at, "\",\"packets\":"), packets_of(flow, pair.forward_detail));
    at = put_number(put(at, ",\"bytes\":"), flow.bytes);
    at = put_number(put(at, ",\"replyPackets\":"), packets_of(reply, pair.reverse_detail));
    at = put_number(put(at, ",\"replyBytes\":"), reply.bytes);
    at = put(put(at, ",\"nextHop\":"), next_hop);
    at = put(put(at, ",\"replyNextHop\":"), reply_next_hop);
    at = put(put(at, ",\"ingressPort\":"), ingress_port);
    at = put_seconds(put(at, ",\"ageSeconds\":"), milliseconds_since(pair.forward_detail.created, now_));
    at = put_seconds(put(at, ",\"idleSeconds\":"), idle_milliseconds(pair, now_));
    at = put_number(put(at, ",\"epoch\":"), flow.epoch);
    buffer.end_at(put(at, "}"));
}

}  // namespace biplane
