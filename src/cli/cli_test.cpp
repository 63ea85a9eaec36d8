#include <gtest/gtest.h>

#include <sstream>

#include "base/addresses.hpp"
#include "cli/table.hpp"
#include "cli/trace_packet.hpp"
#include "datapath/pipeline.hpp"
#include "datapath/wire/headers.hpp"
#include "planes/user_trace.hpp"

namespace biplane {
namespace {

const std::vector<Column> columns = {{"NAME", "name"}, {"COUNT", "count", false, true}, {"MORE", "more", true}};

std::string table_of(const Json& rows, bool wide = false) {
    std::ostringstream out;
    print_table(out, columns, wide, rows);
    return out.str();
}

TEST(Table, columns_are_as_wide_as_their_widest_cell_and_numbers_stand_right) {
    EXPECT_EQ(table_of({{{"name", "web"}, {"count", 5}}, {{"name", "database"}, {"count", 12345}}}),
              "NAME      COUNT\n"
              "web           5\n"
              "database  12345\n");
}

TEST(Table, wide_columns_appear_on_request) {
    EXPECT_EQ(table_of({{{"name", "web"}, {"count", 5}, {"more", {"a", "b"}}}}, true),
              "NAME  COUNT  MORE\n"
              "web       5  a,b\n");
}

TEST(Table, without_rows_there_are_the_titles) { EXPECT_EQ(table_of(Json::array()), "NAME  COUNT\n"); }

TEST(Table, what_is_not_there_is_a_dash) {
    EXPECT_EQ(cell_text(nullptr), "-");
    EXPECT_EQ(cell_text(""), "-");
    EXPECT_EQ(cell_text(Json::array()), "-");
    EXPECT_EQ(cell_text(true), "yes");
    EXPECT_EQ(cell_text(1.26), "1.3");
}

// --- the packet of a trace, judged by the pipeline itself ---

Address address(const char* text) { return *parse_address(text); }
constexpr MacAddress workload_mac{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress router_mac{{2, 0, 0, 0, 0, 2}};
constexpr MacAddress fabric_mac{{2, 0, 0, 0, 0, 3}};

// A node with one workload (port 1, 10.0.0.10 and fd00:a::10) and a fabric port (2) towards 192.0.2.2, where 10.0.0.11 and
// fd00:a::11 live.
class TraceFrame : public testing::Test {
   protected:
    void SetUp() override {
        tables_.config()->gateway_ipv4 = default_gateway_ipv4;
        *tables_.port(0, 1) = {.ifindex = 11,
                               .zone = 1,
                               .kind = PortKind::workload,
                               .next_hop = 1,
                               .mtu = 1450,
                               .router_mac = router_mac,
                               .peer_mac = workload_mac};
        *tables_.port(0, 2) = {
            .ifindex = 12, .kind = PortKind::fabric, .mtu = 1500, .router_mac = fabric_mac, .underlay_ipv4 = address("192.0.2.1")};
        for (const uint16_t port : {1, 2})
            *tables_.port_index(0, port_index_home(tables_.port(0, port)->ifindex)) = {tables_.port(0, port)->ifindex, port, 0};
        *tables_.zone(0, 1) = {.vni = 100, .plane = Plane::kernel, .ipv4_lengths = 1, .ipv6_lengths = 1, .lengths = {128, 128}};
        *tables_.vni_index(0, vni_index_home(100)) = {100, 1, 0};
        *tables_.node(0, node_home(address("192.0.2.2"))) = {.address = address("192.0.2.2"), .next_hop = 2};
        *tables_.next_hop(0, 1) = {.kind = NextHopKind::deliver,
                                   .port = 1,
                                   .ifindex = 11,
                                   .destination_mac = workload_mac,
                                   .source_mac = router_mac,
                                   .mtu = 1450};
        *tables_.next_hop(0, 2) = {.kind = NextHopKind::encapsulate,
                                   .port = 2,
                                   .ifindex = 12,
                                   .destination_mac = router_mac,
                                   .source_mac = fabric_mac,
                                   .mtu = 1450,
                                   .tunnel_source = address("192.0.2.1"),
                                   .tunnel_destination = address("192.0.2.2")};
        add_route("10.0.0.10", 1), add_route("fd00:a::10", 1), add_route("10.0.0.11", 2), add_route("fd00:a::11", 2);
        tables_.config()->trace_nonce = 1;
    }
    void add_route(const char* destination, uint16_t next_hop) {
        const BucketPlace place =
            place_route(1, 128, address(destination), tables_.config()->hash_secret, tables_.config()->route_bucket_mask);
        for (RouteEntry& entry : tables_.route_bucket(0, place.first_bucket)->entries) {
            if (entry.zone != 0) continue;
            entry = {.prefix = address(destination), .zone = 1, .next_hop = next_hop, .length = 128};
            return;
        }
        FAIL() << "no room for a route";
    }
    static TracePacket packet(const char* source, const char* destination, uint8_t protocol_number) {
        return {.source_mac = workload_mac,
                .destination_mac = router_mac,
                .source = address(source),
                .destination = address(destination),
                .protocol = protocol_number,
                .source_port = 40000,
                .destination_port = 80};
    }

    SharedTables tables_ = *SharedTables::in_memory({.flow_buckets = 64, .route_buckets = 64, .counter_slots = 2}, 3);
};

TEST_F(TraceFrame, of_every_protocol_passes_all_checks_of_the_pipeline) {
    for (const uint8_t number : {protocol::tcp, protocol::udp, protocol::icmp, protocol::sctp}) {
        const TraceRecord record = trace_in_user_plane(tables_, 1, build_frame(packet("10.0.0.10", "10.0.0.11", number)));
        EXPECT_EQ(record.verdict, Verdict::forward) << int{number} << ": " << drop_reason_table[record.detail].name;
        EXPECT_EQ(record.key.protocol, number);
        EXPECT_EQ(record.next_hop, 2);
    }
    for (const uint8_t number : {protocol::tcp, protocol::udp, protocol::icmpv6}) {
        const TraceRecord record = trace_in_user_plane(tables_, 1, build_frame(packet("fd00:a::10", "fd00:a::11", number)));
        EXPECT_EQ(record.verdict, Verdict::forward) << int{number} << ": " << drop_reason_table[record.detail].name;
    }
}

TEST_F(TraceFrame, from_another_node_is_taken_out_of_its_tunnel) {
    const TraceTunnel tunnel{router_mac, fabric_mac, address("192.0.2.2"), address("192.0.2.1"), 100};
    const TraceRecord record =
        trace_in_user_plane(tables_, 2, encapsulate(tunnel, build_frame(packet("10.0.0.11", "10.0.0.10", protocol::tcp))));
    EXPECT_EQ(record.verdict, Verdict::deliver) << drop_reason_table[record.detail].name;
    EXPECT_EQ(record.next_hop, 1);
    EXPECT_EQ(record.zone, 1);
    EXPECT_EQ(record.inner_offset, 14 + tunnel_ipv4_bytes);
}

TEST_F(TraceFrame, with_a_foreign_source_is_dropped_and_the_record_says_why) {
    const TraceRecord record = trace_in_user_plane(tables_, 1, build_frame(packet("10.0.0.11", "10.0.0.10", protocol::udp)));
    EXPECT_EQ(record.verdict, Verdict::drop);
    EXPECT_STREQ(drop_reason_table[record.detail].name, "source-address-spoofed");
}

// RFC 1071, section 1: summing up everything with its checksum gives minus zero.
TEST_F(TraceFrame, has_right_checksums) {
    const auto frame = build_frame(packet("10.0.0.10", "10.0.0.11", protocol::udp));
    ASSERT_EQ(frame.size(), 14u + 20 + 8 + 20);
    const auto sum_of_words = [&](size_t from, size_t to, uint32_t sum) {
        for (size_t i = from; i < to; i += 2) sum += frame[i] << 8 | frame[i + 1];
        while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
        return sum;
    };
    EXPECT_EQ(sum_of_words(14, 34, 0), 0xffffu);
    EXPECT_EQ(sum_of_words(26, frame.size(), 17 + (frame.size() - 34)), 0xffffu);  // pseudo header: protocol and length added
}

}  // namespace
}  // namespace biplane
