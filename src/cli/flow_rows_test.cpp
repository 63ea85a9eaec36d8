#include "cli/flow_rows.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "cli/table.hpp"

namespace biplane {
namespace {

constexpr uint32_t now = 100000;

TableNames some_names() {
    Numbering numbering;
    numbering.ports = {{"workload/shop/web", 1}};
    numbering.zones = {{"red", 3}};
    numbering.next_hops = {{"workload/shop/web", 4}, {"node/a-node-with-a-long-name", 5}};
    return TableNames(numbering);
}

FlowPair pair_of(const char* source, const char* destination, uint8_t protocol_number, uint64_t bytes) {
    FlowPair pair{};
    pair.forward.source = parse_address(source).value();
    pair.forward.destination = parse_address(destination).value();
    pair.forward.source_port = be16::from_host(40000);
    pair.forward.destination_port = be16::from_host(80);
    pair.forward.zone = 3;
    pair.forward.protocol = protocol_number;
    pair.forward.mode = static_cast<uint8_t>(FlowState::established);
    pair.forward.bytes = bytes;
    pair.forward.packets = 12;
    pair.forward.last_seen = pair.reverse.last_seen = now - 2000;  // 2.097 s
    pair.forward.next_hop = 5;
    pair.forward.epoch = 2;
    pair.reverse.next_hop = 4;
    pair.forward_detail.created = now - 10000;  // 10.486 s
    pair.forward_detail.vni = 100;
    pair.forward_detail.ingress_port = 1;
    return pair;
}

std::string text_of(FlowRows& rows, const std::vector<FlowPair>& pairs) {
    TextBuffer buffer;
    rows.add_titles(buffer);
    for (const FlowPair& pair : pairs) rows.add(pair, buffer);
    return std::string(buffer.text());
}

TEST(FlowRows, without_a_flow_are_the_titles) {
    const TableNames names = some_names();
    FlowRows rows(names, now, false);
    EXPECT_EQ(
        text_of(rows, {}),
        "NETWORK  ZONE  PLANE  PROTO  SOURCE  DESTINATION  STATE  PACKETS  BYTES  REPLIES  REPLY-BYTES  NEXT-HOP  REPLY-NEXT-HOP  "
        "IDLE-S\n");
}

TEST(FlowRows, lie_under_their_titles_as_in_every_other_table) {
    const TableNames names = some_names();
    FlowRows rows(names, now, true);
    const std::vector<FlowPair> pairs = {
        pair_of("10.0.0.10", "10.0.0.11", protocol::tcp, 1234567), pair_of("fd00:a::10", "fd00:a::11", protocol::udp, 1),
        pair_of("fd00:a::10", "fd00:a::11", protocol::icmpv6, 0), pair_of("10.0.0.10", "10.0.0.11", protocol::icmp, 99)};
    for (const FlowPair& pair : pairs) rows.make_room_for(pair);
    const std::vector<std::pair<const char*, const char*>> ends = {{"10.0.0.10:40000", "10.0.0.11:80"},
                                                                   {"[fd00:a::10]:40000", "[fd00:a::11]:80"},
                                                                   {"fd00:a::10", "fd00:a::11"},
                                                                   {"10.0.0.10", "10.0.0.11"}};
    Json documents = Json::array();
    for (size_t i = 0; i < pairs.size(); ++i)
        documents.push_back({{"protocol", protocol_name(pairs[i].forward.protocol)},
                             {"from", ends[i].first},
                             {"to", ends[i].second},
                             {"bytes", pairs[i].forward.bytes},
                             {"network", "red"},
                             {"zone", 3},
                             {"plane", "kernel"},
                             {"state", "established"},
                             {"packets", 12},
                             {"zero", 0},
                             {"nextHop", "node/a-node-with-a-long-name"},
                             {"replyNextHop", "workload/shop/web"},
                             {"idle", 2.097},
                             {"age", 10.486},
                             {"vni", 100},
                             {"ingress", "shop/web"},
                             {"epoch", 2}});
    std::ostringstream wanted;
    print_table(wanted,
                {{"NETWORK", "network"},
                 {"ZONE", "zone", false, true},
                 {"PLANE", "plane"},
                 {"PROTO", "protocol"},
                 {"SOURCE", "from"},
                 {"DESTINATION", "to"},
                 {"STATE", "state"},
                 {"PACKETS", "packets", false, true},
                 {"BYTES", "bytes", false, true},
                 {"REPLIES", "zero", false, true},
                 {"REPLY-BYTES", "zero", false, true},
                 {"NEXT-HOP", "nextHop"},
                 {"REPLY-NEXT-HOP", "replyNextHop"},
                 {"IDLE-S", "idle", false, true},
                 {"AGE-S", "age", false, true},
                 {"VNI", "vni", false, true},
                 {"INGRESS", "ingress"},
                 {"EPOCH", "epoch", false, true}},
                true, documents);
    EXPECT_EQ(text_of(rows, pairs), wanted.str());
}

TEST(FlowRows, a_wider_value_pushes_the_rest_of_its_line_out) {
    const TableNames names = some_names();
    FlowRows rows(names, now, false);
    const std::string text = text_of(rows, {pair_of("10.0.0.10", "10.0.0.11", protocol::tcp, 18446744073709551615u)});
    EXPECT_EQ(text.substr(text.find('\n') + 1),
              "red         3  kernel  tcp    10.0.0.10:40000  10.0.0.11:80  established       12  18446744073709551615        0    "
              "        0  "
              "node/a-node-with-a-long-name  workload/shop/web     2.1\n");
}

}  // namespace
}  // namespace biplane
