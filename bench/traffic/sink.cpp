// Attaches the sink's programs to an interface and answers each line on standard input with its counters as JSON. Ends with the input.
#include <arpa/inet.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <vector>

#include "traffic/frame.hpp"
#include "traffic/object.hpp"

using namespace biplane::traffic;

namespace {

constexpr uint32_t tunnel_bytes = 50;
constexpr uint32_t ethernet_bytes = 14;

void plan_sink(const std::string& destination, bool vxlan, uint32_t bytes, SinkPlan& plan) {
    const bool ipv6 = destination.find(':') != std::string::npos;
    uint8_t address[16] = {};
    if (inet_pton(ipv6 ? AF_INET6 : AF_INET, destination.c_str(), address) != 1) stop("not an address: " + destination);
    plan.network = ethernet_bytes + (vxlan ? tunnel_bytes : 0);
    std::memcpy(&plan.destination, address + (ipv6 ? 12 : 0), 4);
    plan.bytes = bytes + (vxlan ? tunnel_bytes : 0);
    plan.is_ipv4 = !ipv6;
}

SinkCounters sum_of(int map) {
    std::vector<SinkCounters> rows(static_cast<size_t>(libbpf_num_possible_cpus()));
    const uint32_t zero = 0;
    if (bpf_map_lookup_elem(map, &zero, rows.data())) stop("cannot read the counters", errno);
    SinkCounters sum{};
    for (const auto& row : rows) {
        sum.frames += row.frames;
        sum.bytes += row.bytes;
        sum.bad += row.bad;
        sum.other += row.other;
        sum.last_ns = std::max(sum.last_ns, row.last_ns);
    }
    return sum;
}

}  // namespace

int main(int argc, char** argv) {
    std::string interface, destination, at = "both";
    bool vxlan = false;
    uint32_t bytes = 64;
    CLI::App app{"Counts and drops the generator's frames"};
    app.add_option("--interface", interface)->required();
    app.add_option("--destination", destination, "the (inner) address they are for")->required();
    app.add_option("--at", at, "xdp, tcx or both")->check(CLI::IsMember({"xdp", "tcx", "both"}));
    app.add_option("--bytes", bytes, "of the (inner) frame");
    app.add_flag("--vxlan", vxlan, "frames arrive encapsulated");
    CLI11_PARSE(app, argc, argv);

    const Object object("sink.bpf.o");
    plan_sink(destination, vxlan, bytes, object.data<SinkPlan>());
    const uint32_t ifindex = interface_index(interface);
    if (at != "tcx") object.attach_xdp("count_xdp", ifindex);
    if (at != "xdp") object.attach_tcx("count_tcx", ifindex);
    std::cout << "ready" << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        const SinkCounters sum = sum_of(object.map("sink_counters"));
        std::cout << "{\"frames\": " << sum.frames << ", \"bytes\": " << sum.bytes << ", \"bad\": " << sum.bad
                  << ", \"other\": " << sum.other << ", \"last_ns\": " << sum.last_ns << "}" << std::endl;
    }
    return 0;
}
