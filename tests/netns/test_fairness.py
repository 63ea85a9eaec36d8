"""One tenant floods new flows; another one must not notice: not in the rate and latency of its connects, not in its established
flows. What is compared is the same flood of packets of flows that are there already, so that the processor has as much to carry.
Long form: BIPLANE_FLOOD=2000000 (new flows in each run)."""
import json
import os
import pathlib
import socket
import statistics
import subprocess
import time

import pytest
from tenants import NETWORK, WEB, NEAR

FRAMES = int(os.environ.get("BIPLANE_FLOOD", 400_000))
ROUNDS, ROUNDS_MAX = 3, 7      # noise of the machine: more rounds before it is called unfair
PORTION = 150                  # frames at a time, with a pause of a millisecond between: some 120,000 a second
FLOOD_PROCESSOR, QUIET_PROCESSOR = "0", "1"
ESTABLISHED, ASKED_PER_ROUND = 50, 1000
BENCH = pathlib.Path(os.environ.get("BIPLANE_PROGRAMS", "build/dev/bin")).resolve().parent / "bench"

WORKLOAD = """apiVersion: biplane.dev/v1alpha1
kind: Workload
metadata: {{ name: {name}, namespace: {tenant} }}
spec: {{ network: {tenant}, node: node-a, addresses: [{address}], netns: {tenant}-{name}, hook: {hook} }}
"""


def scene():
    texts = [NETWORK.format(name=name, vni=vni, plane="kernel") for name, vni in (("red", 100), ("blue", 200))]
    for tenant, hook in (("red", "xdp"), ("blue", "auto")):
        texts += [WORKLOAD.format(tenant=tenant, name=name, address=address["ipv4"], hook=hook)
                  for name, address in (("web", WEB), ("near", NEAR))]
    return "---\n".join(texts)


