#include <gtest/gtest.h>

#include <filesystem>

#include "datapath/flows/flow_table.hpp"
#include "views/document_json.hpp"
#include "views/flow_json.hpp"
#include "views/metrics.hpp"
#include "views/port_view.hpp"
#include "views/status_view.hpp"
#include "views/table_names.hpp"

namespace biplane {
namespace {

Address address(const char* text) { return *parse_address(text); }

Numbering some_numbers() {
    Numbering numbering;
    numbering.ports = {{"workload/shop/web", 1}, {"fabric/eth1", 2}};
    numbering.zones = {{"red", 3}};
    numbering.next_hops = {{"workload/shop/web", 4}, {"node/node-b", 5}};
    return numbering;
}

class Views : public testing::Test {
   protected:
    SharedTables tables_ = *SharedTables::in_memory({.flow_buckets = 64, .route_buckets = 16, .counter_slots = 3}, 7);
    TableNames names_{some_numbers()};
    uint32_t now_ = 1000;

    uint32_t make_flow(const char* source, uint16_t source_port, const char* destination, uint16_t destination_port,
                       uint8_t protocol_number, uint8_t mode) {
        NewFlow flow{};
        flow.key = {address(source),
                    address(destination),
                    be16::from_host(source_port),
                    be16::from_host(destination_port),
                    3,
                    protocol_number,
                    0};
        flow.now = now_;
        flow.epoch = 2;
        flow.vni = 100;
        flow.next_hop = 5;
        flow.source_hop = 4;
        flow.ingress_port = 1;
        flow.mode = mode;
        EXPECT_EQ(make_pair(tables_, flow), FlowCreation::created);
        return flow.entry;
    }
    std::vector<FlowPair> pairs(FlowTotals* totals = nullptr) {
        std::vector<FlowPair> found;
        const FlowTotals counted = walk_flows(tables_, now_, [&](const FlowPair& pair) { found.push_back(pair); });
        if (totals != nullptr) *totals = counted;
        return found;
    }
};

constexpr uint8_t opening = static_cast<uint8_t>(FlowState::opening);

TEST_F(Views, a_pair_is_listed_once_with_both_directions) {
    const uint32_t number = make_flow("10.0.0.10", 40000, "10.0.0.11", 80, protocol::tcp, opening);
    tables_.flow(number)->packets = 7;
    tables_.flow(number)->bytes = 700;
    tables_.flow_detail(number)->packets_high = 1;
    tables_.flow(tables_.flow_detail(number)->other)->packets = 5;
    FlowTotals totals;
    const auto found = pairs(&totals);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(totals.pairs, 1u);
    EXPECT_EQ(totals.half_pairs, 0u);
    EXPECT_EQ(totals.capacity, 64u * 8 / 2);
    TextBuffer buffer;
    FlowJson(names_, now_ + 1000).add(found[0], buffer);
    const Json json = Json::parse(buffer.text());
    EXPECT_EQ(json["network"], "red");
    EXPECT_EQ(json["vni"], 100);
    EXPECT_EQ(json["plane"], "kernel");
    EXPECT_EQ(json["protocol"], "tcp");
    EXPECT_EQ(json["source"], "10.0.0.10");
    EXPECT_EQ(json["sourcePort"], 40000);
    EXPECT_EQ(json["destination"], "10.0.0.11");
    EXPECT_EQ(json["destinationPort"], 80);
    EXPECT_EQ(json["state"], "opening");
    EXPECT_EQ(json["packets"], (uint64_t{1} << 32) + 7);
    EXPECT_EQ(json["bytes"], 700);
    EXPECT_EQ(json["replyPackets"], 5);
    EXPECT_EQ(json["nextHop"], "node/node-b");
    EXPECT_EQ(json["replyNextHop"], "workload/shop/web");
    EXPECT_EQ(json["ingressPort"], "shop/web");
    EXPECT_NEAR(json["ageSeconds"].get<double>(), 1.048, 0.002);  // 1000 ticks of 2^20 ns
    EXPECT_EQ(json["epoch"], 2);
}

TEST_F(Views, an_expired_pair_is_not_listed) {
    make_flow("10.0.0.10", 40000, "10.0.0.11", 53, protocol::udp, opening);
    now_ += tables_.config()->timeouts.udp_single + 1;
    EXPECT_TRUE(pairs().empty());
}

TEST_F(Views, a_flow_that_lost_one_direction_is_counted_as_a_half) {
    const uint32_t number = make_flow("10.0.0.10", 40000, "10.0.0.11", 53, protocol::udp, opening);
    *signature_of(tables_, tables_.flow_detail(number)->other) = signature_free;
    FlowTotals totals;
    EXPECT_TRUE(pairs(&totals).empty());
    EXPECT_EQ(totals.half_pairs, 1u);
}

TEST_F(Views, filters_select_by_every_part_of_a_flow) {
    make_flow("10.0.0.10", 40000, "10.0.0.11", 80, protocol::tcp, opening);
    make_flow("fd00:a::10", 5353, "fd00:a::11", 53, protocol::udp, opening | flow_mode_user_plane);
    const auto count = [&](const FlowFilter& filter) {
        int matching = 0;
        for (const FlowPair& pair : pairs()) matching += matches(filter, pair.forward, names_);
        return matching;
    };
    EXPECT_EQ(count({}), 2);
    EXPECT_EQ(count({.network = "red"}), 2);
    EXPECT_EQ(count({.network = "blue"}), 0);
    EXPECT_EQ(count({.plane = Plane::user}), 1);
    EXPECT_EQ(count({.plane = Plane::kernel}), 1);
    EXPECT_EQ(count({.protocol = protocol::tcp}), 1);
    EXPECT_EQ(count({.source = parse_prefix("10.0.0.0/24").value()}), 1);
    EXPECT_EQ(count({.source = parse_prefix("10.0.0.11").value()}), 0);
    EXPECT_EQ(count({.destination = parse_prefix("fd00:a::11").value()}), 1);
    EXPECT_EQ(count({.port = 53}), 1);
    EXPECT_EQ(count({.port = 40000}), 1);
    EXPECT_EQ(count({.protocol = protocol::tcp, .port = 53}), 0);
}

TEST_F(Views, counters_of_all_processors_and_both_planes_add_up) {
    tables_.port(0, 1)->ifindex = 1;  // lo
    tables_.port(0, 1)->kind = PortKind::workload;
    tables_.port(0, 1)->zone = 3;
    const auto no_route = static_cast<uint32_t>(DropReason::no_route);
    tables_.counters(0, 1)->received = 10;
    tables_.counters(1, 1)->received = 5;
    tables_.counters(1, 1)->drops[no_route] = 2;
    tables_.counters(tables_.user_plane_slot(), 1)->received = 3;
    tables_.counters(tables_.user_plane_slot(), 1)->drops[no_route] = 1;
    const auto ports = read_ports(tables_);
    ASSERT_EQ(ports.size(), 1u);
    const Json json = ports_to_json(ports, names_, {{1, "tcx"}})[0];
    EXPECT_EQ(json["name"], "shop/web");
    EXPECT_EQ(json["kind"], "workload");
    EXPECT_EQ(json["network"], "red");
    EXPECT_EQ(json["hook"], "tcx");
    EXPECT_EQ(json["received"], 18);
    EXPECT_EQ(json["dropped"], 3);
    EXPECT_EQ(json["drops"]["no-route"], 3);
    EXPECT_EQ(json["kernel"]["received"], 15);
    EXPECT_EQ(json["user"]["received"], 3);
    const Json drops = drops_to_json(ports, names_, false);
    ASSERT_EQ(drops.size(), 2u);
    EXPECT_EQ(drops[0]["reason"], "no-route");
    EXPECT_EQ(drops[0]["plane"], "kernel");
    EXPECT_EQ(drops[0]["count"], 2);
    EXPECT_EQ(drops[1]["plane"], "user");
    EXPECT_EQ(drops_to_json(ports, names_, true).size(), 2u * (drop_reasons - 1));
}

TEST_F(Views, the_last_rule_is_the_one_that_denied_last_on_any_processor) {
    tables_.port(0, 1)->ifindex = 1;
    const auto denied = static_cast<uint32_t>(DropReason::policy_rule_denied);
    const auto last_rule_after = [&](uint32_t tick_of_first, uint32_t tick_of_second) {
        for (const uint32_t slot : {0u, 1u}) tables_.counters(slot, 1)->drops[denied] = 1;
        tables_.counters(0, 1)->last_denial[2] = uint64_t{tick_of_first} << 32 | 1;
        tables_.counters(1, 1)->last_denial[2] = uint64_t{tick_of_second} << 32 | 2;
        return drops_to_json(read_ports(tables_), names_, false)[0]["lastRule"];
    };
    EXPECT_EQ(last_rule_after(101, 100), names_.rule(rule_of(1)));
    EXPECT_EQ(last_rule_after(100, 101), names_.rule(rule_of(2)));
    EXPECT_EQ(last_rule_after(3, 0xfffffff0), names_.rule(rule_of(1))) << "ticks wrap";
    EXPECT_NE(names_.rule(rule_of(1)), names_.rule(rule_of(2)));
}

TEST_F(Views, a_former_port_that_has_counted_is_still_shown) {
    tables_.counters(0, 9)->received = 1;
    const auto ports = read_ports(tables_);
    ASSERT_EQ(ports.size(), 1u);
    EXPECT_EQ(ports_to_json(ports, names_, {})[0]["name"], "#9");
    EXPECT_EQ(ports_to_json(ports, names_, {})[0]["hook"], "none");
}

TEST(Hooks, are_read_from_the_marks_in_the_pin_directory) {
    const std::string directory = std::filesystem::temp_directory_path() / ("biplane-pins-" + std::to_string(getpid()));
    for (const char* name : {"bp_ports", "tcx-workload_5", "xdp-punt_3", "clsact-fabric_12", "prog_tcx"})
        std::filesystem::create_directories(directory + "/" + name);
    EXPECT_EQ(read_pinned_hooks(directory), (HooksByInterface{{3, "xdp"}, {5, "tcx"}, {12, "clsact"}}));
    std::filesystem::remove_all(directory);
    EXPECT_TRUE(read_pinned_hooks(directory).empty());
}

TEST_F(Views, routes_say_where_they_come_from) {
    DesiredState desired;
    desired.networks["red"] = {.name = "red", .vni = 100, .subnets = {*parse_prefix("10.0.0.0/24")}};
    desired.workloads["shop/web"] = {.name = "web", .space = "shop", .network = "red", .addresses = {address("10.0.0.10")}};
    RouteEntry* entries = tables_.route_bucket(0, 3)->entries;
    entries[0] = {.prefix = address("10.0.0.10"), .zone = 3, .next_hop = 4, .length = 128};
    entries[1] = {.prefix = address("10.0.0.0"), .zone = 3, .next_hop = 9, .length = 120};
    const Json json = routes_to_json(tables_, names_, &desired);
    ASSERT_EQ(json.size(), 2u);
    EXPECT_EQ(json[0]["destination"], "10.0.0.0/24");
    EXPECT_EQ(json[0]["origin"], "subnet");
    EXPECT_EQ(json[0]["nextHop"], "#9");
    EXPECT_EQ(json[1]["destination"], "10.0.0.10/32");
    EXPECT_EQ(json[1]["origin"], "workload/shop/web");
    EXPECT_EQ(json[1]["nextHop"], "workload/shop/web");
}

TEST_F(Views, status_warns_without_an_agent_and_errs_without_a_needed_user_plane) {
    NodeConfig config;
    config.node = "node-a";
    Json json = status_to_json(config, tables_, nullptr, {.running = true});
    EXPECT_EQ(json["level"], "OK");
    EXPECT_EQ(json["userPlane"]["alive"], false);
    json = status_to_json(config, tables_, nullptr, {});
    EXPECT_EQ(json["level"], "WARN");
    EXPECT_EQ(json["agent"]["running"], false);
    tables_.zone(0, 3)->vni = 100;
    tables_.zone(0, 3)->plane = Plane::user;
    EXPECT_EQ(status_to_json(config, tables_, nullptr, {.running = true})["level"], "ERR");
    tables_.user_plane()->heartbeat = current_tick();
    tables_.user_plane()->pid = 42;
    json = status_to_json(config, tables_, nullptr, {.running = true});
    EXPECT_EQ(json["level"], "OK");
    EXPECT_EQ(json["userPlane"]["pid"], 42);
}

TEST_F(Views, metrics_have_a_type_for_every_family_and_no_line_twice) {
    tables_.port(0, 1)->ifindex = 1;
    tables_.counters(0, 1)->received = 10;
    make_flow("10.0.0.10", 40000, "10.0.0.11", 80, protocol::tcp, opening);
    std::istringstream lines(metrics_text(tables_, names_));
    std::set<std::string> families, samples;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# TYPE ")) families.insert(line.substr(7, line.find(' ', 7) - 7));
        if (line.starts_with("#")) continue;
        EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << line;
        EXPECT_TRUE(families.contains(line.substr(0, line.find_first_of("{ ")))) << line;
    }
    EXPECT_TRUE(samples.contains("biplane_port_packets_total{port=\"shop/web\",plane=\"kernel\",direction=\"received\"}"));
    EXPECT_TRUE(samples.contains("biplane_drops_total{reason=\"no-route\",plane=\"user\"}"));
}

TEST(Names, a_protocol_is_a_name_or_a_number) {
    EXPECT_EQ(parse_protocol("tcp").value(), 6);
    EXPECT_EQ(parse_protocol("132").value(), 132);
    EXPECT_EQ(protocol_name(132), "132");
    EXPECT_FALSE(parse_protocol("256"));
    EXPECT_FALSE(parse_protocol(""));
    EXPECT_FALSE(parse_protocol("tcpx"));
}

TEST(Names, a_kind_may_be_written_as_people_write_it) {
    EXPECT_EQ(parse_kind("workloads"), "Workload");
    EXPECT_EQ(parse_kind("VirtualNetwork"), "VirtualNetwork");
    EXPECT_EQ(parse_kind("networks"), "VirtualNetwork");
    EXPECT_EQ(parse_kind("Route"), "Route");
    EXPECT_EQ(parse_kind("pod"), std::nullopt);
}

TEST(Names, a_number_is_called_by_its_owner) {
    EXPECT_EQ(TableNames(some_numbers()).port(2), "fabric/eth1");
    EXPECT_EQ(TableNames(some_numbers()).port(7), "#7");
}

TEST(Documents, a_document_has_the_same_keys_in_json_as_in_yaml) {
    auto documents = parse_documents(
        "apiVersion: biplane.dev/v1alpha1\nkind: Workload\nmetadata: { name: web, namespace: shop, labels: { app: web } }\n"
        "spec: { network: red, node: node-a, addresses: [10.0.0.10], netns: web }\n",
        "test.yaml");
    ASSERT_TRUE(documents) << documents.error().message;
    const Json json = to_json(documents->at(0));
    EXPECT_EQ(json["apiVersion"], "biplane.dev/v1alpha1");
    EXPECT_EQ(json["kind"], "Workload");
    EXPECT_EQ(json["metadata"]["namespace"], "shop");
    EXPECT_EQ(json["metadata"]["labels"]["app"], "web");
    EXPECT_EQ(json["spec"]["addresses"][0], "10.0.0.10");
    EXPECT_EQ(json["spec"]["interface"], "eth0");
}

}  // namespace
}  // namespace biplane
