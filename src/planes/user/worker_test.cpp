// The worker between sockets of the test's own and the real pipeline on tables in memory: two workloads of one network, ports 1 and
// 2, addresses 10.0.0.1 and 10.0.0.2.
#include "planes/user/worker.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <map>

#include "datapath/wire/checksum.hpp"
#include "planes/user/umem.hpp"

namespace biplane {
namespace {

constexpr uint16_t zone = 1;
constexpr uint32_t first_ifindex = 11;  // of port 1; port 2 is the next
constexpr uint32_t headroom = 256;

constexpr MacAddress router_mac(uint8_t port) { return {{2, 0, 0, 0, 1, port}}; }
constexpr MacAddress workload_mac(uint8_t port) { return {{2, 0, 0, 0, 2, port}}; }
constexpr be32 workload_address(uint8_t port) { return be32::from_host(0x0a000000u + port); }

struct Sent {
    uint32_t ifindex;
    Packet packet;
};

class FakeSockets : public PacketSockets {
   public:
    uint32_t receive(std::span<Packet> packets) override {
        uint32_t count = 0;
        while (count < packets.size() && !incoming.empty()) {
            packets[count++] = incoming.front();
            incoming.pop_front();
        }
        return count;
    }
    uint8_t* frame(uint32_t number) override { return memory[number].data(); }
    bool transmit(uint32_t ifindex, const Packet& packet) override {
        if (is_full) return false;
        sent.push_back({ifindex, packet});
        return true;
    }
    void release(const Packet& packet) override { released.push_back(packet.frame); }
    void flush() override { ++flushes; }

    // A frame as it lies in the UMEM after the kernel plane punted it.
    uint8_t* arrive(uint32_t length) {
        const uint32_t number = static_cast<uint32_t>(memory.size());
        memory[number].resize(chunk_bytes);
        incoming.push_back({number, headroom, length});
        return memory[number].data() + headroom;
    }

    std::map<uint32_t, std::vector<uint8_t>> memory;
    std::deque<Packet> incoming;
    std::vector<Sent> sent;
    std::vector<uint32_t> released;
    int flushes = 0;
    bool is_full = false;
};

class WorkerTest : public testing::Test {
   protected:
    WorkerTest() {
        tables_.zone(0, zone)->vni = 100;
        tables_.zone(0, zone)->plane = Plane::user;
        tables_.zone(0, zone)->ipv4_lengths = 1;
        tables_.zone(0, zone)->lengths[0] = 128;
        add_port(1);
        add_port(2);
    }

    void add_port(uint8_t number) {
        const uint32_t ifindex = first_ifindex + number - 1;
        *tables_.port(0, number) = {.ifindex = ifindex,
                                    .zone = zone,
                                    .kind = PortKind::workload,
                                    .next_hop = number,
                                    .mtu = 1450,
                                    .router_mac = router_mac(number),
                                    .peer_mac = workload_mac(number)};
        *tables_.port_index(0, port_index_home(ifindex)) = {ifindex, number, 0};
        *tables_.next_hop(0, number) = {.kind = NextHopKind::deliver,
                                        .port = number,
                                        .ifindex = ifindex,
                                        .destination_mac = workload_mac(number),
                                        .source_mac = router_mac(number),
                                        .mtu = 1450};
        const Address address = address_from_ipv4(workload_address(number));
        const Config& config = *tables_.config();
        const BucketPlace place = place_route(zone, 128, address, config.hash_secret, config.route_bucket_mask);
        RouteEntry* entry = tables_.route_bucket(0, place.first_bucket)->entries;
        while (entry->zone != 0) ++entry;
        *entry = {.prefix = address, .zone = zone, .next_hop = number, .length = 128};
    }

