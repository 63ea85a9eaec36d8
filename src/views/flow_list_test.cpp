#include "views/flow_list.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <set>

#include "datapath/flows/flow_table.hpp"
#include "views/flow_json.hpp"

namespace biplane {
namespace {

TableNames some_names() {
    Numbering numbering;
    numbering.ports = {{"workload/shop/web", 1}, {"fabric/eth\"1\\", 2}};  // an interface may be called so
    numbering.zones = {{"red", 3},
                       {"bl\xff"
                        "e",
                        4}};
    numbering.next_hops = {{"workload/shop/web", 4}, {"node/node-b", 5}};
    return TableNames(numbering);
}

double seconds_since(uint32_t then, uint32_t now) {
    const int32_t ticks = static_cast<int32_t>(now - then);
    return std::round(std::max(ticks, 0) * static_cast<double>(1u << tick_shift) / 1e6) / 1000;
}

// The fields of docs/api.md, in their order.
Json document_of(const FlowPair& pair, const TableNames& names, uint32_t now) {
    const FlowEntry& flow = pair.forward;
    const FlowEntry& reply = pair.reverse;
    return {{"network", names.network(flow.zone)},
            {"zone", flow.zone},
            {"vni", pair.forward_detail.vni},
            {"plane", flow.mode & flow_mode_user_plane ? "user" : "kernel"},
            {"protocol", protocol_name(flow.protocol)},
            {"source", to_string(flow.source)},
            {"sourcePort", flow.source_port.to_host()},
            {"destination", to_string(flow.destination)},
            {"destinationPort", flow.destination_port.to_host()},
            {"state", to_string(state_of(flow.mode))},
            {"packets", uint64_t{pair.forward_detail.packets_high} << 32 | flow.packets},
            {"bytes", flow.bytes},
            {"replyPackets", uint64_t{pair.reverse_detail.packets_high} << 32 | reply.packets},
            {"replyBytes", reply.bytes},
            {"nextHop", names.next_hop(flow.next_hop)},
            {"replyNextHop", names.next_hop(reply.next_hop)},
            {"ingressPort", names.port_name(pair.forward_detail.ingress_port)},
            {"ageSeconds", seconds_since(pair.forward_detail.created, now)},
            {"idleSeconds", std::min(seconds_since(flow.last_seen, now), seconds_since(reply.last_seen, now))},
            {"epoch", flow.epoch}};
}

// Small numbers and large ones are equally likely.
template <typename T>
T any_number() {
    const auto bits = *rc::gen::inRange(0, static_cast<int>(8 * sizeof(T)) + 1);
    const auto number = *rc::gen::arbitrary<uint64_t>();
    return static_cast<T>(bits == 0 ? 0 : number >> (64 - bits));
}

FlowPair any_pair() {
    FlowPair pair{};
    const bool is_v4 = *rc::gen::arbitrary<bool>();
    const auto any_address = [&] {
        return is_v4 ? address_from_ipv4(be32{any_number<uint32_t>()}) : Address{{any_number<uint64_t>(), any_number<uint64_t>()}};
    };
    pair.forward.source = pair.reverse.destination = any_address();
    pair.forward.destination = pair.reverse.source = any_address();
    pair.forward.source_port = pair.reverse.destination_port = be16{any_number<uint16_t>()};
    pair.forward.destination_port = pair.reverse.source_port = be16{any_number<uint16_t>()};
    pair.forward.zone = pair.reverse.zone = *rc::gen::element<uint16_t>(3, 4, any_number<uint16_t>());
    pair.forward.protocol = pair.reverse.protocol = *rc::gen::element<uint8_t>(1, 6, 17, 58, any_number<uint8_t>());
    pair.forward.mode = static_cast<uint8_t>(any_number<uint8_t>() & ~flow_mode_reverse);
    pair.reverse.mode = pair.forward.mode | flow_mode_reverse;
    for (FlowEntry* entry : {&pair.forward, &pair.reverse}) {
        entry->bytes = any_number<uint64_t>();
        entry->packets = any_number<uint32_t>();
        entry->last_seen = any_number<uint32_t>();
        entry->next_hop = *rc::gen::element<uint16_t>(4, 5, any_number<uint16_t>());
        entry->epoch = any_number<uint32_t>();
    }
    for (FlowDetail* detail : {&pair.forward_detail, &pair.reverse_detail}) {
        detail->packets_high = any_number<uint32_t>();
        detail->created = any_number<uint32_t>();
        detail->vni = any_number<uint32_t>();
        detail->ingress_port = *rc::gen::element<uint16_t>(1, 2, any_number<uint16_t>());
    }
    return pair;
}

RC_GTEST_PROP(FlowJson, is_the_text_of_the_same_document, ()) {
    const TableNames names = some_names();
    const FlowPair pair = any_pair();
    const uint32_t now = any_number<uint32_t>();
    TextBuffer buffer;
    FlowJson(names, now).add(pair, buffer);
    RC_ASSERT(std::string(buffer.text()) == document_of(pair, names, now).dump(-1, ' ', false, Json::error_handler_t::replace));
}

class FlowLists : public testing::Test {
   protected:
    SharedTables tables_ = *SharedTables::in_memory({.flow_buckets = 4096, .route_buckets = 16, .counter_slots = 2}, 7);
    TableNames names_ = some_names();
    FlowFilter filter_;
    static constexpr uint32_t now_ = 1000;

