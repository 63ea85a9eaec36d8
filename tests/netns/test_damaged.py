"""Damaged and hostile frames: each is counted at the port it came in through under its own drop reason, and nothing crashes."""
import random
import socket
import time

import pytest
from injector import Injector, ipv4, ipv6
from scapy.all import (ARP, ICMP, IP, TCP, UDP, Ether, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, IPv6ExtHdrFragment, IPv6ExtHdrRouting, Raw)
from tenants import PLANE, WEB, Tenants, VNI

RANDOM_FRAMES = 3000


@pytest.fixture(scope="module")
def tenants(make_lab):
    return Tenants(make_lab())


@pytest.fixture(scope="module", params=PLANE)
def injector(request, tenants):
    injector = Injector(tenants, request.param)
    yield injector
    injector.socket.close()


def cut(packet, size):
    return Raw(bytes(packet)[:size])


# Drop reason -> frames that earn it, as functions of the injector.
DAMAGED = {
    "ethertype-unsupported": [lambda i: i.ether(type=0x88CC) / Raw(bytes(60)), lambda i: i.ether(type=0x8100) / Raw(bytes(60))],
    "source-mac-spoofed": [lambda i: i.ether(src="02:00:00:00:00:99") / ipv4() / UDP()],
    "destination-mac-foreign": [lambda i: i.ether(dst="02:00:00:00:00:99") / ipv4() / UDP()],
    "arp-invalid": [lambda i: i.ether(dst="ff:ff:ff:ff:ff:ff", type=0x0806) / Raw(bytes.fromhex("0006080006040001") + bytes(20))],
    "arp-spoofed": [lambda i: i.ether(dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=i.mac, psrc="10.0.0.10", pdst="10.0.0.20"),
                    lambda i: i.ether(dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc="02:00:00:00:00:99", psrc="10.0.0.11", pdst="10.0.0.20")],
    "nd-invalid": [lambda i: i.ether() / ipv6(dst="fd00:a::10", hlim=64) / ICMPv6ND_NS(tgt="fd00:a::10")],
    "nd-spoofed": [lambda i: i.ether() / ipv6(src="fd00:a::10", dst="fd00:a::20", hlim=255) / ICMPv6ND_NS(tgt="fd00:a::20")],
    "nd-unsolicited": [lambda i: i.ether() / ipv6(hlim=255) / ICMPv6ND_NA(tgt="fd00:a::11"),
                       lambda i: i.ether() / ipv6(hlim=255) / ICMPv6ND_RA()],
    "ipv4-header-invalid": [lambda i: i.ether() / ipv4(version=5) / UDP(), lambda i: i.ether() / ipv4(ihl=4) / UDP(),
                            lambda i: i.ether() / ipv4(len=2000) / UDP()],
    "ipv4-checksum-invalid": [lambda i: i.ether() / ipv4(chksum=0x1234) / UDP()],
    "ipv4-source-route": [lambda i: i.ether() / ipv4(options=[b"\x83\x07\x04\x0a\x00\x00\x14", b"\x00"]) / UDP()],
    "ipv6-header-invalid": [lambda i: i.ether() / ipv6(version=4) / UDP(), lambda i: i.ether() / ipv6(plen=2000) / UDP()],
    "ipv6-routing-header": [lambda i: i.ether() / ipv6() / IPv6ExtHdrRouting(type=0, addresses=["fd00:a::20"]) / UDP()],
    "martian-address": [lambda i: i.ether() / ipv4(src="127.0.0.1") / UDP(), lambda i: i.ether() / ipv4(dst="127.0.0.1") / UDP(),
                        lambda i: i.ether() / ipv6(dst="::1") / UDP()],
    "multicast-unsupported": [lambda i: i.ether(dst="01:00:5e:00:00:fb") / ipv4(dst="224.0.0.251") / UDP(),
                              lambda i: i.ether(dst="ff:ff:ff:ff:ff:ff") / ipv4(dst="255.255.255.255") / UDP()],
    "source-is-destination": [lambda i: i.ether() / ipv4(dst="10.0.0.11") / UDP()],
    "fragment-tiny": [lambda i: i.ether() / ipv4(flags="MF", proto=6) / Raw(bytes(8)),
                      lambda i: i.ether() / ipv4(frag=1, proto=6) / Raw(bytes(40))],
    "fragment-invalid": [lambda i: i.ether() / ipv4(flags="MF") / UDP(len=100) / Raw(bytes(9)),
                         lambda i: i.ether() / ipv4(frag=8191, proto=17) / Raw(bytes(8))],
    "fragment-first-missing": [lambda i: i.ether() / ipv4(frag=3, proto=17) / Raw(bytes(8)),
                               lambda i: i.ether() / ipv6() / IPv6ExtHdrFragment(offset=3, nh=17) / Raw(bytes(8))],
    "transport-truncated": [lambda i: i.ether() / ipv4(proto=6) / Raw(bytes(10)), lambda i: i.ether() / ipv6(nh=17) / Raw(bytes(4))],
    "tcp-header-invalid": [lambda i: i.ether() / ipv4() / TCP(dataofs=4, flags="S")],
    "tcp-flags-illegal": [lambda i: i.ether() / ipv4() / TCP(flags=""), lambda i: i.ether() / ipv4() / TCP(flags="SF"),
                          lambda i: i.ether() / ipv6() / TCP(flags="SR")],
    "udp-length-invalid": [lambda i: i.ether() / ipv4() / UDP(len=4) / Raw(bytes(8)), lambda i: i.ether() / ipv4() / UDP(len=999)],
    "icmp-redirect": [lambda i: i.ether() / ipv4() / ICMP(type=5, code=1, gw="10.0.0.20") / cut(ipv4() / UDP(), 28)],
    "icmp-unrelated": [lambda i: i.ether() / ipv4() / ICMP(type=3, code=3) / cut(ipv4(src="10.0.0.10", dst="10.0.0.11") / UDP(), 28)],
    "source-address-spoofed": [lambda i: i.ether() / ipv4(src="10.0.0.20") / UDP(), lambda i: i.ether() / ipv6(src="fd00:a::99") / UDP()],
    "tcp-no-flow": [lambda i: i.ether() / ipv4() / TCP(sport=1, dport=2, flags="A"), lambda i: i.ether() / ipv6() / TCP(flags="R")],
    "dhcp-spoofed": [lambda i: i.ether() / ipv4() / UDP(sport=67, dport=68) / Raw(bytes(240)),
                     lambda i: i.ether() / ipv6() / UDP(sport=547, dport=546) / Raw(bytes(40))],
    "no-route": [lambda i: i.ether() / ipv4(dst="10.9.9.9") / UDP(), lambda i: i.ether() / ipv6(dst="fd00:ffff::1") / UDP()],
    "ttl-expired": [lambda i: i.ether() / ipv4(ttl=1) / UDP(), lambda i: i.ether() / ipv6(hlim=1) / UDP()],
    "frame-truncated": [lambda i: i.ether(type=0x0800) / cut(ipv4(), 12), lambda i: i.ether(type=0x86DD) / cut(ipv6(), 30)],
}


