"""kill -9 of the agent, of the user plane, and of both, under 1,000 pings a second and with new connections coming."""
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
import wire
from stream import Sink, Stream, header
from tenants import FAMILY, NEAR, PLANE, WEB, Tenants

PINGS_PER_SECOND = 1000


@pytest.fixture(scope="module")
def tenants(make_lab):
    return Tenants(make_lab())


class Pings:
    """1,000 pings a second from a container, for as long as the `with` lasts; then .sent and .received."""

    def __init__(self, container, address, rate=PINGS_PER_SECOND):
        self.process = container.start("ping", "-n", "-q", "-i", 1 / rate, "-W", "1", address,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        time.sleep(0.3)
        return self

    def __exit__(self, *_):
        time.sleep(0.1)
        self.finish()

    def finish(self):
        self.process.send_signal(signal.SIGINT)
        text, _ = self.process.communicate(timeout=10)
        found = re.search(r"(\d+) packets transmitted, (\d+) received", text)
        assert found, text
        self.sent, self.received = int(found.group(1)), int(found.group(2))

    @property
    def lost(self):
        return max(0, self.sent - self.received - 1)  # the one under way when ping is told to end


class Connections:
    """New TCP connections, one after the other, each with a question and an answer; .failed lists what went wrong."""

    def __init__(self, tenants, tenant, place, family="ipv4"):
        self.made, self.failed = 0, []
        self.asked_enough, self.answered_enough = threading.Event(), threading.Event()
        self.client, self.family, self.address = tenants[tenant, place], family, WEB[family]
        self.port = tenants.fresh_port()
        self.listener = tenants.tcp_server(tenant, "web", family, self.port)
        self.listener.settimeout(0.2)
        self.answering, self.asking = threading.Thread(target=self._answer), threading.Thread(target=self._ask)

    def _answer(self):
        while not self.answered_enough.is_set():
            try:
                server, _ = self.listener.accept()
                with server:
                    server.settimeout(2)
                    server.sendall(server.recv(16))
            except OSError:
                pass

    def _ask(self):
        while not self.asked_enough.is_set():
            try:
                with self.client.socket(FAMILY[self.family], socket.SOCK_STREAM) as client:
                    client.settimeout(3)
                    client.connect((self.address, self.port))
                    client.sendall(b"hello")
                    assert client.recv(16) == b"hello"
                self.made += 1
            except (OSError, AssertionError) as error:
                self.failed.append(repr(error))

    def _syns_sent_again(self):
        names, values = [row.split() for row in self.client.run("cat", "/proc/net/netstat").stdout.splitlines()[:2]]
        return int(values[names.index("TCPSynRetrans")])

    def __enter__(self):
        self.before = self._syns_sent_again()
        self.answering.start()
        self.asking.start()
        return self

    def __exit__(self, *_):
        self.asked_enough.set()
        self.asking.join()  # the last question is answered, too
        self.answered_enough.set()
        self.answering.join()
        self.listener.close()
        again = self._syns_sent_again() - self.before
        if again:
            self.failed.append(f"{again} SYNs were sent again after a second")


def kill(process):
    process.kill()
    process.wait(5)


def wait_answered(container, address, seconds):
    """How long until a ping is answered; None if it never was."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if container.run("ping", "-n", "-c", "1", "-W", "0.1", address).returncode == 0:
            return time.monotonic() - began
    return None


@pytest.mark.parametrize("place", ["near", "far"])
def test_without_the_agent_the_kernel_plane_loses_nothing_and_the_next_agent_adopts(tenants, place):
    node = tenants.lab.nodes["node-a"]
    before = node.json("status")
    with Pings(tenants["red", place], WEB["ipv4"]) as old, Connections(tenants, "red", place) as new:
        kill(node.agent)
        time.sleep(1)
        assert node.biplane("status").returncode in (1, 3)
        made_while_dead = new.made
        node.start_agent()
        time.sleep(0.5)
    assert old.sent > 500 and old.lost == 0, f"{old.lost} of {old.sent} pings lost"
    assert made_while_dead > 10 and not new.failed, new.failed[:5]
    status = node.json("status")
    assert status["agent"]["adopted"] is True
    assert status["agent"]["pid"] != before["agent"]["pid"]
    assert status["kernelPlane"]["programsReplaced"] is False
    assert status["kernelPlane"]["hooks"] == before["kernelPlane"]["hooks"]
    assert status["epoch"] == before["epoch"], "nothing changed, so nothing is to be published"


def test_without_the_agent_the_user_plane_goes_on_too(tenants):
    node = tenants.lab.nodes["node-a"]
    with Pings(tenants["blue", "near"], WEB["ipv4"]) as old, Connections(tenants, "blue", "far") as new:
        kill(node.agent)
        time.sleep(0.7)
        node.start_agent()
        time.sleep(0.3)
    assert old.sent > 300 and old.lost == 0, f"{old.lost} of {old.sent} pings lost"
    assert new.made > 5 and not new.failed, new.failed[:5]


def test_the_tables_are_read_without_the_agent(tenants):
    node = tenants.lab.nodes["node-a"]
    kill(node.agent)
    for words in (("flows",), ("ports",), ("drops",), ("trace", "--from", "red/near", "--to", "10.0.0.20", "--proto", "udp",
                                                      "--dport", "53")):
        done = node.biplane(*words)
        assert done.returncode == 0, f"{words}: {done.stderr}"
    done = node.biplane("apply", "-f", "-", input="")
    assert done.returncode == 3, f"exit code {done.returncode}: {done.stderr}"
    node.start_agent()


def test_a_user_plane_that_is_late_loses_nothing(tenants):
    """Its heartbeat is five times older than the limit before it runs again; its ring holds what came meanwhile."""
    node, packets = tenants.lab.nodes["node-a"], 200
    wire.silence(tenants["blue", "web"])
    dropped = tenants.port_of("blue", "near")["drops"].get("user-plane-down", 0)
    sink = Sink(tenants["blue", "web"])
    node.user_plane.send_signal(signal.SIGSTOP)
    try:
        time.sleep(0.2)
        ports = [tenants.fresh_port() for _ in range(packets)]
        sent = Stream(tenants["blue", "near"], [header(NEAR["ipv4"], WEB["ipv4"], port, 4000) for port in ports], rate=1000, rounds=1).finish()
        time.sleep(0.3)
    finally:
        node.user_plane.send_signal(signal.SIGCONT)
    seen = sink.stop(quiet=1.0)
    assert len(sent[4000]) == packets and set(seen[4000]) == set(sent[4000]), f"{packets - len(seen[4000])} of {packets} were lost"
    assert tenants.port_of("blue", "near")["drops"].get("user-plane-down", 0) == dropped
    tenants["blue", "web"].run("nft", "flush", "ruleset")


def test_without_the_user_plane_kernel_flows_notice_nothing_and_user_flows_come_back(tenants):
    node = tenants.lab.nodes["node-a"]
    with Pings(tenants["red", "near"], WEB["ipv4"]) as near, Pings(tenants["red", "far"], WEB["ipv4"]) as far, \
            Connections(tenants, "red", "near") as new:
        kill(node.user_plane)
        time.sleep(0.5)
        dropped = tenants.port_of("blue", "near")["drops"].get("user-plane-down", 0)
        done = tenants["blue", "near"].run("ping", "-n", "-c", "3", "-i", "0.05", "-W", "0.3", WEB["ipv4"])
        assert "3 packets transmitted, 0 received" in done.stdout
        assert tenants.port_of("blue", "near")["drops"]["user-plane-down"] - dropped == 3
        began = time.monotonic()
        node.start_user_plane()
        assert wait_answered(tenants["blue", "near"], WEB["ipv4"], 3) is not None
        assert time.monotonic() - began < 1, "user flows go on within a second of the user plane's start"
        assert wait_answered(tenants["blue", "far"], WEB["ipv6"], 1) is not None
    assert near.lost == 0 and far.lost == 0, f"red lost {near.lost} and {far.lost} pings"
    assert not new.failed, new.failed[:5]


def test_a_user_connection_survives_the_restart_of_the_user_plane(tenants):
    node, port = tenants.lab.nodes["node-a"], tenants.fresh_port()
    with tenants.tcp_server("blue", "web", "ipv4", port) as listener, \
            tenants["blue", "far"].socket(FAMILY["ipv4"], socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect((WEB["ipv4"], port))
        server, _ = listener.accept()
        with server:
            server.settimeout(5)
            for word in (b"before", b"after"):
                client.sendall(word)
                assert server.recv(16) == word
                if word == b"before":
                    kill(node.user_plane)
                    time.sleep(0.2)
                    node.start_user_plane()


def test_both_die_and_both_come_back(tenants):
    node = tenants.lab.nodes["node-a"]
    with Pings(tenants["red", "far"], WEB["ipv4"]) as old, Connections(tenants, "red", "near") as new:
        kill(node.agent)
        kill(node.user_plane)
        time.sleep(0.7)
        node.start_user_plane()  # in the wrong order, too
        node.start_agent()
        assert wait_answered(tenants["blue", "near"], WEB["ipv4"], 1) is not None
    assert old.sent > 300 and old.lost == 0, f"{old.lost} of {old.sent} pings lost"
    assert not new.failed, new.failed[:5]
    assert node.json("status")["agent"]["adopted"] is True


def test_a_second_agent_refuses_to_start_and_changes_nothing(tenants):
    node = tenants.lab.nodes["node-a"]
    before = node.json("status")
    with Pings(tenants["red", "near"], WEB["ipv4"]) as pings:
        done = node.run(tenants.lab.programs / "biplaned", "--config", node.config, timeout=10)
    assert done.returncode == 1 and done.stderr.strip()
    assert pings.lost == 0
    after = node.json("status")
    assert (after["agent"]["pid"], after["epoch"]) == (before["agent"]["pid"], before["epoch"])


def test_a_second_user_plane_refuses_to_start(tenants):
    node = tenants.lab.nodes["node-a"]
    done = node.run(tenants.lab.programs / "biplane-userplane", "--config", node.config, timeout=10)
    assert done.returncode == 1 and done.stderr.strip()
    assert wait_answered(tenants["blue", "near"], WEB["ipv4"], 1) is not None


@pytest.mark.parametrize("tenant", PLANE)
def test_an_orderly_stop_leaves_the_datapath(tenants, tenant):
    node = tenants.lab.nodes["node-a"]
    with Pings(tenants[tenant, "near"], WEB["ipv4"]) as pings:
        node.agent.terminate()
        assert node.agent.wait(5) == 0
        time.sleep(0.3)
        node.start_agent()
    assert pings.lost == 0
