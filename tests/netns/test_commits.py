"""A hundred commits a second: no allowed packet is lost, no packet meets a mixture of two generations; kill -9 in a commit leaves one whole.

Two generations of policies take turns, and four ports tell which of them judged a packet, because both ends have a say:

    port          1000   2000   3000            4000            5000
    generation A  yes    no     the receiver's  the sender's    yes        side alone allows it
    generation B  no     yes    the sender's    the receiver's  yes

What passes to 3000 or 4000 was judged by the sender's policies of one generation and the receiver's of the other.
BIPLANE_COMMIT_SECONDS makes it longer (make soak: a minute).
"""
import http.client
import os
import re
import signal
import socket
import struct
import threading
import time

import pytest
from tenants import NEAR, PLANE, WEB, Tenants

SECONDS = float(os.environ.get("BIPLANE_COMMIT_SECONDS", "6"))
COMMITS_PER_SECOND = 100
PROBES_PER_SECOND = 400  # of each port
PORTS = (1000, 2000, 3000, 4000, 5000)
GENERATIONS = {"A": {"egress": (1000, 4000, 5000), "ingress": (1000, 3000, 5000)},
               "B": {"egress": (2000, 3000, 5000), "ingress": (2000, 4000, 5000)}}
KILLS = 8

POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: {direction}, namespace: {tenant} }}
spec:
  podSelector: {{}}
  policyTypes: [{type}]
  {direction}: [{{ ports: [{ports}] }}]
"""


def documents(tenant, generation):
    return "---\n".join(
        POLICY.format(tenant=tenant, direction=direction, type=direction.capitalize(),
                      ports=", ".join(f"{{protocol: UDP, port: {port}}}" for port in ports))
        for direction, ports in GENERATIONS[generation].items())


class Api(http.client.HTTPConnection):
    """The agent's socket: a process per commit would take longer than the commit."""

    def __init__(self, node):
        super().__init__("localhost", timeout=10)
        self.path = str(node.directory / "run" / "biplaned.sock")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def apply(self, text):
        self.request("POST", "/v1/apply", text)
        answer = self.getresponse()
        body = answer.read()
        assert answer.status == 200, body


def first_packet(source_port, port):
    udp = struct.pack("!HHHH4s", source_port, port, 12, 0, b"gene")
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, socket.inet_aton(NEAR["ipv4"]),
                       socket.inet_aton(WEB["ipv4"])) + udp


class Probes:
    """First packets to each port, and one established flow to 5000, for as long as the `with` lasts; then .arrived and .lost."""

    def __init__(self, tenants, tenant):
        self.servers = {port: tenants.udp_server(tenant, "web", "ipv4", port, buffer=64 << 20) for port in PORTS}
        self.raw = tenants[tenant, "near"].socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.established = tenants[tenant, "near"].socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.established.connect((WEB["ipv4"], 5000))
        self.ends = threading.Event()
        self.sender = threading.Thread(target=self._send)
        self.sent = {port: 0 for port in PORTS}
        self.sent["established"] = 0

    def _send(self):
        source_port, begin = 10_000, time.monotonic()
        while not self.ends.is_set():
            due = int((time.monotonic() - begin) * PROBES_PER_SECOND)
            while self.sent[5000] < due:
                source_port = source_port + 1 if source_port < 60_000 else 10_000
                for port in PORTS:
                    self.raw.sendto(first_packet(source_port, port), (WEB["ipv4"], 0))
                    self.sent[port] += 1
                self.established.send(b"established %d" % self.sent["established"])
                self.sent["established"] += 1
            time.sleep(0.002)

    def __enter__(self):
        self.sender.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.sender.join()
        self.arrived = {name: 0 for name in self.sent}
        for port, server in self.servers.items():
            server.settimeout(0.5)
            try:
                while True:
                    self.arrived["established" if server.recv(64).startswith(b"established") else port] += 1
            except socket.timeout:
                pass
            server.close()
        self.raw.close()
        self.established.close()

    def check(self):
        assert self.arrived[3000] == 0 and self.arrived[4000] == 0, f"packets met a mixture of two generations: {self.arrived}"
        assert self.arrived[5000] == self.sent[5000], f"allowed first packets were lost: {self.arrived} of {self.sent}"
        assert self.arrived["established"] == self.sent["established"], f"an established flow lost packets: {self.arrived} of {self.sent}"


@pytest.fixture(scope="module")
def tenants(make_lab):
    return Tenants(make_lab(settings={"flows": 524288}))


@pytest.mark.parametrize("tenant", PLANE)
def test_a_hundred_commits_a_second(tenants, tenant):
    node = tenants.node_of("web")
    api = Api(node)
    api.apply(documents(tenant, "A"))
    commits, begin = 0, time.monotonic()
    with Probes(tenants, tenant) as probes:
        while (passed := time.monotonic() - begin) < SECONDS:
            if passed * COMMITS_PER_SECOND < commits:
                time.sleep(0.0005)
                continue
            commits += 1
            api.apply(documents(tenant, "AB"[commits % 2]))
    probes.check()
    assert probes.arrived[1000] > 0 and probes.arrived[2000] > 0, "only one generation was ever seen"
    print(f"{tenant}: {commits / SECONDS:.0f} commits a second, arrived {probes.arrived} of {probes.sent}")
    # What the machine did beside it decides how many there were; a tenth of what was asked for would be no test.
    assert commits > SECONDS * COMMITS_PER_SECOND / 4, f"{commits} commits in {SECONDS} s"


@pytest.mark.parametrize("tenant", PLANE)
def test_kill_9_in_the_middle_of_a_commit_leaves_one_generation_whole(tenants, tenant):
    node = tenants.node_of("web")
    Api(node).apply(documents(tenant, "A"))
    with Probes(tenants, tenant) as probes:
        for kill in range(KILLS):
            api, last = Api(node), [None]

            def commit():
                try:
                    for n in range(1, 100_000):
                        api.apply(documents(tenant, "AB"[n % 2]))
                        last[0] = n
                except (OSError, http.client.HTTPException):
                    pass

            committer = threading.Thread(target=commit)
            committer.start()
            time.sleep(0.1 + 0.0013 * kill)  # another moment of a commit each time
            node.agent.send_signal(signal.SIGKILL)
            node.agent.wait()
            committer.join()
            assert last[0], "the agent died before its first commit"
            node.start_agent()
            # What is stored is one of the two generations, and it is in force.
            stored = stored_ports(node, tenant)
            assert stored in GENERATIONS.values(), f"the store has a mixture: {stored}"
            generation = "A" if stored == GENERATIONS["A"] else "B"
            assert reaches(tenants, tenant) == {1000: generation == "A", 2000: generation == "B", 3000: False, 4000: False, 5000: True}
    probes.check()


def stored_ports(node, tenant):
    """direction -> ports, as GENERATIONS has them."""
    found = {}
    for text in node.biplane("get", "NetworkPolicy", "-o", "yaml").stdout.split("---\n"):
        if f"namespace: {tenant}" in text:
            found[re.search(r"name: (\w+)", text).group(1)] = tuple(int(port) for port in re.findall(r"port: (\d+)", text))
    return found


def reaches(tenants, tenant):
    """Which of the ports a first packet reaches now, by what the receiver's port has delivered."""
    found = {}
    for port in PORTS:
        trace = tenants.node_of("near").json("trace", "--from", f"{tenant}/near", "--to", WEB["ipv4"], "--proto", "udp", "--sport",
                                             tenants.fresh_port(), "--dport", port)
        judged = trace["userPlane"] or trace
        found[port] = judged["verdict"] != "drop"
    return found