@pytest.mark.parametrize("reason, number", [(reason, n) for reason, frames in DAMAGED.items() for n in range(len(frames))])
def test_a_damaged_frame_is_counted_under_its_reason(injector, reason, number):
    before = injector.port()["drops"].get(reason, 0)
    injector.send(DAMAGED[reason][number](injector))
    assert injector.is_counted(reason, 1, before), f"counted: {injector.port()['drops']}"


def test_a_workload_cannot_speak_the_tunnel(injector):
    """VXLAN from a workload is just UDP of that workload: it reaches who it is sent to in its own network, as UDP."""
    inner = Ether() / ipv4(src="10.0.0.20") / UDP()
    vxlan = bytes([8, 0, 0, 0]) + (VNI["blue"] << 8).to_bytes(4, "big")
    before = injector.port()["drops"].get("no-route", 0)
    injector.send(injector.ether() / ipv4(dst="192.0.2.2") / UDP(dport=4789) / Raw(vxlan + bytes(inner)))
    time.sleep(0.1)
    assert injector.port()["drops"]["no-route"] == before + 1


@pytest.mark.parametrize("name, reason, frame", [
    ("an unknown node", "tunnel-unknown-node", lambda vxlan, inner: IP(src="192.0.2.77", dst="192.0.2.1") / UDP(dport=4789) / vxlan(100) / inner),
    ("an unknown VNI", "tunnel-unknown-vni", lambda vxlan, inner: IP(src="192.0.2.2", dst="192.0.2.1") / UDP(dport=4789) / vxlan(999) / inner),
    ("no VNI flag", "tunnel-invalid", lambda vxlan, inner: IP(src="192.0.2.2", dst="192.0.2.1") / UDP(dport=4789) / vxlan(100, flags=0) / inner),
    ("a source that lives elsewhere", "tunnel-source-mismatch",
     lambda vxlan, inner: IP(src="192.0.2.2", dst="192.0.2.1") / UDP(dport=4789) / vxlan(100) / (Ether() / ipv4() / UDP())),
])
def test_tunnel_packets_that_must_not_come_in(tenants, name, reason, frame):
    sender, receiver = tenants.lab.nodes["node-b"], tenants.lab.nodes["node-a"]
    mac = {node.name: node.ip("-o", "link", "show", "fabric0").split("link/ether ")[1].split()[0] for node in (sender, receiver)}
    inner = Ether() / IP(src="10.0.0.20", dst="10.0.0.10") / UDP()

    def vxlan(vni, flags=8):
        return Raw(bytes([flags, 0, 0, 0]) + (vni << 8).to_bytes(4, "big"))

    before = receiver.port("fabric0")["drops"].get(reason, 0)
    with sender.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("fabric0", 0))
        wire.send(bytes(Ether(src=mac["node-b"], dst=mac["node-a"]) / frame(vxlan, inner)))
    time.sleep(0.1)
    assert receiver.port("fabric0")["drops"].get(reason, 0) == before + 1, receiver.port("fabric0")["drops"]