class Scene:
    def __init__(self, make_lab):
        self.lab = make_lab(nodes=("node-a",))
        self.node = self.lab.nodes["node-a"]
        for tenant in ("red", "blue"):
            for name in ("web", "near"):
                self.lab.container(f"{tenant}-{name}")
        self.lab.apply(self.lab.node_documents() + "---\n" + scene())
        self.web, self.near = self.lab.containers["blue-web"], self.lab.containers["blue-near"]
        self.first = 0
        self.serve()

    def serve(self):
        self.server = self.near.start("taskset", "-c", QUIET_PROCESSOR, BENCH / "bench-requests", "--address", NEAR["ipv4"], "serve",
                                      stdout=subprocess.PIPE, text=True)
        assert self.server.stdout.readline() == "ready\n"

    def flood(self, is_new):
        """Frames from red/web: each a flow of its own, or all of a thousand that are there."""
        red = self.lab.containers["red-web"]
        port = self.node.port("red/web")
        words = ["taskset", "-c", FLOOD_PROCESSOR, BENCH / "bench-generate", "--interface", "eth0", "--frames", FRAMES, "--portion", PORTION,
                 "--flows", 0 if is_new else 1000, "--first", self.first if is_new else 0, "--source", WEB["ipv4"],
                 "--destination", NEAR["ipv4"], "--source-mac", mac_of(red), "--destination-mac", self.router_mac(red)]
        if is_new:
            self.first += FRAMES
        return red.start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def router_mac(self, container):
        """What the workload sends to: asked of its neighbour table."""
        container.run("ping", "-c", "1", "-W", "1", NEAR["ipv4"])
        for line in container.run("ip", "neigh", "show", "dev", "eth0").stdout.splitlines():
            words = line.split()
            if "lladdr" in words:
                return words[words.index("lladdr") + 1]
        raise AssertionError("red/web does not know its router")

    def connect(self, is_new):
        """Connects one after the other while red floods; what blue's client measured."""
        flood = self.flood(is_new)
        time.sleep(0.3)
        client = self.web.start("taskset", "-c", QUIET_PROCESSOR, BENCH / "bench-requests", "--address", NEAR["ipv4"], "ask", "--connect-each",
                                "--seconds", str(seconds_of_a_run()), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said, complaint = client.communicate(timeout=60)
        assert client.returncode == 0, complaint
        assert flood.poll() is None, "the flood ended before the measurement did"
        report, complaint = flood.communicate(timeout=60)
        assert flood.returncode == 0, complaint
        return json.loads(said), json.loads(report)


def seconds_of_a_run():
    return FRAMES / 200_000


def mac_of(container):
    return json.loads(container.run("ip", "-j", "link", "show", "eth0").stdout)[0]["address"]


class Conversations:
    """Answered UDP flows of blue that go on the whole time: every datagram must arrive."""

    def __init__(self, scene):
        self.server = scene.near.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self.server.bind(("", 9000))
        self.server.settimeout(2)
        self.clients = [scene.web.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(ESTABLISHED)]
        for client in self.clients:
            client.connect((NEAR["ipv4"], 9000))
            client.settimeout(2)
            client.send(b"hello")
            _, sender = self.server.recvfrom(64)
            self.server.sendto(b"hello", sender)
            assert client.recv(64) == b"hello"

    def ask(self, count):
        """How many of so many datagrams arrived."""
        for number in range(count):
            self.clients[number % ESTABLISHED].send(b"%d" % number)
            time.sleep(0.001)
        arrived = 0
        self.server.settimeout(0.5)
        try:
            while arrived < count:
                self.server.recv(64)
                arrived += 1
        except socket.timeout:
            pass
        return arrived

    def close(self):
        for end in (self.server, *self.clients):
            end.close()


@pytest.fixture(scope="module")
def tenants(make_lab):
    return Scene(make_lab)


def test_a_flood_of_new_flows_leaves_the_connects_of_another_tenant_as_they_were(tenants):
    rates, tails, said = [], [], []
    while len(rates) < ROUNDS_MAX:
        quiet, carried = tenants.connect(is_new=False)
        flooded, flood = tenants.connect(is_new=True)
        rates.append(flooded["rate"] / quiet["rate"])
        tails.append(flooded["p99_us"] / quiet["p99_us"])
        said.append((round(quiet["rate"]), round(flooded["rate"]), quiet["p99_us"], flooded["p99_us"], carried["sent"], flood["sent"]))
        if len(rates) >= ROUNDS and statistics.median(rates) >= 0.9 and statistics.median(tails) <= 1.1:
            break
    print(f"connects/s quiet, flooded; p99 quiet, flooded; frames: {said}")
    assert statistics.median(rates) >= 0.9, said
    assert statistics.median(tails) <= 1.1, said
    drops = tenants.node.drops()
    assert drops.get("flow-quota-workload", 0) + drops.get("flow-quota-network", 0) > 0, f"the flood filled nothing: {drops}"
    assert_nothing_of_blue_was_dropped(tenants)


def test_established_flows_of_another_tenant_lose_nothing(tenants):
    conversations = Conversations(tenants)
    flood = tenants.flood(is_new=True)
    time.sleep(0.3)
    arrived = conversations.ask(ASKED_PER_ROUND)
    assert flood.poll() is None, "the flood ended before the measurement did"
    flood.communicate(timeout=60)
    conversations.close()
    assert arrived == ASKED_PER_ROUND
    assert_nothing_of_blue_was_dropped(tenants)


def test_the_table_is_whole_afterwards(tenants):
    done = tenants.node.biplane("flows", "--audit")
    assert done.returncode == 0, done.stdout + done.stderr
    audit = json.loads(done.stdout)
    assert audit["halfPairs"] == 0 and audit["staleClaims"] == 0 and not audit["wrongOwners"]
    assert audit["pairs"] > 0


def assert_nothing_of_blue_was_dropped(tenants):
    for name in ("blue/web", "blue/near"):
        port = tenants.node.port(name)
        dropped = {reason: count for plane in ("kernel", "user") for reason, count in port[plane]["drops"].items()
                   if count and (reason.startswith("flow-") or reason == "tcp-no-flow")}
        assert not dropped, f"{name}: {dropped}"