    FlowSelection selection() const { return {tables_, names_, filter_, now_}; }
    // Pairs that differ in their source port.
    uint32_t make_flows(uint16_t first_port, uint16_t count) {
        uint32_t entry = no_flow;
        for (uint16_t port = first_port; port < first_port + count; ++port) {
            NewFlow flow{};
            flow.key = {*parse_address("fd00:a::10"),
                        *parse_address("fd00:a::11"),
                        be16::from_host(port),
                        be16::from_host(53),
                        3,
                        protocol::udp,
                        0};
            flow.now = now_;
            EXPECT_EQ(make_pair(tables_, flow), FlowCreation::created);
            entry = flow.entry;
        }
        return entry;
    }
    std::string written() const {
        std::string text;
        EXPECT_TRUE(write_flows_json(selection(), [&](std::string_view piece) -> Status {
            text += piece;
            return {};
        }));
        return text;
    }
};

TEST_F(FlowLists, without_a_flow_are_an_empty_array) {
    EXPECT_EQ(written(), "[]\n");
    EXPECT_EQ(flows_json(selection(), 10), "[]\n");
}

TEST_F(FlowLists, written_by_several_threads_hold_every_pair_once_in_the_order_of_the_table) {
    make_flows(1000, 8000);
    const std::string text = written();
    const Json list = Json::parse(text);
    std::set<int> ports;
    for (const Json& flow : list) ports.insert(flow["sourcePort"].get<int>());
    EXPECT_EQ(list.size(), 8000u);
    EXPECT_EQ(ports.size(), 8000u);
    EXPECT_EQ(*ports.begin(), 1000);
    EXPECT_EQ(flows_json(selection(), 8000), text);
}

TEST_F(FlowLists, end_at_the_limit) {
    make_flows(1000, 100);
    EXPECT_EQ(Json::parse(flows_json(selection(), 7)).size(), 7u);
    EXPECT_EQ(flows_json(selection(), 0), "[]\n");
}

TEST_F(FlowLists, hold_what_the_filter_lets_through) {
    make_flows(1000, 100);
    filter_.port = 1042;
    const Json list = Json::parse(written());
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0]["sourcePort"], 1042);
}

TEST_F(FlowLists, leave_out_a_pair_that_lost_one_direction) {
    *signature_of(tables_, tables_.flow_detail(make_flows(1000, 1))->other) = signature_free;
    EXPECT_EQ(written(), "[]\n");
}

TEST_F(FlowLists, leave_out_a_pair_that_has_expired) {
    const uint32_t number = make_flows(1000, 2);
    const uint32_t before = now_ - tables_.config()->timeouts.udp_single - 1;
    tables_.flow(number)->last_seen = before;
    EXPECT_EQ(Json::parse(written()).size(), 2u) << "one direction is still in use";
    tables_.flow(tables_.flow_detail(number)->other)->last_seen = before;
    EXPECT_EQ(Json::parse(written()).size(), 1u);
}

TEST_F(FlowLists, end_with_the_first_failure_to_write) {
    make_flows(1000, 8000);
    int pieces = 0;
    const auto written = write_flows_json(selection(), [&](std::string_view) -> Status {
        ++pieces;
        return failure("the disk is full");
    });
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().message, "the disk is full");
    EXPECT_EQ(pieces, 1);
}

}  // namespace
}  // namespace biplane