def damaged_copy(generator, frame):
    """The frame with some bytes changed, perhaps cut off, perhaps longer."""
    data = bytearray(frame)
    for _ in range(generator.randint(1, 6)):
        data[generator.randrange(12, len(data))] = generator.randrange(256)
    if generator.random() < 0.3:
        data = data[:generator.randint(14, len(data))]
    return bytes(data) + generator.randbytes(generator.randint(0, 40))


def test_random_damage_crashes_nothing(tenants, injector):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    generator = random.Random(seed)
    good = [bytes(injector.ether() / packet) for packet in (
        ipv4() / UDP() / Raw(bytes(40)), ipv4() / TCP(flags="S"), ipv4() / ICMP(), ipv6() / UDP() / Raw(bytes(40)),
        ipv6() / TCP(flags="S"), ipv6() / IPv6ExtHdrFragment() / UDP() / Raw(bytes(40)),
        ARP(hwsrc=injector.mac, psrc="10.0.0.11", pdst="10.0.0.10"), ipv4(options=[b"\x07\x0b\x04" + bytes(9)]) / UDP())]
    before = injector.port()["kernel"]["received"]
    for _ in range(RANDOM_FRAMES):
        injector.send(damaged_copy(generator, generator.choice(good)))
    time.sleep(0.3)
    assert injector.port()["kernel"]["received"] - before >= RANDOM_FRAMES * 0.9
    node = tenants.lab.nodes["node-a"]
    assert node.agent.poll() is None and node.user_plane.poll() is None, f"seed {seed}"
    for tenant in PLANE:
        assert "1 received" in tenants[tenant, "far"].run("ping", "-n", "-c", "1", "-W", "1", WEB["ipv4"]).stdout, f"seed {seed}"
