#include "views/metrics.hpp"

#include <fmt/format.h>

#include <iterator>

#include "datapath/atomics.hpp"
#include "views/event_view.hpp"
#include "views/flow_audit.hpp"
#include "views/flow_view.hpp"
#include "views/port_view.hpp"
#include "views/status_view.hpp"

namespace biplane {
namespace {

class MetricsText {
   public:
    void family(const char* name, const char* type, const char* help) {
        name_ = name;
        fmt::format_to(std::back_inserter(text_), "# HELP biplane_{0} {2}\n# TYPE biplane_{0} {1}\n", name, type, help);
    }
    // `labels` as they stand between the braces; the names in them need no escaping (control/documents/names.hpp).
    template <typename Number>
    void sample(const std::string& labels, Number value) {
        const std::string braced = labels.empty() ? "" : "{" + labels + "}";
        fmt::format_to(std::back_inserter(text_), "biplane_{}{} {}\n", name_, braced, value);
    }
    std::string take() { return std::move(text_); }

   private:
    std::string text_;
    const char* name_ = "";
};

const PortCounters& counters_of(const PortReading& port, Plane plane) { return plane == Plane::kernel ? port.kernel : port.user; }

template <typename Visit>
void for_each_plane(const std::vector<PortReading>& ports, const TableNames& names, Visit visit) {
    for (const PortReading& port : ports)
        for (const Plane plane : {Plane::kernel, Plane::user})
            visit(counters_of(port, plane),
                  fmt::format("port=\"{}\",plane=\"{}\"", names.port_name(port.number), to_string(plane)));
}

void put_ports(MetricsText& out, const std::vector<PortReading>& ports, const TableNames& names) {
    out.family("port_packets_total", "counter", "Frames on the wire by port, plane and direction.");
    for_each_plane(ports, names, [&](const PortCounters& c, const std::string& labels) {
        out.sample(labels + ",direction=\"received\"", c.received);
        out.sample(labels + ",direction=\"transmitted\"", c.transmitted);
    });
    out.family("port_bytes_total", "counter", "Bytes of Ethernet frames by port, plane and direction.");
    for_each_plane(ports, names, [&](const PortCounters& c, const std::string& labels) {
        out.sample(labels + ",direction=\"received\"", c.received_bytes);
        out.sample(labels + ",direction=\"transmitted\"", c.transmitted_bytes);
    });
    out.family("verdicts_total", "counter", "What became of received frames that were not dropped.");
    for_each_plane(ports, names, [&](const PortCounters& c, const std::string& labels) {
        out.sample(labels + ",verdict=\"forward\"", c.forwarded);
        out.sample(labels + ",verdict=\"deliver\"", c.delivered);
        out.sample(labels + ",verdict=\"punt\"", c.punted);
    });
    out.family("answers_total", "counter", "Replies made by the router itself; they are forwarded frames too.");
    for_each_plane(ports, names, [&](const PortCounters& c, const std::string& labels) { out.sample(labels, c.answered); });
}

PortCounters total_of(const std::vector<PortReading>& ports, Plane plane) {
    PortCounters total{};
    for (const PortReading& port : ports) total = sum(total, counters_of(port, plane));
    return total;
}

void put_totals(MetricsText& out, const std::vector<PortReading>& ports) {
    const PortCounters kernel = total_of(ports, Plane::kernel);
    const PortCounters user = total_of(ports, Plane::user);
    out.family("drops_total", "counter", "Dropped frames by reason (biplane drops explains them) and plane.");
    for (uint32_t reason = 1; reason < drop_reasons; ++reason) {
        out.sample(fmt::format("reason=\"{}\",plane=\"kernel\"", drop_reason_table[reason].name), kernel.drops[reason]);
        out.sample(fmt::format("reason=\"{}\",plane=\"user\"", drop_reason_table[reason].name), user.drops[reason]);
    }
    out.family("upcalls_total", "counter", "Packets that waited for a decision of user space: always 0.");
    out.sample("plane=\"kernel\"", kernel.upcalls);
    out.sample("plane=\"user\"", user.upcalls);
    out.family("flows_created_total", "counter", "Pairs of flow entries made.");
    out.sample("plane=\"kernel\"", kernel.flows_created);
    out.sample("plane=\"user\"", user.flows_created);
}

void put_flows(MetricsText& out, const SharedTables& tables, const TableNames& names, uint32_t now) {
    std::map<std::pair<std::string, Plane>, uint64_t> active;
    const FlowTotals totals = walk_flows(tables, now, [&](const FlowPair& pair) {
        const Plane plane = pair.forward.mode & flow_mode_user_plane ? Plane::user : Plane::kernel;
        ++active[{names.network(pair.forward.zone), plane}];
    });
    out.family("flows_active", "gauge", "Pairs in the flow table that have not expired.");
    for (const auto& [key, count] : active)
        out.sample(fmt::format("network=\"{}\",plane=\"{}\"", key.first, to_string(key.second)), count);
    out.family("flows_half", "gauge", "Flow entries that have lost their other direction: always 0.");
    out.sample("", totals.half_pairs);
    out.family("flows_capacity", "gauge", "Pairs the flow table has room for.");
    out.sample("", totals.capacity);
}

void put_events(MetricsText& out, const SharedTables& tables) {
    const EventTotals totals = event_totals(tables);
    out.family("policy_events_total", "counter", "Events written by rules with log.");
    out.sample("", totals.written);
    out.family("policy_events_suppressed_total", "counter", "Events beyond the rate limit: counted, not written.");
    out.sample("", totals.suppressed);
}

// The most that documents and the sharing of the table allow: of a network what is guaranteed and what it may borrow.
void put_shares(MetricsText& out, const SharedTables& tables, const TableNames& names) {
    const uint32_t epoch = load(tables.config()->epoch);
    out.family("flows_owned", "gauge", "Pairs that count to a port or a network, expired ones that nobody has found yet included.");
    for (uint32_t owner = 1; owner < flow_owners_max; ++owner) {
        const FlowShare& share = *tables.flow_share(owner);
        const int64_t flows = int64_t{load(share.own)} + load(share.borrowed);
        if (flows > 0) out.sample(fmt::format("owner=\"{}\"", owner_name(owner, names)), flows);
    }
    out.family("flows_limit", "gauge", "Pairs that it may have at most.");
    for (uint32_t owner = 1; owner < flow_owners_max; ++owner) {
        const FlowLimit& limit = *tables.flow_limit(epoch, owner);
        if (limit.own != 0) out.sample(fmt::format("owner=\"{}\"", owner_name(owner, names)), int64_t{limit.own} + limit.borrowed);
    }
}

void put_user_plane(MetricsText& out, const SharedTables& tables, uint32_t now) {
    const UserPlaneReading reading = read_user_plane(tables, now);
    out.family("user_plane_up", "gauge", "1 if the user plane is alive.");
    out.sample("", reading.alive ? 1 : 0);
    out.family("user_plane_heartbeat_age_seconds", "gauge", "Since the user plane's last sign of life.");
    out.sample("", reading.heartbeat_age_ms / 1000);
    out.family("user_plane_receive_lost_total", "counter", "Frames the kernel could not put into a receive ring.");
    out.sample("", reading.status.rx_lost);
    out.family("user_plane_transmit_full_total", "counter", "Frames that found a transmit ring full.");
    out.sample("", reading.status.tx_full);
    out.family("user_plane_frames_free", "gauge", "Free frames of the packet memory.");
    out.sample("", reading.status.frames_free);
}

}  // namespace

std::string metrics_text(const SharedTables& tables, const TableNames& names) {
    const uint32_t now = current_tick();
    const std::vector<PortReading> ports = read_ports(tables);
    MetricsText out;
    out.family("build_info", "gauge", "1; the version is in the label.");
    out.sample("version=\"" BIPLANE_VERSION "\"", 1);
    out.family("policy_epoch", "gauge", "Number of the policy generation in force.");
    out.sample("", load(tables.config()->epoch));
    out.family("table_bytes", "gauge", "Memory of the shared tables.");
    out.sample("", SharedTables::bytes_of(tables.sizes()));
    put_ports(out, ports, names);
    put_totals(out, ports);
    put_flows(out, tables, names, now);
    put_events(out, tables);
    put_shares(out, tables, names);
    put_user_plane(out, tables, now);
    return out.take();
}

}  // namespace biplane
