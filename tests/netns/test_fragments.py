"""Fragments: what stacks send passes both ways in both planes; what was made to slip through does not, and is counted."""
import itertools
import socket
import subprocess

import pytest
from injector import Injector, ipv4, ipv6
from scapy.all import UDP, IPv6ExtHdrFragment, Raw, raw
from tenants import FAMILY, NEAR, PLANE, WEB, Tenants

PORT = 7000
ADDRESS = {"near": NEAR, "far": {"ipv4": "10.0.0.20", "ipv6": "fd00:a::20"}}


@pytest.fixture(scope="module")
def tenants(make_lab):
    return Tenants(make_lab())


@pytest.mark.parametrize("tenant", PLANE)
@pytest.mark.parametrize("family", WEB)
@pytest.mark.parametrize("place", ADDRESS)
def test_large_pings_pass_both_ways(tenants, tenant, family, place):
    for container, address in ((tenants[tenant, place], WEB[family]), (tenants[tenant, "web"], ADDRESS[place][family])):
        done = container.run("ping", "-n", "-c", "5", "-i", "0.05", "-W", "1", "-s", "3000", address)
        assert "5 received" in done.stdout, done.stdout


@pytest.mark.parametrize("tenant", PLANE)
@pytest.mark.parametrize("family", WEB)
@pytest.mark.parametrize("place", ADDRESS)
def test_large_datagrams_pass_both_ways_as_one_flow(tenants, tenant, family, place):
    server = tenants.udp_server(tenant, "web", family, PORT, buffer=1 << 20)
    with server, tenants[tenant, place].socket(FAMILY[family], socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.connect((WEB[family], PORT))
        port = client.getsockname()[1]
        for size in (1, 3000, 16000, 60000):
            client.send(b"q" * size)
            question, peer = server.recvfrom(65535)
            assert question == b"q" * size
            server.sendto(b"a" * size, peer)
            assert client.recv(65535) == b"a" * size
    mine = [flow for flow in tenants.flows("node-a", tenant) if port in (flow["sourcePort"], flow["destinationPort"])]
    assert len(mine) == 1 and mine[0]["packets"] > 50 and mine[0]["replyPackets"] == mine[0]["packets"], mine


# --- made by hand ---

@pytest.fixture(scope="module", params=PLANE)
def injector(request, tenants):
    injector = Injector(tenants, request.param)
    yield injector
    injector.socket.close()


class Fragments:
    """Fragments of datagrams to the web server's workload, cut out of finished bytes."""

    def __init__(self, injector, family):
        self.injector, self.family = injector, family

    def frame(self, offset, more, data, identification):
        if self.family == "ipv4":
            header = ipv4(id=identification, flags="MF" if more else 0, frag=offset // 8, proto=17)
        else:
            header = ipv6() / IPv6ExtHdrFragment(id=identification, offset=offset // 8, m=int(more), nh=17)
        return self.injector.ether() / header / Raw(data)

    def datagram(self, text, port=PORT, source=5555):
        """The bytes of a UDP datagram with a valid checksum."""
        header = (ipv4() if self.family == "ipv4" else ipv6()) / UDP(sport=source, dport=port) / Raw(text)
        return raw(header)[20 if self.family == "ipv4" else 40:]


@pytest.fixture(params=WEB)
def fragments(request, injector):
    return Fragments(injector, request.param)


@pytest.fixture
def server(tenants, injector, fragments):
    with tenants.udp_server(injector.tenant, "web", fragments.family, PORT) as server:
        server.settimeout(0.3)
        yield server


def received(server):
    try:
        return server.recv(65535)
    except socket.timeout:
        return None


TEXT = b"0123456789abcdef" * 4


def test_what_is_cut_by_hand_arrives(injector, fragments, server):
    data = fragments.datagram(TEXT)
    for offset in range(0, len(data), 24):
        injector.send(fragments.frame(offset, offset + 24 < len(data), data[offset:offset + 24], 101))
    assert received(server) == TEXT


@pytest.mark.parametrize("name, order, reason, count, arrives", [
    ("the last one first", (2, 0, 1), "fragment-first-missing", 1, False),
    ("no first one", (1, 2), "fragment-first-missing", 2, False),
    ("all backwards", (2, 1, 0), "fragment-first-missing", 2, False),
    ("the second one twice", (0, 1, 1, 2), "fragment-first-missing", 0, True),
])
def test_fragments_in_another_order(injector, fragments, server, name, order, reason, count, arrives):
    data = fragments.datagram(TEXT)
    pieces = [(0, True, data[:24]), (24, True, data[24:48]), (48, False, data[48:])]
    before = injector.port()["drops"].get(reason, 0)
    for number in order:
        injector.send(fragments.frame(*pieces[number], 200 + hash(name) % 1000))
    assert injector.is_counted(reason, count, before), injector.port()["drops"]
    assert (received(server) is not None) == arrives


def test_nothing_overlaps_the_first_fragment(injector, fragments, server):
    """The second fragment would put another port over the first one's; without it the datagram is not whole."""
    data = fragments.datagram(TEXT)
    before = injector.port()["drops"].get("fragment-overlap", 0)
    injector.send(fragments.frame(0, True, data[:32], 301))
    injector.send(fragments.frame(16, True, data[16:40], 301))
    injector.send(fragments.frame(40, False, data[40:], 301))
    assert injector.is_counted("fragment-overlap", 1, before), injector.port()["drops"]
    assert received(server) is None


def test_a_second_first_fragment_with_another_port(injector, fragments, server):
    """IPv6: it is dropped, and the datagram arrives. IPv4: what a host makes of it is its own affair, both were allowed."""
    mine, other = fragments.datagram(TEXT), fragments.datagram(TEXT, source=5556)
    before = injector.port()["drops"].get("fragment-conflict", 0)
    injector.send(fragments.frame(0, True, mine[:24], 401))
    injector.send(fragments.frame(0, True, other[:24], 401))
    injector.send(fragments.frame(24, False, mine[24:], 401))
    assert injector.is_counted("fragment-conflict", 1 if fragments.family == "ipv6" else 0, before), injector.port()["drops"]
    if fragments.family == "ipv6":
        assert received(server) == TEXT


def first_fragments_without_end(fragments, data):
    """Frames with ever new identifications."""
    template = bytes(fragments.frame(0, True, data[:24], 0))
    for number in range(1 << 16):
        frame = bytearray(template)
        if fragments.family == "ipv6":
            frame[58:62] = number.to_bytes(4, "big")
        else:  # the checksum of a header whose identification was 0, as ones' complement has it
            checksum = 0xffff - int.from_bytes(template[24:26], "big") + number
            frame[18:20] = number.to_bytes(2, "big")
            frame[24:26] = (0xffff - (checksum & 0xffff) - (checksum >> 16)).to_bytes(2, "big")
        yield frame


def test_many_unfinished_datagrams_keep_nobody_from_his_own(tenants, injector, fragments):
    """A workload begins more datagrams than the table holds (8192); another one's large pings pass meanwhile."""
    web = tenants[injector.tenant, "web"]
    for limit in ("net.ipv4.ipfrag_high_thresh", "net.ipv6.ip6frag_high_thresh"):
        web.sysctl(limit, 1 << 28)  # what the receiver keeps of them is another matter
    flood = list(itertools.islice(first_fragments_without_end(fragments, fragments.datagram(TEXT)), 20000))
    before = tenants.lab.nodes["node-a"].drops().get("fragment-first-missing", 0)
    pinging = tenants[injector.tenant, "far"].start(
        "ping", "-n", "-q", "-c", "20", "-i", "0.1", "-W", "1", "-s", "3000", WEB[fragments.family], stdout=subprocess.PIPE, text=True)
    for frame in flood:
        injector.socket.send(frame)
    assert pinging.poll() is None, "the flood took longer than the pings"
    said = pinging.communicate(timeout=10)[0]
    assert tenants.lab.nodes["node-a"].drops().get("fragment-first-missing", 0) == before
    assert "20 received" in said, said