    // An empty UDP datagram from workload 1 to `destination`, tagged as punted from port 1.
    void punt_datagram(be32 destination = workload_address(2), uint8_t ttl = 64, PuntTag tag = {1, 0, punt_magic, no_flow, 0}) {
        constexpr uint32_t length = sizeof(EthernetHeader) + sizeof(Ipv4Header) + sizeof(UdpHeader);
        uint8_t* frame = sockets_.arrive(length);
        std::memcpy(frame, &tag, sizeof tag);
        reinterpret_cast<EthernetHeader*>(frame)->ethertype = ethertype_ipv4;
        auto& ip = *reinterpret_cast<Ipv4Header*>(frame + sizeof(EthernetHeader));
        ip = {.version_and_length = 0x45,
              .total_length = be16::from_host(length - sizeof(EthernetHeader)),
              .ttl = ttl,
              .protocol = protocol::udp,
              .source = workload_address(1),
              .destination = destination};
        ip.checksum = checksum_of(sum_of<sizeof ip>(&ip));
        *reinterpret_cast<UdpHeader*>(frame + sizeof(EthernetHeader) + sizeof ip) = {
            be16::from_host(4000), be16::from_host(53), be16::from_host(sizeof(UdpHeader)), {}};
    }

    const EthernetHeader& ethernet_of(const Sent& sent) {
        return *reinterpret_cast<const EthernetHeader*>(sockets_.frame(sent.packet.frame) + sent.packet.offset);
    }
    // RFC 1071, byte by byte: 0xffff if the checksum in there is right.
    uint32_t sum_behind(const Sent& sent, uint32_t offset) {
        const uint8_t* frame = sockets_.frame(sent.packet.frame) + sent.packet.offset;
        uint32_t sum = 0;
        for (uint32_t i = offset; i < sent.packet.length; ++i) sum += (i - offset) % 2 == 0 ? frame[i] << 8 : frame[i];
        while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
        return sum;
    }
    uint64_t drops(uint16_t port, DropReason reason) { return tables_.counters(port)->drops[static_cast<uint32_t>(reason)]; }
    // D12, at the user plane's part of a port.
    void expect_all_accounted_for(uint16_t port) {
        const PortCounters& c = *tables_.counters(port);
        uint64_t dropped = 0;
        for (const uint64_t count : c.drops) dropped += count;
        EXPECT_EQ(c.received, c.forwarded + c.delivered + c.punted + dropped);
    }

