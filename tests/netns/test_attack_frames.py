"""Hostile frames from a workload and from the fabric, for as long as asked. What must hold while they come: a workload is reached only
by what its policies allow and only with its own addresses, another tenant sees nothing, the node's stack hears nothing, and what leaves
the node is the tunnel. Afterwards every packet is counted, the flow table is whole, and everything works as before."""
import collections
import os
import pathlib
import random
import socket
import struct
import threading

import pytest
import wire
from conftest import PROGRAMS
from stream import Sink, Stream, header
from tenants import FAR, NEAR, PLANE, VNI, WEB, Tenants

SECONDS = float(os.environ.get("BIPLANE_ATTACK_SECONDS", "8"))  # of each attack; make soak: an hour in all
RATE = 20_000
ALLOWED_PORT = 1003  # one of the few ports that the packet source uses
SENDER = pathlib.Path(PROGRAMS).parent / "tests" / "send_hostile"

POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: web, namespace: {tenant} }}
spec:
  podSelector: {{ matchExpressions: [{{ key: app, operator: DoesNotExist }}] }}
  policyTypes: [Ingress]
  ingress: [{{ ports: [{{ protocol: UDP, port: {port} }}] }}]
"""


@pytest.fixture(scope="module")
def tenants(make_lab):
    scene = Tenants(make_lab())
    scene.lab.apply("---\n".join(POLICY.format(tenant=tenant, port=ALLOWED_PORT) for tenant in PLANE))
    for container in scene.lab.containers.values():
        wire.silence(container)
    return scene


def mac_of(namespace, interface):
    return namespace.ip("-o", "link", "show", interface).split("link/ether ")[1].split()[0]


class Watch:
    """Every frame that comes in through an interface, judged by `complaint`; the complaints and how often each."""

    def __init__(self, namespace, interface, complaint, direction=None):
        self.complaints, self.frames = collections.Counter(), 0
        self.complaint, self.wanted, self.halt = complaint, direction, False
        self.receiver = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self.receiver.setsockopt(socket.SOL_SOCKET, wire.SO_RCVBUFFORCE, 64 << 20)
        self.receiver.bind((interface, 0x0003))
        self.receiver.settimeout(0.05)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                frame, address = self.receiver.recvfrom(4096)
            except socket.timeout:
                if self.halt:
                    return
                continue
            is_outgoing = address[2] == socket.PACKET_OUTGOING
            if is_outgoing != (self.wanted == "out"):
                continue
            self.frames += 1
            said = self.complaint(frame)
            if said:
                self.complaints[said] += 1

    def stop(self):
        self.halt = True
        self.thread.join()
        self.receiver.close()
        return self.complaints


def addresses(frame):
    """(source, destination, protocol, transport) as text and bytes; None if it is no whole IP packet."""
    packet = frame[14:]
    if frame[12:14] == b"\x08\x00" and len(packet) >= 20:
        header = (packet[0] & 15) * 4
        return socket.inet_ntop(socket.AF_INET, packet[12:16]), socket.inet_ntop(socket.AF_INET, packet[16:20]), packet[9], packet[header:]
    if frame[12:14] == b"\x86\xdd" and len(packet) >= 40:
        return (socket.inet_ntop(socket.AF_INET6, packet[8:24]), socket.inet_ntop(socket.AF_INET6, packet[24:40]), packet[6], packet[40:])
    return None


def is_own_speech(frame):
    """ARP and neighbour discovery of the gateway, which is the router."""
    return frame[12:14] == b"\x08\x06" or (frame[12:14] == b"\x86\xdd" and frame[20] == wire.ICMPV6 and frame[54] in range(133, 137))


def is_error_about_allowed(protocol, transport):
    """An ICMP error belongs to the flow whose answer it embeds: one from the allowed port."""
    if (protocol, transport[0]) not in [(wire.ICMP, kind) for kind in (3, 11, 12)] + [(wire.ICMPV6, kind) for kind in (1, 2, 3, 4)]:
        return False
    embedded = transport[8:]
    if protocol == wire.ICMP:
        source, inner, ports = embedded[12:16], embedded[9], embedded[(embedded[0] & 15) * 4:]
        return source == socket.inet_aton(WEB["ipv4"]) and inner == wire.UDP and ports[:2] == ALLOWED_PORT.to_bytes(2, "big")
    return embedded[8:24] == socket.inet_pton(socket.AF_INET6, WEB["ipv6"])


def complaint_at_web(frame):
    """A web workload lets UDP to one port in, from its own network, and errors about what it answers."""
    if is_own_speech(frame):
        return None
    found = addresses(frame)
    if not found:
        return f"neither IP nor ARP: {frame[12:14].hex()}"
    source, destination, protocol, transport = found
    if destination not in WEB.values():
        return f"for {destination}"
    if source not in (*NEAR.values(), *FAR.values()):
        return f"from {source}"
    is_fragment = frame[12:14] == b"\x08\x00" and struct.unpack("!H", frame[20:22])[0] & 0x1fff
    is_extended = frame[12:14] == b"\x86\xdd" and protocol not in (wire.UDP, wire.TCP, wire.ICMPV6)
    if is_fragment or is_extended:  # it is judged with its first, or by what follows the extension headers
        return None
    if is_error_about_allowed(protocol, transport):
        return None
    if protocol != wire.UDP or struct.unpack("!H", transport[2:4])[0] != ALLOWED_PORT:
        return f"protocol {protocol}, {transport[:4].hex()}"
    return None


def complaint_on_underlay(frame):
    """A node sends the tunnel, ARP and neighbour discovery; nothing of a workload in clear."""
    if is_own_speech(frame):
        return None
    found = addresses(frame)
    if not found:
        return f"neither IP nor ARP: {frame[12:14].hex()}"
    source, destination, protocol, transport = found
    if source.startswith("192.0.2.") and protocol == wire.UDP and transport[2:4] == (4789).to_bytes(2, "big"):
        vni = int.from_bytes(transport[12:15], "big")
        return None if vni in VNI.values() else f"VNI {vni}"
    if protocol == wire.ICMPV6 and source.startswith("fe80"):
        return None  # the stack's own: router solicitations and the like
    return f"{source} to {destination}, protocol {protocol}"


def attack(namespace, interface, destination, *words):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    done = namespace.run(SENDER, "--interface", interface, "--source", mac_of(namespace, interface), "--destination", destination,
                         "--seconds", SECONDS, "--rate", RATE, "--seed", seed, *words, timeout=SECONDS + 60)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def check_aftermath(tenants):
    for node in tenants.lab.nodes.values():
        assert node.agent.poll() is None and node.user_plane.poll() is None, f"a daemon of {node.name} ended"
        audit = node.biplane("flows", "--audit")
        assert audit.returncode == 0, audit.stdout
    for tenant in PLANE:
        sink = Sink(tenants[tenant, "web"])
        headers = [header(FAR["ipv4"], WEB["ipv4"], tenants.fresh_port(), port) for port in (ALLOWED_PORT, ALLOWED_PORT + 1)]
        Stream(tenants[tenant, "far"], headers, rate=100, rounds=10).finish()
        seen = sink.stop()
        assert (len(seen[ALLOWED_PORT]), len(seen[ALLOWED_PORT + 1])) == (10, 0), f"{tenant}: {dict(seen)}"


@pytest.mark.parametrize("tenant", PLANE)
def test_hostile_frames_of_a_workload_reach_nothing_that_policy_forbids(tenants, tenant):
    other = next(one for one in PLANE if one != tenant)
    node = tenants.lab.nodes["node-a"]
    attacker = tenants[tenant, "near"]
    attacker.run("ping", "-n", "-c", "1", "-W", "1", WEB["ipv4"])  # makes the gateway known
    gateway = attacker.ip("neigh", "show", "169.254.1.1").split("lladdr ")[1].split()[0]
    before = node.port(f"{tenant}/near")["kernel"]["received"]
    watches = {"web": Watch(tenants[tenant, "web"], "eth0", complaint_at_web),
               "the other tenant": Watch(tenants[other, "web"], "eth0", lambda frame: None if is_own_speech(frame) else "a frame"),
               "underlay": Watch(node, "fabric0", complaint_on_underlay, "out")}
    sent = attack(attacker, "eth0", gateway)
    complaints = {place: watch.stop() for place, watch in watches.items()}
    assert not any(complaints.values()), complaints
    print(f"{tenant}: {sent} frames, {watches['web'].frames} came to web")
    assert sent > 1000 * SECONDS and watches["web"].frames > 0
    assert node.port(f"{tenant}/near")["kernel"]["received"] - before >= sent * 0.9
    check_aftermath(tenants)


def test_hostile_frames_of_the_fabric_reach_nothing_that_policy_forbids(tenants):
    sender, receiver = tenants.lab.nodes["node-b"], tenants.lab.nodes["node-a"]
    watches = {tenant: Watch(tenants[tenant, "web"], "eth0", complaint_at_web) for tenant in PLANE}
    sent = attack(sender, "fabric0", mac_of(receiver, "fabric0"), "--fabric")
    complaints = {place: watch.stop() for place, watch in watches.items()}
    assert not any(complaints.values()), complaints
    print(f"fabric: {sent} frames, {[watch.frames for watch in watches.values()]} came to web")
    assert sent > 1000 * SECONDS
    check_aftermath(tenants)
