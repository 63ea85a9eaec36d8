// trace: what the live datapath would do with a packet.
#include <fmt/format.h>

#include <iostream>

#include "cli/live_tables.hpp"
#include "cli/names.hpp"
#include "cli/trace_packet.hpp"
#include "cli/trace_report.hpp"
#include "cli/trace_run.hpp"
#include "datapath/wire/headers.hpp"
#include "host/ground.hpp"
#include "views/flow_view.hpp"

namespace biplane {
namespace {

struct TraceOptions {
    std::string from, from_node, network, source, to, protocol = "icmp", output;
    uint16_t source_port = 40000, destination_port = 0;
    uint8_t ttl = 64;
};

// Where the packet begins: a workload's port, or a fabric port with another node behind it.
struct Origin {
    uint16_t port = no_port;
    std::string network;
    Address source{};
    const Node* node = nullptr;  // the other node, if it comes from one
};

Result<Address> choose_source(const TraceOptions& options, const std::vector<Address>& candidates, const Address& destination) {
    if (!options.source.empty()) {
        const auto source = parse_address(options.source);
        if (!source) return failure("--source: " + source.error().message, usage_error);
        if (!same_family(*source, destination)) return failure("--source and --to are of different families", usage_error);
        return *source;
    }
    for (const Address& address : candidates)
        if (same_family(address, destination)) return address;
    return failure("the sender has no address of the family of --to: give --source", usage_error);
}

uint16_t fabric_towards(const LiveTables& live, const Node& node) {
    const uint32_t epoch = live.tables.config()->epoch;
    const auto number = live.numbering.next_hops.find("node/" + node.name);
    const NextHop* hop = number == live.numbering.next_hops.end() ? nullptr : live.tables.next_hop(epoch, number->second);
    return hop == nullptr ? no_port : hop->port;
}

Result<Origin> origin_at_node(const LiveTables& live, const DesiredState& desired, const std::string& name, Origin origin) {
    const auto node = desired.nodes.find(name);
    if (node == desired.nodes.end()) return failure(fmt::format("there is no Node {}", name));
    origin.node = &node->second;
    origin.port = fabric_towards(live, node->second);
    if (origin.port == no_port) return failure(fmt::format("no fabric port of this node leads to Node {}", name));
    return origin;
}

Result<Origin> find_origin(const LiveTables& live, const DesiredState& desired, const TraceOptions& options,
                           const Address& destination) {
    Origin origin;
    origin.network = options.network;
    if (options.from.empty()) {
        if (options.from_node.empty() || options.network.empty() || options.source.empty())
            return failure("give --from [NAMESPACE/]NAME, or --from-node NODE with --network and --source", usage_error);
        const auto source = choose_source(options, {}, destination);
        if (!source) return tl::unexpected(source.error());
        origin.source = *source;
        return origin_at_node(live, desired, options.from_node, origin);
    }
    const auto workload = find_workload(desired, options.from);
    if (!workload) return workload.error().within("--from");
    const auto source = choose_source(options, (*workload)->addresses, destination);
    if (!source) return tl::unexpected(source.error());
    origin.network = (*workload)->network;
    origin.source = *source;
    const std::string node = options.from_node.empty() ? (*workload)->node : options.from_node;
    if (node != live.config.node) return origin_at_node(live, desired, node, origin);
    const auto port = live.numbering.ports.find("workload/" + (*workload)->key());
    if (port != live.numbering.ports.end()) origin.port = port->second;
    const bool is_there = origin.port != no_port && live.tables.port(live.tables.config()->epoch, origin.port)->ifindex != 0;
    if (!is_there)
        return failure(fmt::format("Workload {} has no port: it is not attached (biplane workloads says why)", (*workload)->key()));
    return origin;
}

Result<TraceTunnel> tunnel_from(const LiveTables& live, const DesiredState& desired, const Origin& origin) {
    const uint32_t epoch = live.tables.config()->epoch;
    const Port& port = *live.tables.port(epoch, origin.port);
    const auto network = desired.networks.find(origin.network);
    if (network == desired.networks.end()) return failure(fmt::format("there is no VirtualNetwork {}", origin.network));
    const NextHop& back = *live.tables.next_hop(epoch, live.numbering.next_hops.at("node/" + origin.node->name));
    return TraceTunnel{.source_mac = back.destination_mac,
                       .destination_mac = port.router_mac,
                       .source = back.tunnel_destination,
                       .destination = back.tunnel_source,
                       .vni = network->second.vni};
}

Result<TracePacket> packet_of(const TraceOptions& options, const Origin& origin, const Address& destination, const Port& port) {
    auto number = parse_protocol(options.protocol);
    if (!number) return failure("--proto: " + number.error().message, usage_error);
    if (*number == protocol::icmp && !is_ipv4(destination)) *number = protocol::icmpv6;
    return TracePacket{.source_mac = port.peer_mac,
                       .destination_mac = port.router_mac,
                       .source = origin.source,
                       .destination = destination,
                       .protocol = *number,
                       .source_port = options.source_port,
                       .destination_port = options.destination_port,
                       .ttl = options.ttl};
}

Result<Exit> trace(const Context& context, const TraceOptions& options) {
    const auto destination = parse_address(options.to);
    if (!destination) return failure("--to: " + destination.error().message, usage_error);
    const auto live = open_live_tables(context, SharedTables::Access::write);
    if (!live) return tl::unexpected(live.error());
    const auto documents = read_documents(live->config.store_directory);
    if (!documents) return tl::unexpected(documents.error());
    if (!*documents) return failure("there are no documents in " + live->config.store_directory + " (was biplaned ever started?)");
    const DesiredState* desired = &(*documents)->state;
    const auto origin = find_origin(*live, *desired, options, *destination);
    if (!origin) return tl::unexpected(origin.error());
    const Port& port = *live->tables.port(live->tables.config()->epoch, origin->port);
    const auto packet = packet_of(options, *origin, *destination, port);
    if (!packet) return tl::unexpected(packet.error());
    std::vector<uint8_t> frame = build_frame(*packet);
    if (origin->node != nullptr) {
        const auto tunnel = tunnel_from(*live, *desired, *origin);
        if (!tunnel) return tl::unexpected(tunnel.error());
        frame = encapsulate(*tunnel, frame);
    }
    const auto hooks = read_pinned_hooks(live->config.pin_directory);
    const auto hook = hooks.find(port.ifindex);
    const std::string hook_name = hook == hooks.end() ? "none" : hook->second;

    const auto lock = ProcessLock::wait_for(live->config.run_directory + "/trace.lock");  // one nonce, one record
    if (!lock) return tl::unexpected(lock.error());
    const auto run = run_trace(live->tables, live->config.pin_directory, origin->port, hook_name, frame);
    if (!run) return tl::unexpected(run.error());
    const Json report = report_trace(*live, *run, *packet, hook_name);
    std::cout << (options.output == "json" ? to_text(report) : to_lines(report));
    return Exit::done;
}

}  // namespace

std::vector<Command> add_trace_command(CLI::App& app, const Context& context) {
    const auto options = std::make_shared<TraceOptions>();
    CLI::App* command = app.add_subcommand("trace", "what the live datapath would do with a packet; changes nothing");
    command->add_option("--from", options->from,
                        "sender: a workload, [NAMESPACE/]NAME; one on another node comes in through the fabric");
    command->add_option("--from-node", options->from_node, "the node that the packet comes in from (with --network and --source)");
    command->add_option("--network", options->network, "with --from-node: the virtual network");
    command->add_option("--source", options->source, "source address (default: the sender's)");
    command->add_option("--to", options->to, "destination address")->required();
    command->add_option("--proto", options->protocol, "tcp (a SYN), udp, icmp (an echo request) or a number")
        ->capture_default_str();
    command->add_option("--sport", options->source_port, "source port; of an echo request: its identifier")->capture_default_str();
    command->add_option("--dport", options->destination_port, "destination port");
    command->add_option("--ttl", options->ttl, "TTL or hop limit")->capture_default_str();
    add_output_option(*command, options->output, {"json"});
    return {{command, [=, &context] { return trace(context, *options); }}};
}

}  // namespace biplane