    SharedTables tables_ = SharedTables::in_memory({.flow_buckets = 64, .route_buckets = 64, .counter_slots = 2}, 1).value();
    FakeSockets sockets_;
    Worker worker_{tables_, sockets_};
};

TEST_F(WorkerTest, TheFirstPacketOfAFlowIsDeliveredThroughTheDestinationsPort) {
    punt_datagram();
    EXPECT_EQ(worker_.run_batch(1000), 1u);
    ASSERT_EQ(sockets_.sent.size(), 1u);
    EXPECT_EQ(sockets_.sent[0].ifindex, first_ifindex + 1);
    EXPECT_EQ(ethernet_of(sockets_.sent[0]).destination, workload_mac(2));
    EXPECT_EQ(ethernet_of(sockets_.sent[0]).source, router_mac(2));
    EXPECT_EQ(tables_.counters(1)->delivered, 1u);
    EXPECT_EQ(tables_.counters(1)->flows_created, 1u);
    EXPECT_EQ(tables_.counters(2)->transmitted, 1u);
    EXPECT_EQ(sockets_.flushes, 1);
    expect_all_accounted_for(1);
}

TEST_F(WorkerTest, ADroppedPacketGivesItsFrameBack) {
    punt_datagram(workload_address(99));
    worker_.run_batch(1000);
    EXPECT_TRUE(sockets_.sent.empty());
    EXPECT_EQ(sockets_.released, std::vector<uint32_t>{0});
    EXPECT_EQ(drops(1, DropReason::no_route), 1u);
    expect_all_accounted_for(1);
}

TEST_F(WorkerTest, AnAnswerOfTheRouterLeavesThroughTheIngressPort) {
    punt_datagram(workload_address(2), 1);
    worker_.run_batch(1000);
    ASSERT_EQ(sockets_.sent.size(), 1u);
    EXPECT_EQ(sockets_.sent[0].ifindex, first_ifindex);
    EXPECT_EQ(drops(1, DropReason::ttl_expired), 1u);
    EXPECT_EQ(tables_.counters(1)->answered, 1u);
    EXPECT_EQ(tables_.counters(1)->transmitted, 1u);
    EXPECT_EQ(sum_behind(sockets_.sent[0], sizeof(EthernetHeader) + sizeof(Ipv4Header)), 0xffff) << "the ICMP checksum";
    expect_all_accounted_for(1);
}

TEST_F(WorkerTest, APacketThatFindsTheEgressQueueFullIsCountedAsThatAndNotAsDelivered) {
    sockets_.is_full = true;
    punt_datagram();
    worker_.run_batch(1000);
    EXPECT_EQ(sockets_.released, std::vector<uint32_t>{0});
    EXPECT_EQ(drops(1, DropReason::egress_queue_full), 1u);
    EXPECT_EQ(tables_.counters(1)->delivered, 0u);
    EXPECT_EQ(tables_.counters(2)->transmitted, 0u);
    EXPECT_EQ(tables_.counters(2)->transmitted_bytes, 0u);
    EXPECT_EQ(worker_.egress_full(), 1u);
    expect_all_accounted_for(1);
}

TEST_F(WorkerTest, AnAnswerThatFindsTheEgressQueueFullLeavesTheReasonOfItsPacket) {
    sockets_.is_full = true;
    punt_datagram(workload_address(2), 1);
    worker_.run_batch(1000);
    EXPECT_EQ(drops(1, DropReason::ttl_expired), 1u);
    EXPECT_EQ(drops(1, DropReason::egress_queue_full), 0u);
    EXPECT_EQ(tables_.counters(1)->answered, 0u);
    EXPECT_EQ(tables_.counters(1)->transmitted, 0u);
    EXPECT_EQ(tables_.counters(1)->transmitted_bytes, 0u);
    expect_all_accounted_for(1);
}

TEST_F(WorkerTest, APacketWhosePortHasGoneSinceItWasPuntedIsCountedThere) {
    *tables_.port(0, 1) = {};
    punt_datagram();
    worker_.run_batch(1000);
    EXPECT_TRUE(sockets_.sent.empty());
    EXPECT_EQ(sockets_.released.size(), 1u);
    EXPECT_EQ(drops(1, DropReason::port_unconfigured), 1u);
    expect_all_accounted_for(1);
}

TEST_F(WorkerTest, AFrameThatNobodyPuntedIsIgnored) {
    punt_datagram(workload_address(2), 64, {1, 0, 0, no_flow, 0});
    worker_.run_batch(1000);
    EXPECT_EQ(worker_.untagged(), 1u);
    EXPECT_EQ(sockets_.released.size(), 1u);
    EXPECT_EQ(tables_.counters(1)->received, 0u);
}

TEST_F(WorkerTest, AnEntryInTheTagThatIsNotThePacketsFlowMisleadsNobody) {
    const uint32_t entries = tables_.flow_entries();
    for (const uint32_t flow : {uint32_t{0}, entries - 1, entries, no_flow - 1})
        punt_datagram(workload_address(2), 64, {1, 0, punt_magic, flow, 0});
    EXPECT_EQ(worker_.run_batch(1000), 4u);
    EXPECT_EQ(sockets_.sent.size(), 4u);
    EXPECT_EQ(tables_.counters(1)->delivered, 4u);
    EXPECT_EQ(tables_.counters(1)->flows_created, 1u);
    expect_all_accounted_for(1);
}

TEST_F(WorkerTest, ABatchIsBoundedAndNothingIsLostBetweenBatches) {
    for (int i = 0; i < 600; ++i) punt_datagram();
    uint32_t handled = 0, laps = 0;
    while (const uint32_t count = worker_.run_batch(1000)) {
        EXPECT_LE(count, 256u);
        handled += count;
        ++laps;
    }
    EXPECT_EQ(handled, 600u);
    EXPECT_EQ(laps, 3u);
    EXPECT_EQ(sockets_.sent.size() + sockets_.released.size(), 600u);
    EXPECT_EQ(tables_.counters(1)->delivered, 600u);
    EXPECT_EQ(tables_.counters(1)->flows_created, 1u);
}

}  // namespace
}  // namespace biplane
